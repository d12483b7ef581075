"""The whole state machine: what to do next with a document, and what an outcome makes of it.

Pure functions over frozen values; the time is an argument. The protocol is exactly-once.md: while a send may have been
stored, nothing is sent under another key; what a read-back does not find is sent again under the same key, as long as
that key is young; the next generation needs two complete, empty read-backs.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from importer.core.backoff import pause_after
from importer.core.keys import answered, doubted, is_usable, next_generation
from importer.core.model import (
    Absent,
    Confirmed,
    Document,
    Found,
    InDoubt,
    InvoiceKnown,
    InvoiceOutcome,
    InvoiceUnknown,
    Key,
    NotSent,
    ReadbackOutcome,
    ReadFailed,
    Reason,
    Refused,
    SendOutcome,
    State,
    Unclear,
    VendorError,
)

REFUSING_STATUSES = (401, 403)
UNKNOWN_INVOICE = 404
TOO_MANY_REQUESTS = 429

CREDENTIALS_REFUSED = "credentials_refused"
"""Why the line stands still; never a document's own reason."""

READBACK_UNCLEAR = "readback_unclear"
"""Of a held document of which Abillify's list does not tell whether it is there."""

GENERATIONS = 8
"""After so many keys that each came to nothing, trying again by itself makes no sense."""

FILE_GONE = "file_gone"
"""Of a document whose bytes are no longer where they were."""


class Act(Enum):
    """What the pipeline does next with a claimed document."""

    SEND = "send"
    READ_BACK = "read back"
    ASK_INVOICE = "ask for the invoice"
    REST = "rest"


FIRST_ACTS = {
    State.UNCERTAIN: Act.READ_BACK,
    State.PENDING: Act.SEND,
    State.DEFERRED: Act.SEND,
    State.WAITING: Act.ASK_INVOICE,
}
"""What a document that is due begins with. Doubts come first: their keys grow old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings that the state machine obeys (design.md section 5, `schedule` and `api`)."""

    backoff: tuple[timedelta, timedelta]
    waiting: tuple[timedelta, timedelta]
    waiting_limit: timedelta
    key_lifetime: timedelta
    readback_grace: timedelta

    @property
    def between_readbacks(self) -> timedelta:
        """The least time between the two read-backs that prove an absence."""
        return max(timedelta(seconds=1), self.readback_grace)


@dataclass(frozen=True, slots=True)
class Now:
    """One moment by two clocks: ours for schedules, the server's for the age of keys (None: it never told)."""

    local: datetime
    server: datetime | None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The holder of the claim died, or its lease ran out, while a send was under way."""

    cause: str


Outcome = SendOutcome | ReadbackOutcome | InvoiceOutcome | Interrupted


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a document."""

    document: Document
    event: str
    """Names the transition in the ledger's event trail and in the log."""
    then: Act = Act.REST
    """What to do at once, under the same claim."""
    stop_line: Reason | None = None
    """Why nothing at all should be sent until a probe is accepted."""
    resume_after: float | None = None
    """Seconds that the server asked everybody to wait, with `stop_line`."""


def next_act(document: Document, *, look_first: bool = False) -> Act:
    """What a due document wants.

    Args:
        document: claimed.
        look_first: whether to look at Abillify before the very first send: the document may have been imported by hand,
            or by an earlier tool (`api.check_remote`).
    """
    if look_first and document.state is State.PENDING and document.key == Key():
        return Act.READ_BACK
    return FIRST_ACTS.get(document.state, Act.REST)


def decide(document: Document, outcome: Outcome, now: Now, policy: Policy) -> Decision:
    """What an outcome makes of a document. Total over every outcome and every state that acts."""
    decision = _decide(document, outcome, now, policy)
    if not _is_let_in(outcome):
        return decision
    return replace(decision, document=decision.document.evolve(forbidden=False))


def _is_let_in(outcome: Outcome) -> bool:
    """Whether an upload got past the credentials; that a list may be read does not say so."""
    if isinstance(outcome, Refused):
        return outcome.error.status not in REFUSING_STATUSES
    return isinstance(outcome, Confirmed | InDoubt)


