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


def is_finished(path: str, *, was_renamed: bool = False) -> bool:
    """Whether nobody has this file open for writing, and nothing is missing at its end.

    A writer that closes its file between two pieces has not written a PDF's last line yet. An e-mail has none: it may
    be closed and opened again. But who gives a file its name only now, as spoolers and `rsync` do, is done with it.

    Args:
        path: absolute.
        was_renamed: whether the last that was heard of the file is that it was renamed to this path.
    """
    is_pdf = path.lower().endswith(".pdf")
    if sys.platform != "linux" or not (is_pdf or was_renamed):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _has_no_writer(descriptor) and (not is_pdf or LAST_LINE in _tail(descriptor))
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
