"""A copy of the ledger while others work with it."""

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from importer.adapters.ledger.database import Database, file_of
from importer.adapters.ledger.errors import LedgerError, LedgerNeedsPerson, told
from importer.adapters.ledger.postgres_rebuild import keep_tables
from importer.adapters.ledger.reconstruction import into_one_file
from importer.adapters.ledger.transfer import transfer
from importer.adapters.ledger.witness import sync_folder


def back_up(url: str, copy: Path) -> None:
    """Makes a copy of one consistent moment, whole in one file, looked over, and on disk.

    It is a SQLite file whatever the ledger is kept in: the importer can work with it, or bring it to a server again.

    Raises:
        LedgerNeedsPerson: the ledger is damaged, so its copy would be.
        LedgerError: the copy cannot be made, or something lies there already: nothing is ever overwritten.
    """
    unfinished = copy.with_name(copy.name + ".unfinished")
    ledger = file_of(url)
    try:
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o640)
        if ledger is not None:
            _copy(ledger, unfinished)
        else:
            _fetch(url, unfinished)
        _publish(unfinished, copy)
    except sqlite3.Error as error:
        raise told(error, str(ledger or copy)) from error
    except FileExistsError as error:
        raise LedgerError(f"backup {copy}: something lies there already; name another file") from error
    except OSError as error:
        raise LedgerError(f"backup {copy}: {error.strerror}; make room, or name another file") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _copy(ledger: Path, copy: Path) -> None:
    with (
        closing(sqlite3.connect(f"{ledger.as_uri()}?mode=rw", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        faults = [row[0] for row in target.execute("PRAGMA integrity_check")]
    into_one_file(copy)
    if faults != ["ok"]:
        raise LedgerNeedsPerson(f"ledger {ledger}: its content is damaged ({faults[0]}); see `importer ledger verify`")


def _fetch(url: str, copy: Path) -> None:
    with closing(Database(url)) as source, closing(Database(f"sqlite:///{copy}", alone=True)) as target:
        transfer(source, target)
    into_one_file(copy)


def _publish(unfinished: Path, copy: Path) -> None:
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    try:
        copy.hardlink_to(unfinished)
    except FileExistsError:
        raise
    except OSError:  # no hard links there: a memory stick, a network share
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
        unfinished.replace(copy)
    sync_folder(copy.parent)


def back_up_before_upgrade(url: str, copy: Path, now: datetime) -> str:
    """Keeps an older ledger as it is: a file's copy, or a server's tables in a schema beside them. Tells where.

    Raises:
        LedgerError: as `back_up`.
    """
    if file_of(url) is None:
        return keep_tables(url, now)
    back_up(url, copy)
    return str(copy)