def _decide(  # noqa: C901, PLR0911 - one line an outcome is the clearest form of a table
    document: Document, outcome: Outcome, now: Now, policy: Policy
) -> Decision:
    match outcome:
        case Confirmed() | Found():
            return _imported(document, outcome, now)
        case NotSent(cause):
            return _not_sent(document, cause, now, policy)
        case Refused():
            return _refused(document, outcome, now, policy)
        case InDoubt(cause, error):
            key = answered(doubted(document.key, now.server), error)
            return _uncertain(
                document.evolve(key=key), f"The upload may or may not have arrived: {cause}.", now, policy
            )
        case Interrupted(cause):
            return _interrupted(document, cause, now)
        case Absent():
            return _absent(document, outcome, now, policy)
        case Unclear():
            return _unclear(document, outcome)
        case ReadFailed():
            return _read_failed(document, outcome, now, policy)
        case InvoiceKnown():
            return Decision(document.evolve(tries=0), "invoice.appeared", then=Act.SEND)
        case InvoiceUnknown():
            return _wait_for_invoice(document, now, policy)


def lost(document: Document, cause: str) -> Decision:
    """The file is gone, or has other content, before its bytes were known to be at Abillify."""
    message = f"{cause}. Put the same file into the inbox again, or dismiss this document."
    if document.key.in_doubt:
        message += " An upload of it may have arrived: look at the invoice in Abillify, then use `importer resolve`."
    state = State.HELD if document.key.in_doubt else State.REJECTED
    changed = document.evolve(state=state, reason=Reason(FILE_GONE, message), next_attempt_at=None)
    return Decision(changed, "document.lost")


def failed(document: Document, cause: str) -> Decision:
    """A fault of ours with this document: it is set aside, so that the others go on."""
    # What was proved before this upload proves nothing about it, and when it ended nobody knows.
    key = doubted(document.key, None) if document.state is State.SENDING else document.key
    reason = Reason(
        "internal_error",
        f"The importer failed on this document ({cause}); the log has the details. Report it, then "
        f"`importer retry D{document.id}`.",
    )
    held = document.evolve(state=State.HELD, reason=reason, key=key, next_attempt_at=None)
    return Decision(held, "document.failed")


def unreadable(document: Document, cause: str, now: Now, policy: Policy) -> Decision:
    """The file is there but could not be read; nothing was sent, and the document stays what it is."""
    changed = document.evolve(
        reason=Reason("file_unreadable", f"{cause}."),
        tries=document.tries + 1,
        next_attempt_at=now.local + pause(document, policy.backoff),
    )
    return Decision(changed, "document.unreadable")


def _imported(document: Document, outcome: Confirmed | Found, now: Now) -> Decision:
    return Decision(
        document.evolve(
            state=State.IMPORTED,
            references=outcome.references,
            imported_at=now.local,
            reason=None,
            next_attempt_at=None,
            key=replace(document.key, in_doubt=False),
        ),
        "document.imported",
    )


def _not_sent(document: Document, cause: str, now: Now, policy: Policy) -> Decision:
    reason = Reason("unreachable", f"Abillify could not be reached, nothing was sent: {cause}.")
    decision = _again(document, reason, now, policy)
    return replace(decision, stop_line=reason)


def _again(document: Document, reason: Reason, now: Now, policy: Policy, after: float | None = None) -> Decision:
    """Nothing was stored by this send; a doubt from an earlier one stays."""
    state = State.UNCERTAIN if document.key.in_doubt else State.DEFERRED
    at = now.local + (timedelta(seconds=after) if after is not None else pause(document, policy.backoff))
    changed = document.evolve(state=state, reason=reason, tries=document.tries + 1, next_attempt_at=at)
    return Decision(changed, f"document.{state.value}")


def _refused(document: Document, refused: Refused, now: Now, policy: Policy) -> Decision:
    status = refused.error.status
    # A server may remember even a refusal that it should not: the same one twice seals the key.
    document = document.evolve(key=answered(document.key, refused.error))
    if status in REFUSING_STATUSES:
        return _credentials_refused(document, str(refused.error), status)
    reason = _refusal(document, refused.error)
    if status == TOO_MANY_REQUESTS:
        decision = _again(document, reason, now, policy, refused.retry_after)
        return replace(decision, stop_line=reason, resume_after=refused.retry_after)
    if document.key.in_doubt:
        return _again(document, reason, now, policy)
    if status == UNKNOWN_INVOICE:
        return _wait_for_invoice(document, now, policy)
    return Decision(document.evolve(state=State.REJECTED, reason=reason, next_attempt_at=None), "document.rejected")


