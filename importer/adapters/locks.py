"""What only one process may hold: a lock that goes with the process, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

PATIENCE = 0.2
"""Seconds for somebody who only asks, or is about to be refused."""


class AlreadyHeld(Exception):
    """Another process holds it."""


def is_held(path: Path) -> bool:
    """Whether another process has the lock on a path, for somebody who only asks: nothing is made.

    For the moment of the question the lock is shared by us; an importer that starts within it waits for that.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def alone(*paths: Path) -> Iterator[None]:
    """Holds a lock on each path: a folder is locked itself, a file is made where it is missing.

    Raises:
        AlreadyHeld: another process has one of them.
    """
    with ExitStack() as held:
        for path in paths:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if path.is_dir() else os.O_CREAT), 0o640)
            held.callback(os.close, descriptor)
            if not _locked(descriptor):
                raise AlreadyHeld(f"another importer runs on {path}; stop it first, or use `importer backfill`")
        yield


def _locked(descriptor: int) -> bool:
    """Whether we have got the lock; who holds it for a moment only is waited for."""
    give_up_at = monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= give_up_at:
                return False
            sleep(0.01)
        else:
            return True
