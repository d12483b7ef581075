"""Whether every thread still gets on with its work, or rightly has none."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that something may rightly take."""

    alone: float
    """For what has nothing to wait for but the outside; and until the first of the workers is done."""
    in_turn: float
    """For one worker, which waits until the others before it are done."""


@dataclass(frozen=True, slots=True)
class Undertaking:
    """What a thread has begun and not ended yet."""

    what: str
    since: float
    in_turn: bool


class Progress:
    """What is under way, by thread. A thread that waits for work has nothing under way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[int, Undertaking] = {}
        self._last_done = clock()
        self.done = 0
        """How much work has come to its end."""

    def watched(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Does the act of a thread that is alone with its kind, and knows meanwhile that it is at it."""
        return self._watched(False, act, *arguments, **named)

    def work(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """The same for a worker, one of many, whose act may change a document."""
        try:
            return self._watched(True, act, *arguments, **named)
        finally:
            with self._lock:
                self.done += 1
                self._last_done = self._clock()

    def stuck(self, patience: Patience) -> Undertaking | None:
        """The oldest of what takes longer than it may."""
        now = self._clock()
        with self._lock:
            under_way, last_done = sorted(self._under_way.values(), key=lambda each: each.since), self._last_done
        # While others are done before it, a worker may be waiting for its turn.
        none_done = now - last_done > patience.alone
        for each in under_way:
            may_take = patience.in_turn if each.in_turn and not none_done else patience.alone
            if now - each.since > may_take:
                return each
        return None

    def _watched(self, in_turn: bool, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        thread = threading.get_ident()
        with self._lock:
            what = getattr(act, "__name__", "it").strip("_")
            self._under_way[thread] = Undertaking(what, self._clock(), in_turn)
        try:
            return act(*arguments, **named)
        finally:
            with self._lock:
                del self._under_way[thread]
