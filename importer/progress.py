"""Whether everything that was begun gets on, or rightly waits."""

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
    """For what has nothing to wait for but the outside; and until the first of the documents is done."""
    in_turn: float
    """For one document of many, which waits until the others before it are done."""


@dataclass(frozen=True, slots=True, eq=False)
class Undertaking:
    """What has begun and not ended yet."""

    what: str
    since: float
    in_turn: bool


class Progress:
    """What is under way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: set[Undertaking] = set()
        self._last_done = clock()
        self.done = 0
        """How much work has come to its end."""

    def watched(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Does the act of a thread that is alone with its kind, and knows meanwhile that it is at it."""
        undertaking = self._begun(getattr(act, "__name__", "it").strip("_"), in_turn=False)
        try:
            return act(*arguments, **named)
        finally:
            with self._lock:
                self._under_way.remove(undertaking)

    def begin(self, what: str) -> Undertaking:
        """Work of which there is much at once, and which may change a document; to be ended with `end`."""
        return self._begun(what, in_turn=True)

    def end(self, undertaking: Undertaking) -> None:
        with self._lock:
            self._under_way.remove(undertaking)
            self.done += 1
            self._last_done = self._clock()

    def stuck(self, patience: Patience) -> Undertaking | None:
        """The oldest of what takes longer than it may."""
        now = self._clock()
        with self._lock:
            under_way, last_done = sorted(self._under_way, key=lambda each: each.since), self._last_done
        # While others are done before it, one may be waiting for its turn.
        none_done = now - last_done > patience.alone
        for each in under_way:
            may_take = patience.in_turn if each.in_turn and not none_done else patience.alone
            if now - each.since > may_take:
                return each
        return None

    def _begun(self, what: str, *, in_turn: bool) -> Undertaking:
        undertaking = Undertaking(what, self._clock(), in_turn)
        with self._lock:
            self._under_way.add(undertaking)
        return undertaking
