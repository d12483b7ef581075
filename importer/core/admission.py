"""What a new document is to the known ones: new, a duplicate, a revision, or the same bytes elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from importer.core.model import REPEATABLE, Document, Key, Reason, State


class Treatment(StrEnum):
    """What a setting says of a doubtful document."""

    REJECT = "reject"
    HOLD = "hold"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """The settings `documents.revision` and `documents.same_bytes_elsewhere`."""

    revision: Treatment
    same_bytes_elsewhere: Treatment
    forgotten_until: datetime | None = None
    """What was first seen before this may have been sent on the word of a ledger that is lost; None: no ledger was.

    Until `readback_grace` after a rebuild one look at Abillify proves nothing: such an upload may not show yet.
    """


def admit(candidate: Document, known: Sequence[Document], policy: AdmissionPolicy) -> Document:
    """The candidate in the state in which it enters the ledger.

    Args:
        candidate: `pending`, with an identity; or already `rejected` or `held`, and then it stays so.
        known: the ledger's documents with the same bytes, or with the same invoice reference and kind. Those that are
            themselves `duplicate` or `rejected` say nothing and are passed over, and so is the candidate itself.
        policy: what to do with a revision and with the same bytes elsewhere.
    """
    others = [d for d in known if d.id != candidate.id and d.state not in REPEATABLE]
    first = next((d for d in others if candidate.identity and d.identity == candidate.identity), None)
    if first is not None and candidate.state is not State.REJECTED:
        return _duplicate(candidate, first)
    if candidate.state is not State.PENDING:
        return candidate
    for treatment, reason in _doubts(candidate, others, policy):
        if treatment is not Treatment.ALLOW and reason.code not in candidate.accepted:
            state = State.HELD if treatment is Treatment.HOLD else State.REJECTED
            return candidate.evolve(state=state, reason=reason)
    if policy.forgotten_until is not None and candidate.first_seen_at < policy.forgotten_until:
        return doubted_after_rebuild(candidate)
    return candidate


def doubted_after_rebuild(document: Document) -> Document:
    """Nobody knows whether it was sent: it is looked up, and sent only once its absence is proved.

    Its key has no age any more, so that it is not used while a send is in doubt; its generation stays, because within a
    day Abillify answers the same key with the first reply.
    """
    reason = Reason(
        "outcome_unknown",
        "The ledger was rebuilt and may have forgotten an upload. Abillify is asked before anything is sent again.",
    )
    key = Key(generation=document.key.generation, in_doubt=True)
    return document.evolve(state=State.UNCERTAIN, key=key, reason=reason)


def _duplicate(candidate: Document, first: Document) -> Document:
    message = f"The same document is already known as D{first.id} ({first.path}); nothing was sent."
    return candidate.evolve(
        state=State.DUPLICATE,
        reason=Reason("duplicate", message, {"first": f"D{first.id}"}),
        duplicate_of=first.id,
        next_attempt_at=None,
    )


def _doubts(candidate: Document, others: Sequence[Document], policy: AdmissionPolicy) -> list[tuple[Treatment, Reason]]:
    doubts = []
    elsewhere = next((d for d in others if d.sha256 == candidate.sha256 and d.identity), None)
    if elsewhere is not None:
        message = (
            f"The same bytes are known as D{elsewhere.id} for invoice {elsewhere.invoice_reference} "
            f"({elsewhere.kind}); this name says invoice {candidate.invoice_reference} ({candidate.kind})."
        )
        doubts.append((policy.same_bytes_elsewhere, _doubt("same_bytes_elsewhere", message, elsewhere)))
    earlier = next((d for d in others if d.sha256 != candidate.sha256 and _same_place(d, candidate)), None)
    if earlier is not None and candidate.kind is not None and candidate.kind.is_singular:
        message = (
            f"Invoice {candidate.invoice_reference} already has a document of kind {candidate.kind}, D{earlier.id} "
            f"({earlier.path}), with other content; this one would stand beside it."
        )
        doubts.append((policy.revision, _doubt("revision", message, earlier)))
    return doubts


def _doubt(code: str, message: str, other: Document) -> Reason:
    return Reason(code, message, {"other": f"D{other.id}", "state": other.state.value})


def _same_place(one: Document, other: Document) -> bool:
    return (one.account, one.invoice_reference, one.kind) == (other.account, other.invoice_reference, other.kind)
