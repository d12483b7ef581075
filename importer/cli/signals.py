"""SIGTERM and SIGINT ask a verb to finish what it is at; SIGHUP asks the service to read its rules anew."""

import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGINT)

DEADLY = (signal.SIG_DFL, signal.default_int_handler)
"""Handlers that end the process, wherever it is."""


@contextmanager
def on_signals(
    *acts: Callable[[], None], numbers: Collection[signal.Signals] = ENDING
) -> Iterator[list[Callable[[], None]]]:
    """Each calls the acts, of which more may be added; the handlers that were there come back at the end.

    But once something was heard, not those that would end the process: it is ending, has only to tell how, and must not
    lose its exit code to a second word. What comes then is ignored.

    The acts are called by a thread of their own: a handler interrupts the main thread wherever it is, even while it
    holds the lock that an act wants (that of an event, say), and would then wait for itself for ever.
    """
    called = list(acts)
    arrived: SimpleQueue[bool] = SimpleQueue()
    was_heard = False

    def handle(_: int, __: FrameType | None) -> None:
        nonlocal was_heard
        was_heard = True
        arrived.put(True)  # may itself be interrupted by another one

    def call() -> None:
        while arrived.get():
            for act in called:
                act()

    caller = threading.Thread(target=call, name="signals", daemon=True)
    caller.start()
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield called
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if was_heard and handler in DEADLY else handler)
        arrived.put(False)
        caller.join()


def reloading() -> tuple[signal.Signals, ...]:
    """SIGHUP, unless a terminal has started us: there it says that nobody watches any more."""
    return () if sys.stdin is not None and sys.stdin.isatty() else (signal.SIGHUP,)