def _refusal(document: Document, error: VendorError) -> Reason:
    code = "too_many_requests" if error.status == TOO_MANY_REQUESTS else "refused_by_api"
    return Reason(
        code,
        f"Abillify refused {document.filename!r} for invoice {document.invoice_reference}: {error}.",
        {"status": error.status, "type": error.type, "details": [dict(detail) for detail in error.details]},
    )


def _credentials_refused(document: Document, cause: str, status: int) -> Decision:
    """No document's fault, unless the probe was accepted in between: then it is about this invoice."""
    details = {"status": status}
    if document.forbidden:
        reason = Reason(
            "forbidden_for_invoice",
            f"Abillify accepts the credentials but refuses them for invoice {document.invoice_reference} ({cause}). "
            f"Ask for access to that invoice, then `importer retry D{document.id}`.",
            details,
        )
        held = document.evolve(state=State.HELD, reason=reason, next_attempt_at=None, forbidden=False)
        return Decision(held, "document.held")
    back = document.evolve(forbidden=True)
    if document.state is State.SENDING:
        back = back.evolve(state=document.came_from or State.PENDING, attempts=max(0, document.attempts - 1))
    reason = Reason(CREDENTIALS_REFUSED, f"Abillify refused the credentials: {cause}.", details)
    return Decision(back, "document.put_back", stop_line=reason)


def _uncertain(document: Document, message: str, now: Now, policy: Policy) -> Decision:
    changed = document.evolve(
        state=State.UNCERTAIN,
        reason=Reason("outcome_unknown", f"{message} Abillify is asked before anything is sent again."),
        tries=document.tries + 1,
        next_attempt_at=now.local + pause(document, policy.backoff),
    )
    return Decision(changed, "document.uncertain")


def _interrupted(document: Document, cause: str, now: Now) -> Decision:
    """The end of that send is unknown, so the server's time of the first read-back after it stands in for it."""
    key = replace(document.key, in_doubt=True, last_sent_at=None, absent_at=None)
    reason = Reason(
        "outcome_unknown", f"An upload was interrupted ({cause}). Abillify is asked before anything is sent again."
    )
    changed = document.evolve(state=State.UNCERTAIN, reason=reason, key=key, next_attempt_at=now.local)
    return Decision(changed, "document.interrupted")


def _absent(document: Document, absent: Absent, now: Now, policy: Policy) -> Decision:
    key = document.key
    if not key.in_doubt:
        return Decision(document.evolve(state=State.PENDING, reason=None), "document.absent", then=Act.SEND)
    if absent.unknown_invoice:
        return _unknown_while_in_doubt(document, now, policy)
    if is_usable(key, now.server, policy.key_lifetime):
        return Decision(document, "document.absent", then=Act.SEND)
    return _prove_absence(document, absent.server_time, now, policy)


def _prove_absence(document: Document, seen_at: datetime | None, now: Now, policy: Policy) -> Decision:
    """Two complete, empty read-backs, both after the grace and apart in time, and the next generation may begin."""
    key = document.key
    if seen_at is None:
        return _uncertain(document, "Abillify's replies carry no time.", now, policy)
    # Unknown, or later than a server clock that was set back: the grace begins anew.
    last_sent_at = min(key.last_sent_at or seen_at, seen_at)
    key = replace(key, last_sent_at=last_sent_at)
    if key.absent_at is not None and seen_at - key.absent_at >= policy.between_readbacks:
        return _absence_proved(document.evolve(key=next_generation(key)))
    wait = last_sent_at + policy.readback_grace - seen_at
    if wait <= timedelta(0):
        absent_at = key.absent_at if key.absent_at is not None and key.absent_at <= seen_at else seen_at
        key = replace(key, absent_at=absent_at)
        wait = absent_at + policy.between_readbacks - seen_at
    return Decision(
        document.evolve(key=key, state=State.UNCERTAIN, next_attempt_at=now.local + wait), "document.absent"
    )


