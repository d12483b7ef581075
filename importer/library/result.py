"""What the library answers: how a document stands, as a frozen value."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from importer.core.advice import advice, commands
from importer.core.model import Document, Kind, Reason, ReferencesFrom, State
from importer.core.person import is_needed_for


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """How a document stands. The fields are those of `importer list --json`, with the same meaning.

    Nothing of it changes afterwards; ask `Importer.result_of` for news.
    """

    id: str
    """As in `importer show D17`."""
    state: State
    reason: Reason | None
    """Why it is there: a stable code, a sentence for a person, details. None where there is nothing to say."""
    path: str
    """Where the file was first seen, relative to its inbox or folder."""
    location: Path
    """Where the file lies now."""
    invoice_reference: str | None
    kind: Kind | None
    communication_reference: str | None
    """The three references are Abillify's; None until it is imported."""
    file_reference: str | None
    voucher_reference: str | None
    references_from: ReferencesFrom | None
    duplicate_of: str | None
    """The document that holds the same bytes for the same invoice and kind, such as `D3`."""
    attempts: int
    """Uploads that were begun."""
    next_attempt_at: datetime | None
    imported_at: datetime | None
    blocked: Reason | None
    """Why nothing at all is sent at this moment, such as refused credentials; None while all is well."""
    next_step: str
    """What is to be done, for a person."""
    needs_person: bool
    """Whether it stays where it is until a person has done something."""

    @property
    def is_imported(self) -> bool:
        """Whether Abillify has confirmed it. A duplicate is not: ask for the document that it duplicates."""
        return self.state is State.IMPORTED

    @property
    def is_on_its_way(self) -> bool:
        """Whether it is tried again: by `Importer.follow`, or by `importer run` and `importer backfill`."""
        return self.state.is_on_its_way


def result_of(document: Document, stopped: Reason | None) -> ImportResult:
    """A document as a program is told of it.

    Args:
        document: as the ledger has it.
        stopped: why nothing is sent, if that is so.
    """
    references = document.references
    blocked = stopped if document.state.is_on_its_way else None
    return ImportResult(
        id=f"D{document.id}",
        state=document.state,
        reason=document.reason,
        path=document.path,
        location=Path(document.location),
        invoice_reference=document.invoice_reference,
        kind=document.kind,
        communication_reference=references.communication if references else None,
        file_reference=references.file if references else None,
        voucher_reference=references.voucher if references else None,
        references_from=references.source if references else None,
        duplicate_of=f"D{document.duplicate_of}" if document.duplicate_of else None,
        attempts=document.attempts,
        next_attempt_at=document.next_attempt_at if document.state.is_on_its_way else None,
        imported_at=document.imported_at,
        blocked=blocked,
        next_step=_next_step(document, blocked),
        needs_person=is_needed_for(document),
    )


def _next_step(document: Document, blocked: Reason | None) -> str:
    if blocked is not None:
        return blocked.message
    told = ", ".join(f"`importer {command}` ({meaning})" for command, meaning in commands(document))
    if document.state.is_on_its_way:
        later = f" If it stays so: {told}." if told else ""
        return f"`Importer.follow`, `importer run` and `importer backfill` go on with it.{later}"
    return " ".join(filter(None, (advice(document), told)))
