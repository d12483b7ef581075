"""What the machine offers where our folders lie: rights, room, moves, watches; by trying, where that can be."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from importer.core.naming import TEMPORARY

WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


@dataclass(frozen=True, slots=True)
class Room:
    """What is left on a file system for us, who are not root."""

    device: int
    size: int
    """Bytes."""
    files: int | None
    """How many more there may be; None where the file system makes room for them as needed."""


def room_at(folder: Path) -> Room:
    """The room where a folder lies.

    Raises:
        OSError: it cannot be looked at.
    """
    left = os.statvfs(folder)
    return Room(folder.stat().st_dev, left.f_bavail * left.f_frsize, left.f_favail if left.f_files else None)


def try_folder(folder: Path) -> None:
    """Writes, renames and deletes: what the importer does there, and what network shares like to forbid.

    Raises:
        OSError: one of them is refused.
    """
    first, second = _names(folder)
    _try_rename(first, second)


def can_move(source: Path, target: Path) -> bool:
    """Whether a file can be renamed from one folder into another; otherwise it has to be copied.

    Two mounts of one file system are two file systems here, which only a try tells.

    Raises:
        OSError: it is refused for another reason.
    """
    (first, _), (_, second) = _names(source), _names(target)
    try:
        _try_rename(first, second)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True


def _names(folder: Path) -> tuple[Path, Path]:
    """Names that no scan takes, even if the file cannot be removed again."""
    name = f"{TEMPORARY}doctor-{secrets.token_hex(8)}"
    return folder / name, folder / f"{name}-renamed"


def _try_rename(first: Path, second: Path) -> None:
    first.touch(mode=0o600)
    try:
        first.rename(second)
        second.unlink()
    finally:
        for path in (first, second):
            with suppress(OSError):  # the first refusal is the one to be told
                path.unlink(missing_ok=True)


def folders_below(folder: Path) -> Iterator[Path]:
    """The folder itself and every one in it; links are not followed, and what cannot be looked into is passed over."""
    for path, _, _ in os.walk(folder):
        yield Path(path)


def may_empty(folder: Path) -> bool:
    """Whether files of others can be moved away from a folder."""
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return False
    status = folder.stat()
    # In a sticky folder, such as /tmp, everybody moves his own files only.
    return not status.st_mode & stat.S_ISVTX or os.geteuid() in (0, status.st_uid)


def is_root_for(folder: Path) -> bool:
    """Whether we are root where somebody else is at home: what we make there, its owner may not be able to use.

    Raises:
        OSError: it cannot be looked at.
    """
    return os.geteuid() == 0 and folder.stat().st_uid != 0


def may_read(path: Path) -> bool:
    return os.access(path, os.R_OK)


def is_open_to_all(path: Path) -> bool:
    """Whether everybody on this machine may read, write or look into it: on its own, and on the way there.

    Raises:
        OSError: it cannot be looked at.
    """
    if not path.stat().st_mode & stat.S_IRWXO:
        return False
    return all(above.stat().st_mode & stat.S_IXOTH for above in path.resolve().parents)


def watch_limit(file: Path = WATCHES) -> int | None:
    """How many folders and files one user may watch; None where the system does not say (macOS)."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