def _absence_proved(document: Document) -> Decision:
    """Nothing is in doubt any more; but a server that fails under key after key is a person's to look into."""
    if document.key.generation > GENERATIONS:
        reason = Reason(
            "keeps_failing",
            f"Abillify has failed on {document.filename!r} for invoice {document.invoice_reference} again and again, "
            f"and does not hold it. Ask Abillify why, then `importer retry D{document.id}`.",
        )
        return Decision(document.evolve(state=State.HELD, reason=reason, next_attempt_at=None), "document.held")
    return Decision(document.evolve(state=State.PENDING, reason=None), "document.absence_proved", then=Act.SEND)


def _unknown_while_in_doubt(document: Document, now: Now, policy: Policy) -> Decision:
    """A 404 proves nothing while a send is in doubt: the invoice may be back tomorrow, with the document."""
    since = document.waiting_since or now.local
    document = document.evolve(waiting_since=since)
    if now.local - since >= policy.waiting_limit:
        return _unclear(document, Unclear(f"Abillify no longer knows invoice {document.invoice_reference}"))
    message = f"Abillify does not know invoice {document.invoice_reference} now, though an upload to it was begun."
    decision = _uncertain(document, message, now, policy)
    at = now.local + pause(document, policy.waiting)
    return replace(decision, document=decision.document.evolve(next_attempt_at=at))


def _unclear(document: Document, unclear: Unclear) -> Decision:
    doubt = "An upload may or may not have arrived" if document.key.in_doubt else "It may have been imported before"
    reason = Reason(
        READBACK_UNCLEAR,
        f"{doubt}, and Abillify's list cannot tell: {unclear.cause}. Look at invoice {document.invoice_reference} in "
        f"Abillify: if the document is there, `importer resolve D{document.id} --imported --communication R --file R "
        f"--voucher R`; if it is not, `importer resolve D{document.id} --not-imported`.",
        {"candidates": [dict(candidate) for candidate in unclear.candidates]},
    )
    return Decision(document.evolve(state=State.HELD, reason=reason, next_attempt_at=None), "document.held")


def _read_failed(document: Document, failed: ReadFailed, now: Now, policy: Policy) -> Decision:
    if failed.status in REFUSING_STATUSES:
        return _credentials_refused(document, failed.cause, failed.status)
    changed = document.evolve(
        tries=document.tries + 1, next_attempt_at=now.local + pause(document, policy.backoff, failed.retry_after)
    )
    return Decision(changed, "document.question_failed")


def _wait_for_invoice(document: Document, now: Now, policy: Policy) -> Decision:
    since = document.waiting_since or now.local
    if now.local - since >= policy.waiting_limit:
        reason = Reason(
            "waiting_too_long",
            f"Abillify has not known invoice {document.invoice_reference} for {_days(now.local - since)}. Check the "
            f"reference; once the invoice is there, `importer retry D{document.id}`.",
        )
        held = document.evolve(state=State.HELD, reason=reason, next_attempt_at=None, waiting_since=None)
        return Decision(held, "document.held")
    reason = Reason(
        "invoice_unknown",
        f"Abillify does not know invoice {document.invoice_reference} yet; asked again until it does.",
    )
    # A remembered 404 is no news: the sealed key is replaced soon instead of after the whole wait.
    schedule = policy.backoff if document.key.sealed else policy.waiting
    changed = document.evolve(
        state=State.WAITING,
        reason=reason,
        waiting_since=since,
        tries=document.tries + 1,
        next_attempt_at=now.local + pause(document, schedule),
    )
    return Decision(changed, "document.waiting")


def _days(span: timedelta) -> str:
    return f"{span.days} days" if span.days > 1 else f"{span.total_seconds() / 3600:.0f} hours"


def pause(document: Document, schedule: tuple[timedelta, timedelta], asked: float | None = None) -> timedelta:
    """How long to wait: longer with each fruitless try, and for each document a little different; or what was asked."""
    if asked is not None:
        return timedelta(seconds=asked)
    return pause_after(document.tries, schedule, f"{document.sha256}:{document.id}:{document.tries}")
