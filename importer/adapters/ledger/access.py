"""How the ledger's file can be opened where it lies, and whether its disk is full."""

import os
from enum import Enum
from pathlib import Path

from importer.adapters.ledger.errors import LedgerError, sqlite_name


class Access(Enum):
    """What is said to SQLite about it (https://www.sqlite.org/uri.html, https://www.sqlite.org/wal.html#readonly)."""

    WRITE = "mode=rwc"
    READ = "mode=ro"
    """Somebody else works with it, or did: log and index lie beside it, and can be read as they are."""
    FROZEN = "mode=ro&immutable=1"
    """Nobody can be at work: SQLite needs no index, which it could not make."""


def access_to(ledger: Path) -> Access:
    """The most that this place allows.

    Raises:
        LedgerError: nothing may be written there, and without that the ledger cannot be read.
    """
    if not ledger.exists() or os.access(ledger.parent, os.W_OK):
        return Access.WRITE
    if _beside(ledger, "-shm").exists():
        return Access.READ
    log = _beside(ledger, "-wal")
    if _size(log) > 0:
        raise LedgerError(
            f"ledger {ledger}: what was written last is still in {log.name}, and its folder is read-only; copy both "
            "files to where you may write, and set IMPORTER_LEDGER__URL to the copy"
        )
    return Access.FROZEN


def told_by_disk(cause: BaseException | None, ledger: Path) -> LedgerError | None:
    """A full disk, where SQLite says something else of it; None for any other error.

    Of a file that cannot be made larger SQLite says that the disk is full; of one that cannot be made, or of the index,
    that it cannot be opened, or that the disk is faulty.
    """
    name = sqlite_name(cause)
    if name == "SQLITE_IOERR_SHMSIZE" or (name.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR")) and _is_full(ledger)):
        return LedgerError(f"ledger {ledger}: the disk is full; make room and start again: nothing was lost ({name})")
    return None


def _is_full(ledger: Path) -> bool:
    try:
        room = os.statvfs(ledger.parent)
    except OSError:
        return False
    # Some file systems make inodes as they need them, and say that they have none at all.
    return room.f_bavail == 0 or (room.f_files > 0 and room.f_favail == 0)


def _size(file: Path) -> int:
    """Whoever was last with the ledger takes log and index away, at any moment."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _beside(ledger: Path, ending: str) -> Path:
    return ledger.with_name(ledger.name + ending)
