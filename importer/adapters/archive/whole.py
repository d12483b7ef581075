"""One wait for many files: where the system can say of a whole file system that everything is on disk.

Linux only, and only where that is known to be true. Since 5.8, `syncfs` reports the errors of earlier writes to whoever
opened a file there before somebody was told of them (https://man7.org/linux/man-pages/man2/syncfs.2.html). A network or
FUSE file system answers before its server has everything.
"""

import ctypes
import os
import platform
import re
from functools import cache
from pathlib import Path

_LOCAL = frozenset({"ext3", "ext4", "xfs", "f2fs"})
_TELLS_ERRORS = (5, 8)
_MOUNTS = Path("/proc/self/mountinfo")
"""A line: id, parent, major:minor, root, mount point, options, ..., "-", type, ... (proc_pid_mountinfo(5))."""


@cache
def can_sync_whole(device: int) -> bool:
    """Whether everything on this device (`st_dev`) can be waited for at once."""
    return _is_new_enough() and _type_of(device) in _LOCAL


def sync_whole(descriptor: int) -> None:
    """Waits until everything on this file's file system is on disk.

    Raises:
        OSError: the system cannot say so.
    """
    if _libc().syncfs(descriptor) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _is_new_enough() -> bool:
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    return platform.system() == "Linux" and version is not None and tuple(map(int, version.groups())) >= _TELLS_ERRORS


def _type_of(device: int) -> str | None:
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = [line.split() for line in _MOUNTS.read_text(errors="replace").splitlines()]
    except OSError:
        return None
    return next((fields[fields.index("-") + 1] for fields in mounts if fields[2] == wanted), None)
