"""The ledger against Abillify: what is in doubt is looked up, what is imported is compared. Nothing is sent."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Abillify, Communication, Listing
from importer.adapters.ledger import Ledger
from importer.core.comparison import Finding, Listed, Mark, about, bare, compare, references_of
from importer.core.model import Absent, Digest, Document, ReadFailed, Reason, State
from importer.line import Line
from importer.pipeline import Pipeline

T = TypeVar("T")

TOO_MANY_REQUESTS = 429


class Reconciler:
    """Asks one question after the other. Where the line stops, the rest is told as not checked."""

    def __init__(
        self,
        *,
        account: str,
        ledger: Ledger,
        client: Abillify,
        line: Line,
        pipeline: Pipeline,
        log: FilteringBoundLogger,
    ) -> None:
        self._account = account
        self._ledger = ledger
        self._client = client
        self._line = line
        self._pipeline = pipeline
        self._log = log

    def settle_doubts(self) -> Iterator[Finding]:
        """Reads back every uncertain document that nobody works on; tells of those that are not imported after it."""
        self._pipeline.recover()
        for document in self._ledger.documents(states=[State.UNCERTAIN]):
            self._pipeline.look(document.id)
            seen = self._ledger.get(document.id)
            if seen is not None and seen.state is not State.IMPORTED:
                yield about(seen, Mark.UNCHECKED, _doubt(seen))

    def check(self, since: datetime | None = None, *, with_bytes: bool = False) -> Iterator[Finding]:
        """Compares, invoice by invoice, the documents that were imported since then with those that Abillify lists.

        Args:
            since: leaves out documents imported earlier, and invoices that have only such.
            with_bytes: whether to fetch what Abillify holds and compare the hashes.
        """
        chosen = self._imported(since)
        for number, (reference, ids) in enumerate(chosen.items(), start=1):
            self._log.debug("reconcile.invoice", invoice_reference=reference, number=number, of=len(chosen))
            for finding in self._check_invoice(reference, with_bytes=with_bytes):
                if finding.document is None or finding.document.id in ids:
                    yield finding

    def _imported(self, since: datetime | None) -> dict[str, set[int]]:
        """Ids by invoice reference. What is imported from now on may be missing from a list read earlier."""
        chosen: dict[str, set[int]] = {}
        for document in self._ledger.documents(states=[State.IMPORTED]):
            is_recent = since is None or (document.imported_at is not None and document.imported_at >= since)
            if is_recent and document.account == self._account and document.invoice_reference is not None:
                chosen.setdefault(document.invoice_reference, set()).add(document.id)
        return chosen

    def _check_invoice(self, reference: str, *, with_bytes: bool) -> list[Finding]:
        listing: Listing | Absent | ReadFailed = self._ask(lambda: self._client.communications(reference))
        # Read after the list, so that what was imported in between is known.
        documents = [d for d in self._ledger.with_reference(reference) if d.account == self._account]
        imported = [document for document in documents if document.state is State.IMPORTED]
        if isinstance(listing, ReadFailed):
            return [about(document, Mark.UNCHECKED, listing.cause) for document in imported]
        if isinstance(listing, Absent):
            missing = "Abillify answers that there is no such invoice, or none that the credentials may see"
            return [about(document, Mark.ONLY_HERE, missing) for document in imported]
        ours = {bare(references_of(document).communication) for document in imported} if with_bytes else set()
        return compare(documents, [self._listed(entry, ours) for entry in listing.communications])

    def _listed(self, entry: Communication, wanted: set[str]) -> Listed:
        """In the words of the core; with the hash of its bytes if it is among the wanted ones."""
        return as_listed(entry, self._ask(lambda: self._client.content_of(entry)) if bare(entry.id) in wanted else None)

    def _ask(self, question: Callable[[], T | ReadFailed]) -> T | ReadFailed:
        return ask(self._line, question)


def as_listed(entry: Communication, content: Digest | ReadFailed | None = None) -> Listed:
    """A communication in the words of the core."""
    told = entry.shown()
    return Listed(
        communication=entry.id,
        file=entry.file,
        voucher=entry.voucher,
        kind=told.get("kind", ""),
        label=told.get("label", ""),
        created=told.get("created", ""),
        content=content,
    )


def ask(line: Line, question: Callable[[], T | ReadFailed]) -> T | ReadFailed:
    """An answer, as long as the line is open. After a failure one probe tells whether the others are worth it."""
    if line.stopped is not None:
        return ReadFailed(line.stopped.message)
    answer = question()
    if isinstance(answer, ReadFailed):
        is_patience_asked = answer.status == TOO_MANY_REQUESTS
        reason = Reason("question_failed", f"Abillify did not answer a question: {answer.cause}.")
        line.stop(reason, resume_after=answer.retry_after if is_patience_asked else 0.0)
        line.tend()
    return answer


def _doubt(document: Document) -> str:
    if document.reason is not None:
        return f"{document.state}: {document.reason.message}"
    return f"{document.state}: not at Abillify, and nothing is in doubt; the next run sends it"
