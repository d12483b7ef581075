"""Who works with the ledger on this host: one locked file a process. The lock goes with the process, however it dies.

The folder of these files is locked too: shared by everybody who has the ledger open, alone by whoever replaces it.
"""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Self

from importer.adapters.ledger.errors import LedgerBusy, LedgerError


def holders_folder(ledger: Path) -> Path:
    """Where the holders of a ledger have their files; made where it is missing.

    Raises:
        LedgerError: it cannot be made.
    """
    folder = ledger.with_name(ledger.name + ".holders")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    except OSError as error:
        raise LedgerError(
            f"ledger {ledger}: {folder} cannot be made ({error.strerror}); check that its folder may be written to"
        ) from error
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
        name = folder.name.removesuffix(".holders")
        raise LedgerBusy(
            f"ledger {folder.with_name(name)}: it is being rebuilt or upgraded; wait for the end"
        ) from None
    return descriptor


class Holder:
    """This process's name on its claims. The file stays locked as long as the process lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = secrets.token_hex(8)
        self._file = os.open(folder / self.name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        (self._folder / self.name).unlink(missing_ok=True)
        os.close(self._file)

    def is_alive(self, name: str) -> bool:
        """Whether the process with that name still runs. The file of a dead one is cleared away."""
        if name == self.name:
            return True
        try:
            file = os.open(self._folder / name, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            (self._folder / name).unlink(missing_ok=True)
            return False
        finally:
            os.close(file)
