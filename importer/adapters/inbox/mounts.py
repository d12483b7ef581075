"""Which file system a folder lies on: network shares do not tell what others write, and locks on them are no locks."""

import os
import re
from pathlib import Path, PurePosixPath

MOUNTINFO = Path("/proc/self/mountinfo")

SILENT = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "afs", "lustre", "beegfs", "glusterfs"}
    | {"9p", "virtiofs", "vboxsf", "drvfs", "prl_fs", "fuse"}
)
"""File systems on which others write without this machine's kernel noticing; every `fuse.*` counts as well.

Nor do they share memory with those others, which SQLite's log wants (https://www.sqlite.org/wal.html, "Overview").
"""


def is_silent(file_system: str) -> bool:
    return file_system in SILENT or file_system.startswith("fuse.")


def file_system_of(folder: Path, mountinfo: Path = MOUNTINFO) -> str | None:
    """The type of the file system, such as `ext4` or `nfs4`; None where the system does not say (macOS)."""
    try:
        mounts = mountinfo.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return find_type(PurePosixPath(os.path.realpath(folder)), mounts)


def find_type(path: PurePosixPath, mountinfo: str) -> str | None:
    """The type of the mount that holds `path` (proc(5), "/proc/pid/mountinfo")."""
    best, found = -1, None
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = PurePosixPath(_unescaped(before.split(" ")[4]))
        # Of two mounts on one point, the later one hides the other.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), after.split(" ")[0]
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), text)
