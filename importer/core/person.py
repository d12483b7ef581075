"""A person's decisions about a document: retry, accept, dismiss, and what only a look into Abillify can tell.

Each returns the changed document, or a sentence that says why that decision does not fit its state.
"""

from dataclasses import replace
from datetime import datetime

from importer.core.keys import next_generation
from importer.core.model import Document, Reason, References, State

ACCEPTABLE = frozenset(
    {"revision", "same_bytes_elsewhere", "damaged", "encrypted", "active_content", "einvoice_mismatch"}
)
"""Reasons for which a held document may go on once a person accepts it."""

ANSWERED_BY_READBACK = frozenset({State.HELD, State.UNCERTAIN})


def retry(document: Document, now: datetime) -> Document | str:
    """Try again now. Never past a read-back: a document whose send is in doubt is looked up first."""
    if document.state in (State.IMPORTED, State.DUPLICATE, State.SENDING):
        return f"D{document.id} is {document.state}; there is nothing to retry"
    if document.key.in_doubt:
        return _due(document, State.UNCERTAIN, now)
    if document.state is State.WAITING:
        return _due(document, State.WAITING, now)
    # A refusal may be remembered under the old key, and no send is in doubt, so a fresh key is safe.
    key = next_generation(document.key) if document.key.answer is not None else document.key
    document = document.evolve(key=key, waiting_since=None)
    return _due(_unjudged(document) if document.state.needs_person else document, State.PENDING, now)


def accept(document: Document, now: datetime) -> Document | str:
    """Let a held document go on in spite of its reason."""
    code = document.reason.code if document.reason else ""
    if document.state is not State.HELD or code not in ACCEPTABLE:
        return (
            f"D{document.id} is {document.state}{f' ({code})' if code else ''}; --accept is for documents held for one "
            f"of: {', '.join(sorted(ACCEPTABLE))}"
        )
    changed = document.evolve(accepted=document.accepted | {code})
    if document.key.in_doubt:
        return _due(changed, State.UNCERTAIN, now)
    return _due(_unjudged(changed), State.PENDING, now)


def dismiss(document: Document) -> Document | str:
    """Give a document up; it goes to the rejected folder."""
    if document.state in (State.IMPORTED, State.DUPLICATE, State.SENDING):
        return f"D{document.id} is {document.state} and cannot be dismissed"
    if document.state is State.UNCERTAIN:
        return (
            f"D{document.id} may already be at Abillify: look there first, then "
            f"`resolve D{document.id} --imported` or `--not-imported`"
        )
    reason = Reason("dismissed", "A person decided that this document is not to be imported.")
    return document.evolve(state=State.REJECTED, reason=reason, next_attempt_at=None)


def imported(document: Document, references: References, now: datetime) -> Document | str:
    """A person found it at Abillify."""
    if document.state not in ANSWERED_BY_READBACK:
        return f"D{document.id} is {document.state}; --imported is for documents that are held or uncertain"
    return document.evolve(
        state=State.IMPORTED,
        references=references,
        imported_at=now,
        reason=None,
        next_attempt_at=None,
        key=replace(document.key, in_doubt=False),
    )


def not_imported(document: Document, now: datetime) -> Document | str:
    """A person looked and it is not there; the caller has read back once more and found nothing either."""
    if document.state not in ANSWERED_BY_READBACK:
        return f"D{document.id} is {document.state}; --not-imported is for documents that are held or uncertain"
    return _due(document.evolve(key=next_generation(document.key)), State.PENDING, now)


def _unjudged(document: Document) -> Document:
    """Without an identity, so that the pipeline considers it anew: file, rules and neighbours may have changed."""
    return document.evolve(invoice_reference=None, kind=None, rule=None)


def _due(document: Document, state: State, now: datetime) -> Document:
    return document.evolve(state=state, reason=None, next_attempt_at=now, tries=0, forbidden=False)
