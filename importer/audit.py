"""Every invoice at Abillify, one after the other: which lack a document, and where ledger and Abillify differ.

Asks one question after the other, through the client's rate limit, and changes nothing anywhere. What was found is kept
in a small file as it goes, so that an audit that is stopped goes on where it was; what the last one has found, too.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Abillify, Listing
from importer.adapters.ledger import Ledger, printable
from importer.adapters.progress_file import remove_progress
from importer.audit_files import Audit, AuditFiles, Progress, keep_last, keep_progress, kept_progress
from importer.core.audit import AuditFinding, Gap, audit_invoice, from_comparison
from importer.core.comparison import Mark, about
from importer.core.model import Absent, ReadFailed, State
from importer.line import Line
from importer.reconcile import as_listed, ask

T = TypeVar("T")

PAGE_SIZE = 100
KEEP_EVERY = 50
"""Invoices after which what was found is kept."""


class LineStopped(Exception):
    """Abillify cannot be asked any further now."""


class Auditor:
    """One audit.

    Args:
        account: whose documents count.
        ledger: what we have.
        client: what Abillify has.
        line: whether it can be asked.
        log: tells how far it is.
        files: where progress, and what was found in the end, are kept.
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
        files: AuditFiles,
        since: datetime | None,
    ) -> None:
        self._account = account
        self._ledger = ledger
        self._client = client
        self._line = line
        self._log = log
        self._files = files
        self._since = since
        self.progress = Progress(datetime.now(UTC))

    def resume(self, now: datetime) -> bool:
        """Takes up an earlier audit that was not finished, if it was about the same and is not stale."""
        kept = kept_progress(self._files.progress, self._account, self._since, now)
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
        self._keep_last()
        remove_progress(self._files.progress)
        return True

    def _keep(self) -> None:
        keep_progress(self._files.progress, self._account, self._since, self.progress)

    def _keep_last(self) -> None:
        audit = Audit(
            begun_at=self.progress.begun_at,
            ended_at=datetime.now(UTC),
            since=self._since,
            invoices=len(self.progress.done),
            findings=tuple(self.progress.findings),
        )
        keep_last(self._files.last, self._account, audit)

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
        try:
            listing = self._answer(lambda: self._client.communications(reference))
        except ValueError as error:  # what Abillify calls an invoice, no rule of ours has checked
            return [AuditFinding(gap=Gap.UNCHECKED, invoice_reference=reference, detail=printable(str(error)))]
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
