"""A person's decisions about a document: retry, accept, dismiss, and what only a look into Abillify can tell.

Each returns the changed document, or a sentence that says why that decision does not fit its state.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from importer.core.brake import UNUSUAL_BATCH
from importer.core.invoice import INVOICE_PAID
from importer.core.keys import next_generation
from importer.core.lifecycle import READBACK_UNCLEAR
from importer.core.model import Document, Reason, References, State

ACCEPTABLE = frozenset(
    {
        *("revision", "same_bytes_elsewhere", "damaged", "encrypted", "active_content"),
        *(
            "einvoice_mismatch",
            "einvoice_unreadable",
            "reference_not_in_text",
            "no_text_layer",
            UNUSUAL_BATCH,
            INVOICE_PAID,
        ),
    }
)
"""Reasons for which a held document may go on once a person accepts it."""

DISMISSED = "dismissed"
"""Of a document that a person has given up: it needs nobody any more."""


RETRIED = (State.REJECTED, State.HELD, State.WAITING, State.DEFERRED, State.UNCERTAIN)
"""States in which a person may have a reason to try again now; what is pending is tried in any case."""


class Decision(StrEnum):
    """What a person can say, by the names of the verbs and options."""

    RETRY = "retry"
    ACCEPT = "accept"
    IMPORTED = "imported"
    NOT_IMPORTED = "not_imported"
    DISMISS = "dismiss"


def offered(document: Document, now: datetime) -> tuple[Decision, ...]:
    """The decisions that fit a document as it is: exactly those that are not refused, where they change anything."""
    is_open = not_in_question(document, "") is None
    is_dismissed = document.reason is not None and document.reason.code == DISMISSED
    fits = {
        Decision.RETRY: document.state in RETRIED,
        Decision.ACCEPT: isinstance(accept(document, now), Document),
        Decision.IMPORTED: is_open,
        Decision.NOT_IMPORTED: is_open,
        Decision.DISMISS: isinstance(dismiss(document), Document) and not is_dismissed,
    }
    return tuple(decision for decision, does in fits.items() if does)


def is_needed_for(document: Document) -> bool:
    """Whether a document waits for a person to do something."""
    return is_needed_in(document.state, document.reason.code if document.reason else "")


def is_needed_in(state: State, code: str) -> bool:
    """The same of a state and its reason's code."""
    return state.needs_person and code != DISMISSED


def retry(document: Document, now: datetime) -> Document | str:
    """Try again now. Never past a read-back: a document whose send is in doubt is looked up first."""
    if document.state in (State.IMPORTED, State.DUPLICATE, State.SENDING):
        return f"D{document.id} is {document.state}; there is nothing to retry"
    # Also what may have been imported by hand: a look comes before the upload, whoever works next.
    if document.key.in_doubt or (document.reason is not None and document.reason.code == READBACK_UNCLEAR):
        return _due(document, State.UNCERTAIN, now)
    if document.state is State.WAITING:
        return _due(document, State.WAITING, now)
    # A refusal may be remembered under the old key, and no send is in doubt, so a fresh key is safe.
    key = next_generation(document.key) if document.key.answer is not None else document.key
    # What was accepted was accepted for the earlier judgement.
    document = document.evolve(key=key, waiting_since=None, accepted=frozenset())
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
    if document.state is State.UNCERTAIN or document.key.in_doubt:
        return (
            f"D{document.id} may already be at Abillify: look there first, then "
            f"`resolve D{document.id} --imported` or `--not-imported`"
        )
    reason = Reason(DISMISSED, "A person decided that this document is not to be imported.")
    return document.evolve(state=State.REJECTED, reason=reason, next_attempt_at=None)


def imported(document: Document, references: References, now: datetime) -> Document | str:
    """A person found it at Abillify."""
    if refusal := not_in_question(document, "--imported"):
        return refusal
    return document.evolve(
        state=State.IMPORTED,
        references=references,
        imported_at=now,
        reason=None,
        next_attempt_at=None,
        key=replace(document.key, in_doubt=False),
    )


def not_imported(
    document: Document, seen_at: datetime | None, grace: timedelta, now: datetime, attempted_at: datetime | None
) -> Document | str:
    """A person looked and it is not there; the caller has read back once more and found nothing either.

    While the last upload may still show, nobody can know: the document stays uncertain, and is looked up after that. It
    must be over by both clocks, as either of them may have been set forward meanwhile.

    Args:
        document: the one in question.
        seen_at: when the caller looked, by the server's clock; None: it never told.
        grace: how long an upload may take to show (`api.readback_grace`).
        now: by our clock.
        attempted_at: the end of the last upload, by our clock; None: there was none.
    """
    if refusal := not_in_question(document, "--not-imported"):
        return refusal
    key = document.key
    # Unknown, when the importer was killed in the middle of an upload: the grace begins now.
    last_sent_at = key.last_sent_at or seen_at
    wait = last_sent_at + grace - seen_at if last_sent_at and seen_at else grace
    if attempted_at is not None:
        wait = max(wait, min(attempted_at + grace - now, grace))  # ours may have been set back, too
    if key.in_doubt and wait > timedelta(0):
        message = "Its last upload may still appear at Abillify (api.readback_grace); it is looked up again after that."
        changed = document.evolve(key=replace(key, last_sent_at=last_sent_at))
        return _due(changed, State.UNCERTAIN, now + wait).evolve(reason=Reason("too_early_to_tell", message))
    return _due(document.evolve(key=next_generation(key)), State.PENDING, now)


def not_in_question(document: Document, decision: str) -> str | None:
    """Why it is no question whether Abillify has this document; None when it is one."""
    code = document.reason.code if document.reason else ""
    is_open = document.state in (State.HELD, State.UNCERTAIN)
    if is_open and (document.key.in_doubt or code == READBACK_UNCLEAR):
        return None
    why = f"{document.state} ({code})" if code else document.state.value
    return f"D{document.id} is {why}; {decision} is for documents of which nobody knows whether Abillify has them"


def _unjudged(document: Document) -> Document:
    """Without an identity until the pipeline has considered it anew: file, rules and neighbours may have changed."""
    return document.evolve(unjudged=True)


def _due(document: Document, state: State, now: datetime) -> Document:
    return document.evolve(state=state, reason=None, next_attempt_at=now, tries=0, forbidden=False)
