"""The rate limit, shared by all threads and all endpoints."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

BURST = 1.0
"""Seconds' worth of requests that may go out at once after a pause."""


class Turns(Protocol):
    """Tells each request when it may go out."""

    @property
    def is_limited(self) -> bool:
        """Whether any request ever has to wait."""
        ...

    def wait(self, unless: threading.Event | None = None) -> None:
        """Returns when the next request may go out, or when `unless` is set."""
        ...


class Pacer:
    """Spreads requests over time, at most `rate_per_second` of them; 0 sets no limit. Thread-safe."""

    def __init__(
        self,
        rate_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / rate_per_second if rate_per_second else 0.0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = float("-inf")

    @property
    def is_limited(self) -> bool:
        return self._interval > 0

    def wait(self, unless: threading.Event | None = None) -> None:
        """Returns when the next request may go out; threads take their turns in the order in which they came.

        Args:
            unless: nobody waits once this is set.
        """
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - max(0.0, BURST - self._interval))
            self._next = turn + self._interval
        # Outside the lock, so that the next one can already be told its own turn.
        if turn > now:
            (unless.wait if unless else self._sleep)(turn - now)
