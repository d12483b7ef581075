"""SIGTERM and SIGINT ask a verb to finish what it is at."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_signals(*acts: Callable[[], None]) -> Iterator[list[Callable[[], None]]]:
    """Both call the acts, of which more may be added; the handlers that were there come back at the end."""
    called = list(acts)

    def handle(_: int, __: FrameType | None) -> None:
        for act in called:
            act()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield called
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
