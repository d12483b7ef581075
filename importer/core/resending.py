"""Having Abillify send an invoice's e-mail to the customer again: what to do next, and what an outcome makes of it.

Nothing can be read back: whether an e-mail went out is told by the reply alone. So while a request may have been
processed, it is only repeated under its own key, as long as that key is young; after that only a person can tell. No
other request for the same invoice goes out meanwhile.

Pure functions over frozen values, as in `lifecycle.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from importer.core.backoff import pause_after
from importer.core.keys import answered, doubted, is_usable, key_to_send
from importer.core.lifecycle import CREDENTIALS_REFUSED, REFUSING_STATUSES, TOO_MANY_REQUESTS, Interrupted, Now, Policy
from importer.core.model import Document, InDoubt, Key, NotSent, Reason, Refused

DONE, DONE_CODE = "OK", "0"
"""`result` and `resultcode` of a request that was carried out (abillify-api.md, "Resend Invoice")."""


class ResendState(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    """Wanted; nothing of it may have arrived."""
    SENDING = "sending"
    UNCERTAIN = "uncertain"
    """It may have been processed; repeated under the same key."""
    SENT = "sent"
    FAILED = "failed"
    """Refused, or answered with something else than OK: no e-mail went out."""
    HELD = "held"
    """It may have been processed, and its key can do no more: a person must tell."""

    @property
    def is_open(self) -> bool:
        return self in (ResendState.PENDING, ResendState.SENDING, ResendState.UNCERTAIN)

    @property
    def is_in_doubt(self) -> bool:
        return self in (ResendState.SENDING, ResendState.UNCERTAIN, ResendState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """One intent to have an invoice sent again."""

    id: int = 0
    account: str
    invoice_reference: str
    seed: str
    """What its keys begin with; different for every intent."""
    use: Key = field(default_factory=Key)
    """The key in use; never another generation while a send is in doubt."""
    state: ResendState = ResendState.PENDING
    created_at: datetime
    sent_at: datetime | None = None
    """When the last request was begun."""
    next_attempt_at: datetime | None = None
    attempts: int = 0
    tries: int = 0
    """Fruitless ones in a row."""
    forbidden: bool = False
    """Refused with 401 or 403 the last time although the line was open."""
    outcome: str | None = None
    message: str | None = None
    """The outcome for a person."""
    job: str | None = None
    result: str | None = None
    resultcode: str | None = None
    actor: str | None = None
    """Who wanted it; None for a rule."""
    document_id: int | None = None
    """The document after whose import a rule wanted it."""

    @property
    def idempotency_key(self) -> str:
        return f"{self.seed}:{self.use.generation}"

    def evolve(self, **changes: Any) -> "Resend":
        return replace(self, **changes)


def wanted_by_rule(document: Document, now: datetime) -> Resend:
    """After the import of a document; its seed follows from the document, and can be derived again.

    Raises:
        ValueError: the document has no identity.
    """
    if document.identity is None or document.invoice_reference is None:
        raise ValueError(f"document D{document.id} has no invoice reference or kind")
    return Resend(
        account=document.account,
        invoice_reference=document.invoice_reference,
        seed=f"resend:{document.identity.fingerprint}",
        created_at=now,
        document_id=document.id,
    )


# ---------------------------------------------------------------- what a person's wish comes to


@dataclass(frozen=True, slots=True)
class Begin:
    """A new intent."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """One is open already; it is gone on with, under its key."""

    resend: Resend


@dataclass(frozen=True, slots=True)
class AlreadySent:
    """Only with `--again`."""

    resend: Resend


@dataclass(frozen=True, slots=True)
class Undecided:
    """A person must first tell what became of this one."""

    resend: Resend


Step = Begin | GoOn | AlreadySent | Undecided


def next_step(known: Sequence[Resend], *, again: bool) -> Step:
    """What to do when somebody wants an invoice sent again.

    Args:
        known: all that was ever wanted for this invoice, oldest first.
        again: whether it may go out although it was sent again before. It never passes over one that is in doubt.
    """
    doubtful = [resend for resend in known if resend.state.is_in_doubt]
    if held := [resend for resend in doubtful if resend.state is ResendState.HELD]:
        return Undecided(held[0])
    if waiting := doubtful + [resend for resend in known if resend.state.is_open]:
        return GoOn(waiting[0])
    sent = [resend for resend in known if resend.state is ResendState.SENT]
    return AlreadySent(sent[-1]) if sent and not again else Begin()


def settled(resend: Resend, now: datetime, *, was_sent: bool) -> Resend | str:
    """A person has found out what became of it; or why there is nothing to find out."""
    if resend.state not in (ResendState.HELD, ResendState.UNCERTAIN):
        return f"the resend R{resend.id} of invoice {resend.invoice_reference} is {resend.state}; it is not in doubt"
    state = ResendState.SENT if was_sent else ResendState.FAILED
    message = "A person says that it went out." if was_sent else "A person says that it did not go out."
    use = replace(resend.use, in_doubt=False)
    sent_at = resend.sent_at or now
    return resend.evolve(state=state, use=use, outcome="person", message=message, next_attempt_at=None, sent_at=sent_at)


# ---------------------------------------------------------------- what is sent, and what comes of it


@dataclass(frozen=True, slots=True)
class Answered:
    """200 with a result."""

    job: str
    """Empty where the answer names none."""
    result: str
    resultcode: str
    server_time: datetime | None = None


ResendOutcome = NotSent | Answered | Refused | InDoubt | Interrupted


@dataclass(frozen=True, slots=True)
class ResendDecision:
    """What becomes of a request."""

    resend: Resend
    event: str
    stop_line: Reason | None = None
    """Why nothing at all should be sent until a probe is accepted."""


def prepared(resend: Resend, others: Sequence[Resend], now: Now, lifetime: timedelta) -> Resend | None:
    """The request as it is to be on disk before its first byte is sent: `sending`, or `held` when it must not be.

    None: not now, because another one for the same invoice is in doubt, the server's time is not known, or it is not
    open any more.

    Args:
        resend: nobody else is at work on it.
        others: all others for the same invoice.
        now: by both clocks.
        lifetime: how long a key is used.
    """
    if not resend.state.is_open or now.server is None or any(other.state.is_in_doubt for other in others):
        return None
    use = key_to_send(resend.use, now.server, lifetime)
    if use is None:
        return _held(resend, "its idempotency key can do no more")
    return resend.evolve(state=ResendState.SENDING, use=use, attempts=resend.attempts + 1, sent_at=now.local)


def decide(resend: Resend, outcome: ResendOutcome, now: Now, policy: Policy) -> ResendDecision:
    """What an outcome makes of a request that was begun. Total over every outcome."""
    match outcome:
        case NotSent(cause):
            return _again(resend, "not_sent", f"Abillify could not be reached, nothing was sent: {cause}.", now, policy)
        case Answered():
            return _answered(resend, outcome)
        case Refused():
            return _refused(resend, outcome, now, policy)
        case InDoubt(cause, error):
            use = answered(doubted(resend.use, now.server), error)
            return _uncertain(resend.evolve(use=use), "in_doubt", f"{cause}", now, policy)
        case Interrupted(cause):
            use = replace(resend.use, in_doubt=True)
            decision = _uncertain(resend.evolve(use=use), "interrupted", cause, now, policy)
            at = now.local if decision.resend.state is ResendState.UNCERTAIN else None
            return replace(decision, resend=decision.resend.evolve(next_attempt_at=at))


def _answered(resend: Resend, told: Answered) -> ResendDecision:
    """Definite, also after doubts: a repeated key gets the first request's answer."""
    is_done = (told.result, told.resultcode) == (DONE, DONE_CODE)
    message = None if is_done else f"Abillify answered {told.result!r} with code {told.resultcode!r}."
    state = ResendState.SENT if is_done else ResendState.FAILED
    changed = resend.evolve(
        use=replace(resend.use, in_doubt=False),
        state=state,
        outcome=state.value,
        message=message,
        next_attempt_at=None,
        job=told.job or None,
        result=told.result,
        resultcode=told.resultcode,
        tries=0,
        forbidden=False,
    )
    return ResendDecision(changed, f"resend.{state.value}")


