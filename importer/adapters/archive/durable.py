"""The few primitives below every write: bytes that are on disk, and names that are."""

import errno
import os
import secrets
import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from importer.adapters.archive.errors import NotDurable
from importer.adapters.archive.whole import can_sync_whole, sync_whole

FILE_MODE = 0o640
FOLDER_MODE = 0o750

# Some network and FUSE file systems cannot sync a folder and say so; there is no more to be had there.
_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})

# No hard links here (FAT, some network shares), or none to a file of somebody else's (sysctl fs.protected_hardlinks).
_CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


FEW = 2
"""Files up to which each is waited for by itself, a document and its folder: the others may have more to write."""


@dataclass(frozen=True, slots=True)
class Open:
    """An open file whose bytes, or an open folder whose names, are to be on disk."""

    descriptor: int
    path: Path


T = TypeVar("T")
Act = Generator[Sequence[Open], None, T]
"""Something done with files, step by step. What it yields must be on disk before it goes on."""


def alone(act: Act[T]) -> T:
    """Does it from the first step to the last.

    Raises:
        NotDurable: the system could not say that something is on disk.
        whatever the act raises.
    """
    (outcome,) = together([act])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def together(acts: Sequence[Act[T]]) -> list[T | Exception]:
    """Does many at once, so that they wait for the disk together: what has come of each, or its own error.

    Raises:
        NotDurable: the system could not say that something is on disk; then nobody goes on.
    """
    outcomes: dict[int, T | Exception] = {}
    going = dict(enumerate(acts))
    try:
        while going:
            opened: list[Open] = []
            for number, act in list(going.items()):
                try:
                    opened += next(act)
                except StopIteration as end:
                    outcomes[number] = end.value
                except NotDurable:
                    raise  # what is not on disk may be the folder of the others, too
                except Exception as error:  # noqa: BLE001 - it is this one's, and told to its caller
                    outcomes[number] = error
                if number in outcomes:
                    del going[number]
            sync_all(opened)
    finally:
        for act in going.values():
            act.close()
    return [outcomes[number] for number in range(len(acts))]


def sync_all(opened: Sequence[Open]) -> None:
    """Waits until all of these are on disk, with as few waits as the system allows.

    Raises:
        NotDurable: the system cannot say so of one of them; then nobody knows about the others.
    """
    by_device: dict[int, dict[int, Open]] = {}
    for each in opened:
        status = os.fstat(each.descriptor)
        by_device.setdefault(status.st_dev, {})[status.st_ino] = each  # many go into one folder
    for device, by_inode in by_device.items():
        files = list(by_inode.values())
        if len(files) > FEW and can_sync_whole(device):
            _told(files[0], sync_whole)
        else:
            for file in files:
                _told(file, os.fsync)


def _told(file: Open, wait: Callable[[int], None]) -> None:
    try:
        wait(file.descriptor)
    except OSError as error:
        if error.errno in _CANNOT_SYNC and stat.S_ISDIR(os.fstat(file.descriptor).st_mode):
            return
        raise NotDurable(
            "bring it safely to disk",
            file.path,
            error.strerror or str(error),
            "check the disk, then start the importer again",
        ) from error


@contextmanager
def open_folder(folder: Path) -> Iterator[Open]:
    """A folder whose names can be waited for."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Open(descriptor, folder)
    finally:
        os.close(descriptor)


def keeping(folder: Path) -> Act[None]:
    """Waits until the names in a folder are on disk."""
    with open_folder(folder) as opened:
        yield [opened]


def sync_folder(folder: Path) -> None:
    """The same at once.

    Raises:
        NotDurable: the system cannot say so.
    """
    alone(keeping(folder))


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
def temporary(folder: Path, prefix: str) -> Iterator[Open]:
    """A new file under a name of its own, open for writing; removed at the end if it still has that name."""
    path = folder / f"{prefix}{secrets.token_hex(8)}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        yield Open(descriptor, path)
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def fill(file: Open, chunks: Iterable[bytes]) -> Act[None]:
    """Writes everything, and waits until it is on disk."""
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(file.descriptor, rest) :]
    yield [file]


def sweep(folder: Path, prefix: str) -> None:
    """Removes what a crash has left of earlier tries."""
    with os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if entry.name.startswith(prefix)]:
            (folder / name).unlink(missing_ok=True)
