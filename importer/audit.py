"""Every invoice at Abillify, one after the other: which lack a document, and where ledger and Abillify differ.

Asks one question after the other, through the client's rate limit, and changes nothing anywhere. What was found is kept
in a small file as it goes, so that an audit that is stopped goes on where it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Abillify, Listing
from importer.adapters.ledger import Ledger
from importer.adapters.progress_file import read_progress, remove_progress, write_progress
from importer.core.audit import AuditFinding, Gap, audit_invoice, from_comparison
from importer.core.comparison import Mark, about
from importer.core.model import Absent, ReadFailed, State
from importer.line import Line
from importer.reconcile import as_listed, ask

T = TypeVar("T")

PAGE_SIZE = 100
KEEP_EVERY = 50
"""Invoices after which what was found is kept."""

STALE = timedelta(days=1)
"""An audit that was left for longer starts over: much has changed since."""

VERSION = 1


class LineStopped(Exception):
    """Abillify cannot be asked any further now."""


@dataclass(slots=True)
class Progress:
    """What is done, and what was found."""

    begun_at: datetime
    done: dict[str, None] = field(default_factory=dict)
    """References of the invoices that were looked at."""
    findings: list[AuditFinding] = field(default_factory=list)
    is_resumed: bool = False


class Auditor:
    """One audit.

    Args:
        account: whose documents count.
        ledger: what we have.
        client: what Abillify has.
        line: whether it can be asked.
        log: tells how far it is.
        file: where progress is kept.
        since: leaves out invoices created, and documents imported, earlier.
    """

    def __init__(
        self,
        *,
        account: str,
        ledger: Ledger,
        client: Abillify,
        line: Line,
        log: FilteringBoundLogger,
        file: Path,
        since: datetime | None,
    ) -> None:
        self._account = account
        self._ledger = ledger
        self._client = client
        self._line = line
        self._log = log
        self._file = file
        self._since = since
        self.progress = Progress(datetime.now(UTC))

    def resume(self, now: datetime) -> bool:
        """Takes up an earlier audit that was not finished, if it was about the same and is not stale."""
        kept = _kept(read_progress(self._file), self._about(), now)
        if kept is not None:
            self.progress = kept
        return kept is not None

    def run(self, is_ended: Callable[[], bool] = lambda: False) -> bool:
        """Goes through what is not done yet; whether it came to the end.

        Raises:
            LineStopped: Abillify cannot be asked any further. What was found so far is kept.
        """
        try:
            for number, reference in enumerate(self._references(), start=1):
                if is_ended():
                    return False
                if reference not in self.progress.done:
                    self.progress.findings += self._audit(reference)
                    self.progress.done[reference] = None
                if number % KEEP_EVERY == 0:
                    self._log.info("audit.progress", invoices=len(self.progress.done))
                    self._keep()
        finally:
            self._keep()
        remove_progress(self._file)
        return True

    # ------------------------------------------------------------ which invoices

    def _references(self) -> Iterator[str]:
        """Those that Abillify lists, then those of our imports that it does not list."""
        seen: set[str] = set()
        for row in self._rows():
            reference = row.get("reference")
            if isinstance(reference, str) and reference and reference not in seen and self._is_recent(row):
                seen.add(reference)
                yield reference
        for document in self._ledger.documents(states=[State.IMPORTED]):
            is_recent = self._since is None or (document.imported_at or self._since) >= self._since
            if document.account == self._account and is_recent and document.invoice_reference not in (None, *seen):
                assert document.invoice_reference is not None
                seen.add(document.invoice_reference)
                yield document.invoice_reference

    def _rows(self) -> Iterator[dict[str, Any]]:
        """All rows. Where pages begin is unspecified: so from 1 on until one brings nothing new, then 0."""
        seen: set[str] = set()
        page = 1
        while new := self._new_rows(page, seen):
            yield from new
            page += 1
        yield from self._new_rows(0, seen, is_certain=False)

    def _new_rows(self, page: int, seen: set[str], *, is_certain: bool = True) -> list[dict[str, Any]]:
        question = self._client.invoices
        rows = self._answer(lambda: question(page, PAGE_SIZE)) if is_certain else question(page, PAGE_SIZE)
        if isinstance(rows, ReadFailed):
            if is_certain:
                raise LineStopped(rows.cause)
            return []  # there is no page 0
        new = [row for row in rows if str(row.get("id") or row) not in seen]
        seen.update(str(row.get("id") or row) for row in new)
        return new

    def _is_recent(self, row: dict[str, Any]) -> bool:
        """Asked of our own side: how a filter is written is not told precisely enough to rely on."""
        try:
            created = datetime.fromisoformat(str(row.get("created")))
        except ValueError:
            return True
        return self._since is None or (created if created.tzinfo else created.replace(tzinfo=UTC)) >= self._since

    # ------------------------------------------------------------ one invoice

    def _audit(self, reference: str) -> list[AuditFinding]:
        listing = self._answer(lambda: self._client.communications(reference))
        # Read after the list, so that what was imported in between is known.
        documents = [d for d in self._ledger.with_reference(reference) if d.account == self._account]
        if isinstance(listing, ReadFailed):
            if not self._line.is_open:
                raise LineStopped(listing.cause)
            return [AuditFinding(gap=Gap.UNCHECKED, invoice_reference=reference, detail=listing.cause)]
        if isinstance(listing, Absent):
            missing = "Abillify answers that there is no such invoice, or none that the credentials may see"
            imported = [document for document in documents if document.state is State.IMPORTED]
            return [from_comparison(about(document, Mark.ONLY_HERE, missing)) for document in imported]
        assert isinstance(listing, Listing)
        return audit_invoice(reference, documents, [as_listed(entry) for entry in listing.communications])

    def _answer(self, question: Callable[[], T | ReadFailed]) -> T | ReadFailed:
        answer = ask(self._line, question)
        if isinstance(answer, ReadFailed) and not self._line.is_open:
            raise LineStopped(answer.cause)
        return answer

    # ------------------------------------------------------------ kept

    def _about(self) -> dict[str, Any]:
        since = self._since.isoformat() if self._since else None
        return {"version": VERSION, "account": self._account, "since": since}

    def _keep(self) -> None:
        progress = self.progress
        write_progress(
            self._file,
            self._about()
            | {
                "begun_at": progress.begun_at.isoformat(),
                "done": list(progress.done),
                "findings": [asdict(finding) for finding in progress.findings],
            },
        )


def _kept(content: dict[str, Any] | None, about: dict[str, Any], now: datetime) -> Progress | None:
    if content is None or any(content.get(name) != value for name, value in about.items()):
        return None
    try:
        begun_at = datetime.fromisoformat(content["begun_at"])
        findings = [AuditFinding(**{**told, "gap": Gap(told["gap"])}) for told in content["findings"]]
        progress = Progress(begun_at, dict.fromkeys(content["done"]), findings, is_resumed=True)
        return progress if timedelta(0) <= now - begun_at <= STALE else None
    except (KeyError, TypeError, ValueError):
        return None  # not ours, or not whole: one starts over
