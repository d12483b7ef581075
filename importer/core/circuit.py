"""One endpoint's circuit: whether it is asked at all, and for how many documents at once.

As in electricity, an open circuit carries nothing. It opens when several documents in a row have failed; after a pause
one document is let through as a probe. Its success closes the circuit, and each further one doubles how many may be
under way; a failure opens it anew, for longer.

Pure functions over a frozen value, as in `lifecycle.py`; the time, in seconds that only grow, is an argument.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from importer.core.backoff import pause_after
from importer.core.lifecycle import REFUSING_STATUSES, TOO_MANY_REQUESTS, Outcome
from importer.core.model import InDoubt, NotSent, ReadFailed, Refused

FAILING = 3
"""So many documents in a row must fail. One alone may have itself to blame, however often it is tried."""

EVERYBODY = 128
"""As many at once as ever are between claim and outcome (`importer.lanes`): no restriction of ours."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """What the last outcomes at an endpoint say about the next request."""

    failed: frozenset[int] = frozenset()
    """The documents that have failed since the last success."""
    openings: int = 0
    """How often it has opened since it last carried everybody."""
    shut_until: float | None = None
    """While it is open: from then on one document is let through. None: it is closed."""
    allowance: int = EVERYBODY
    """How many documents may be under way."""
    under_way: int = 0
    era: int = 0
    """Grows whenever what is under way no longer counts, because it was begun in better or worse times."""


def failure_of(outcome: Outcome) -> str | None:
    """How an outcome speaks against the endpoint; None when it worked, whatever it said about the document."""
    match outcome:
        case NotSent(cause) | InDoubt(cause) | ReadFailed(cause):
            return cause
        case Refused(error) if error.status in (*REFUSING_STATUSES, TOO_MANY_REQUESTS):
            return str(error)
    return None


def room(circuit: Circuit, now: float) -> int:
    """How many more documents are let through now."""
    if circuit.shut_until is not None and now < circuit.shut_until:
        return 0
    return max(0, circuit.allowance - circuit.under_way)


def begun(circuit: Circuit) -> Circuit:
    return replace(circuit, under_way=circuit.under_way + 1)


def ended(circuit: Circuit) -> Circuit:
    return replace(circuit, under_way=circuit.under_way - 1)


def succeeded(circuit: Circuit) -> Circuit:
    """Closed, and twice as wide; fully recovered once everybody may come."""
    allowance = min(EVERYBODY, 2 * circuit.allowance)
    openings = 0 if allowance == EVERYBODY else circuit.openings
    return replace(circuit, failed=frozenset(), shut_until=None, allowance=allowance, openings=openings)


def failed(circuit: Circuit, document: int, now: float, schedule: tuple[timedelta, timedelta], seed: str) -> Circuit:
    """Open after several documents; at once while it recovers."""
    documents = circuit.failed | {document}
    if circuit.openings == 0 and len(documents) < FAILING:
        return replace(circuit, failed=documents)
    pause = pause_after(circuit.openings, schedule, seed).total_seconds()
    opened = replace(circuit, failed=frozenset(), openings=circuit.openings + 1, shut_until=now + pause)
    return slowed(opened)


def slowed(circuit: Circuit) -> Circuit:
    """One at a time at first: the API is only just back."""
    return replace(circuit, allowance=1, under_way=0, era=circuit.era + 1)
