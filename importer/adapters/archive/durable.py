"""The few primitives below every write: bytes that are on disk, and names that are."""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.adapters.archive.errors import NotDurable

FILE_MODE = 0o640
FOLDER_MODE = 0o750

# Some network and FUSE file systems cannot sync a folder and say so; there is no more to be had there.
_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})

# No hard links here (FAT, some network shares), or none to a file of somebody else's (sysctl fs.protected_hardlinks).
_CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def sync(descriptor: int, path: Path) -> None:
    """Waits until the bytes are on disk.

    Raises:
        NotDurable: the system cannot say so.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise NotDurable(
            "bring it safely to disk",
            path,
            error.strerror or str(error),
            "check the disk, then start the importer again",
        ) from error


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on disk.

    Raises:
        NotDurable: the system cannot say so.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor, folder)
    except NotDurable as error:
        if not (isinstance(error.__cause__, OSError) and error.__cause__.errno in _CANNOT_SYNC):
            raise
    finally:
        os.close(descriptor)


def try_link(source: Path, target: Path) -> bool:
    """Gives a file a second name; False where that cannot be done.

    Raises:
        FileExistsError: the name is taken. It never overwrites, whoever else is at it: that is why we link.
        OSError: anything else.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in _CANNOT_LINK:
            return False
        raise
    return True


@contextmanager
def temporary(folder: Path, prefix: str) -> Iterator[tuple[Path, int]]:
    """A new file under a name of its own, open for writing; removed at the end if it still has that name."""
    path = folder / f"{prefix}{secrets.token_hex(8)}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        yield path, descriptor
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def fill(descriptor: int, path: Path, chunks: Iterable[bytes]) -> None:
    """Writes everything, and waits until it is on disk."""
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    sync(descriptor, path)


def sweep(folder: Path, prefix: str) -> None:
    """Removes what a crash has left of earlier tries."""
    with os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if entry.name.startswith(prefix)]:
            (folder / name).unlink(missing_ok=True)
