"""What the ledger holds, counted as seldom as will do: a ledger of millions must not keep an idle service busy."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from importer.adapters.ledger import LedgerReader
from importer.adapters.metrics.view import Census
from importer.core.model import ON_ITS_WAY, State

T = TypeVar("T")

SHARE = 50
"""A question that takes a second is asked once in so many seconds."""

UNFINISHED = ON_ITS_WAY | {State.HELD}
REASONED = (UNFINISHED | {State.REJECTED}) - {State.PENDING, State.SENDING}
"""States in which a document has a reason. A backlog of a million that is pending has none, and need not be read."""


class Sparing(Generic[T]):
    """An answer that is asked for anew only after a while. May be called from any thread.

    Args:
        ask: the question; what it raises is passed on, and it is asked again at the next time.
        clock: seconds that only grow.
        pause: seconds until the next time, at least.
    """

    def __init__(self, ask: Callable[[], T], clock: Callable[[], float], *, pause: float) -> None:
        self._ask = ask
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._known: list[T] = []
        self._again_at = 0.0

    def __call__(self) -> T:
        with self._lock:
            began = self._clock()
            if not self._known or began >= self._again_at:
                self._known = [self._ask()]
                ended = self._clock()
                self._again_at = ended + max(self._pause, SHARE * (ended - began))
            return self._known[0]


def take_census(ledger: LedgerReader, file: Path | None) -> Census:
    """Counts.

    Args:
        ledger: to be counted.
        file: where it is kept, if in a file.

    Raises:
        LedgerError: it does not answer.
    """
    standing = ledger.standing()
    reasons = ledger.reasons(REASONED & standing.keys())
    told = [(state, code, count) for state, code, count in reasons]
    for state in State:
        count = standing[state][0] if state in standing else 0
        without = count - sum(number for each, _, number in reasons if each is state)
        told += [(state, "", max(0, without))]
    first = {state: ledger.seen_and_entered(standing[state][1]) for state in UNFINISHED & standing.keys()}
    known = {state: moments for state, moments in first.items() if moments is not None}
    return Census(
        documents=told,
        first_seen={state: seen for state, (seen, _) in known.items()},
        entered={state: entered for state, (_, entered) in known.items()},
        size=_size(file),
    )


def _size(file: Path | None) -> int | None:
    if file is None:
        return None
    size = 0
    for each in (file, file.with_name(f"{file.name}-wal")):
        with suppress(OSError):  # the second one comes and goes
            size += each.stat().st_size
    return size
