"""Who works with the ledger on this host: one locked file a process. The lock goes with the process, however it dies.

The folder of these files is locked too: shared by everybody who has the ledger open, alone by whoever replaces it.
"""

import errno
import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Self

from importer.adapters.ledger.errors import LedgerBusy, LedgerError

SUFFIX = ".holders"


def holders_folder(ledger: Path) -> Path:
    """Where the holders of a ledger have their files; made where it is missing.

    Raises:
        LedgerError: it cannot be made.
    """
    folder = ledger.with_name(ledger.name + SUFFIX)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    except OSError as error:
        raise _unmade(folder, error) from error
    return folder


def share(folder: Path) -> int:
    """Works with a ledger beside others, until the descriptor is closed.

    Raises:
        LedgerBusy: somebody is alone with the ledger.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        name = folder.name.removesuffix(SUFFIX)
        raise LedgerBusy(
            f"ledger {folder.with_name(name)}: it is being rebuilt or upgraded; wait for the end"
        ) from None
    return descriptor


class Holder:
    """This process's name on its claims. The file stays locked as long as the process lives.

    Raises:
        LedgerError: the file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            _clear(folder)
            self.name, self._file = _own_file(folder)
        except OSError as error:
            raise _unmade(folder, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        (self._folder / self.name).unlink(missing_ok=True)
        os.close(self._file)

    def is_alive(self, name: str) -> bool:
        """Whether the process with that name still runs. The file of a dead one is cleared away.

        A file of another user's that may not be opened counts as alive: then the lease decides.
        """
        return name == self.name or not _is_dead(self._folder / name, clear=True)


def lives(ledger: Path, name: str) -> bool:
    """Whether the holder of that name still runs, for somebody who only asks: nothing is cleared away."""
    return not _is_dead(ledger.with_name(ledger.name + SUFFIX) / name, clear=False)


def _own_file(folder: Path) -> tuple[str, int]:
    """A new file's name, and its descriptor with the lock on it."""
    while True:
        name = secrets.token_hex(8)
        file = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        # Until it is locked it looks like a dead one's, and somebody may just be clearing it away.
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat((folder / name).lstat(), os.fstat(file)):
                return name, file
        os.close(file)


def _clear(folder: Path) -> None:
    """Removes what killed processes have left."""
    for name in os.listdir(folder):  # noqa: PTH208 - the names are all that is wanted
        _is_dead(folder / name, clear=True)


def _is_dead(path: Path, *, clear: bool) -> bool:
    """Whether nobody lives under this name. Cleared away, its file goes only while we hold its lock."""
    access, lock = (os.O_RDWR, fcntl.LOCK_EX) if clear else (os.O_RDONLY, fcntl.LOCK_SH)
    try:
        file = os.open(path, access | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
        if clear:
            path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(file)


def _unmade(folder: Path, error: OSError) -> LedgerError:
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "make room and start again: nothing was lost" if is_full else "check that its folder may be written to"
    ledger = folder.with_name(folder.name.removesuffix(SUFFIX))
    return LedgerError(f"ledger {ledger}: {error.filename or folder} cannot be made ({error.strerror}); {remedy}")
