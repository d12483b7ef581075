"""Whether a file is complete beyond doubt, so that it need not look the same for a while first.

Linux only. A read lease is given on a file that no process has open for writing (fcntl(2), "Leases"), and only to its
owner; it is given back at once. Elsewhere, and for other people's files, time has to tell.
"""

import fcntl
import os
import signal
import sys
from contextlib import suppress

TAIL = 1024
"""Bytes in which a PDF's last line stands (ISO 32000-1, annex H, implementation note 18)."""

LAST_LINE = b"%%EOF"


def is_finished(path: str) -> bool:
    """Whether this is a PDF with its last line, and nobody has it open for writing.

    A writer that closes its file between two pieces has not written that line yet. An e-mail has no last line.
    """
    if sys.platform != "linux" or not path.lower().endswith(".pdf"):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _has_no_writer(descriptor) and LAST_LINE in _tail(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _has_no_writer(descriptor: int) -> bool:
    # Whoever opens it in this very moment has us signalled; by default with a signal that would end us.
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    with suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return True


def _tail(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, TAIL, max(0, size - TAIL))
