"""All threads of this process on one processor, whichever the system chooses.

Only one thread at a time runs Python. Spread over several processors, the threads of a backfill hand that right to one
another some forty times a document: each time another processor is woken, and finds nothing of what it needs in its
cache. On one processor, the next thread has its turn when the last one has nothing to do: a tenth of the changes, and
less processor time, also where another program wants the same processor.

Linux only; elsewhere, and where there is but one processor anyway, nothing is done.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STAY = 5.0
"""Seconds until the system chooses anew: others may have come to want this processor."""

CHOICE = 0.02
"""Seconds that it is given for that."""

_THREADS = Path("/proc/self/task")


def _allowed() -> set[int]:
    if not hasattr(os, "sched_getaffinity") or not _THREADS.is_dir():
        return set()
    try:
        return os.sched_getaffinity(0)
    except OSError:
        return set()


_ALL = _allowed()
"""What whoever has started us lets us have; none where that cannot be told."""


class _Threads:
    """Those of this process, and where they are to be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._where = _ALL
        self._apart: set[int] = set()
        """Those that go anywhere."""

    def move(self, processors: set[int]) -> None:
        with self._lock:
            self._where = processors
            for thread in set(map(int, os.listdir(_THREADS))) - self._apart:  # noqa: PTH208 - names only
                _set(thread, processors)

    def part(self, thread: int) -> None:
        with self._lock:
            self._apart.add(thread)
            _set(thread, _ALL)

    def rejoin(self, thread: int) -> None:
        with self._lock:
            self._apart.discard(thread)
            _set(thread, self._where)


_threads = _Threads()


class OneProcessor:
    """Keeps the process where the system has put its main thread, until it is let go."""

    def __init__(self) -> None:
        self._is_kept = False
        self._until = 0.0

    def tend(self, now: float) -> None:
        """Keeps it there, or lets the system choose anew, when it is time; to be called often, by the main thread.

        Args:
            now: monotonic seconds.
        """
        if len(_ALL) < 2 or now < self._until:
            return
        self._until = now + CHOICE
        if self._is_kept:
            self.let_go()
        else:
            self._is_kept = True
            with suppress(OSError):  # no file can be opened any more; others will tell
                _threads.move({_current()})
            self._until = now + STAY

    def let_go(self) -> None:
        """All of them, wherever the system likes."""
        if self._is_kept:
            with suppress(OSError):
                _threads.move(_ALL)
                self._is_kept = False


@contextmanager
def on_any_processor() -> Iterator[None]:
    """For a thread that starts another program, which inherits the processors of the thread that starts it."""
    if not _ALL:
        yield
        return
    thread = threading.get_native_id()
    _threads.part(thread)
    try:
        yield
    finally:
        _threads.rejoin(thread)


def _set(thread: int, processors: set[int]) -> None:
    with suppress(OSError):  # it has ended; or the system does not let us, and all stays as it is
        os.sched_setaffinity(thread, processors)


def _current() -> int:
    """The processor that the main thread is on: proc_pid_stat(5), field 39."""
    return int((_THREADS.parent / "stat").read_text().rpartition(")")[2].split()[36])