def _refused(resend: Resend, refused: Refused, now: Now, policy: Policy) -> ResendDecision:
    error, was_forbidden = refused.error, resend.forbidden
    is_forbidden = error.status in REFUSING_STATUSES
    resend = resend.evolve(use=answered(resend.use, error), forbidden=is_forbidden)
    message = f"Abillify refused: {error}."
    if error.status == TOO_MANY_REQUESTS:
        return _again(resend, "refused", message, now, policy, after=refused.retry_after)
    if is_forbidden and not was_forbidden:
        decision = _again(resend, "refused", message, now, policy)
        return replace(decision, stop_line=Reason(CREDENTIALS_REFUSED, f"Abillify refused the credentials: {error}."))
    if resend.use.in_doubt:
        return _again(resend, "refused", message, now, policy)
    failed = resend.evolve(state=ResendState.FAILED, outcome="refused", message=message, next_attempt_at=None)
    return ResendDecision(failed, "resend.failed")


def _again(
    resend: Resend, outcome: str, message: str, now: Now, policy: Policy, after: float | None = None
) -> ResendDecision:
    """Nothing came of this send; a doubt from an earlier one stays."""
    if resend.use.in_doubt:
        return _uncertain(resend, outcome, message, now, policy, after)
    changed = resend.evolve(state=ResendState.PENDING, outcome=outcome, message=message)
    return ResendDecision(_later(changed, now, policy, after), "resend.deferred")


def _uncertain(
    resend: Resend, outcome: str, cause: str, now: Now, policy: Policy, after: float | None = None
) -> ResendDecision:
    """Repeated under the same key while that is safe; the server's time may be unknown just now."""
    if now.server is not None and not is_usable(resend.use, now.server, policy.key_lifetime):
        return ResendDecision(_held(resend.evolve(outcome=outcome), cause), "resend.held")
    message = f"It may or may not have gone out: {cause.rstrip('.')}. It is repeated under the same key."
    changed = resend.evolve(state=ResendState.UNCERTAIN, outcome=outcome, message=message)
    return ResendDecision(_later(changed, now, policy, after), "resend.uncertain")


def _later(resend: Resend, now: Now, policy: Policy, after: float | None) -> Resend:
    seed = f"{resend.seed}:{resend.tries}"
    pause = timedelta(seconds=after) if after is not None else pause_after(resend.tries, policy.backoff, seed)
    return resend.evolve(tries=resend.tries + 1, next_attempt_at=now.local + pause)


def _held(resend: Resend, cause: str) -> Resend:
    message = (
        f"It may or may not have gone out, and repeating it is no longer safe: {cause.rstrip('.')}. Ask Abillify, then "
        f"`importer resend {resend.invoice_reference} --was-sent` or `--was-not-sent`."
    )
    return resend.evolve(state=ResendState.HELD, message=message, next_attempt_at=None)
