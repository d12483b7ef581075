"""SIGTERM and SIGINT ask a verb to finish what it is at; SIGHUP asks the service to read its rules anew."""

import signal
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_signals(
    *acts: Callable[[], None], numbers: Collection[signal.Signals] = ENDING
) -> Iterator[list[Callable[[], None]]]:
    """Each calls the acts, of which more may be added; the handlers that were there come back at the end."""
    called = list(acts)

    def handle(_: int, __: FrameType | None) -> None:
        for act in called:
            act()

    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield called
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def reloading() -> tuple[signal.Signals, ...]:
    """SIGHUP, unless a terminal has started us: there it says that nobody watches any more."""
    return () if sys.stdin is not None and sys.stdin.isatty() else (signal.SIGHUP,)
