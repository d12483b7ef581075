"""A ledger in a file: SQLite, for any number of processes on one host."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from importer.adapters.ledger.access import Access, access_to, told_by_disk
from importer.adapters.ledger.errors import LedgerError, sqlite_name, translate
from importer.adapters.ledger.holders import Holder, holders_folder, lives, share

BUSY_TIMEOUT_MS = 30_000

SETTLED = 1.0
"""Seconds after which whoever may only read believes what he sees of log and index."""

KEPT, MOST = 8, 42
"""Connections that stay open to read, and those there may be at once. Each has two files and up to two megabytes."""

CACHE_KB = 16_000
"""What the one connection that writes remembers of the file: room for the upper pages of all indexes of some million
documents. The lower ones are hit at random, whatever is remembered."""

Result = TypeVar("Result")


class SqliteStore:
    """See `store.Store`.

    Args:
        url: names a file, absolute.
        alone: whether the caller has locked the ledger for itself; otherwise it is shared with others.

    Raises:
        LedgerBusy: it is being rebuilt or upgraded.
        LedgerError: it cannot be opened.
    """

    def __init__(self, url: URL, *, alone: bool) -> None:
        self.path = Path(url.database or "")
        self.name = str(self.path)
        self.is_shared = False
        self.refused: Any = None
        access = _settled(lambda: access_to(self.path))
        self._shared = share(holders_folder(self.path)) if access is Access.WRITE and not alone else None
        self._reading = _engine(self.path, access, kept=KEPT, most=MOST)
        # Whoever writes is alone, and what was remembered for the last transaction is there for the next.
        self._writing = _engine(self.path, access, kept=1, most=1, cache_kb=CACHE_KB)

    @contextmanager
    def connected(self, *, writes: bool) -> Iterator[Connection]:
        with (self._writing if writes else self._reading).connect() as connection:
            prepared = connection.execution_options(begin="BEGIN IMMEDIATE" if writes else "BEGIN")
            with prepared.begin():
                yield prepared

    def lock_schema(self, connection: Connection) -> None:
        """Whoever may write is alone anyway."""

    def insist(self, act: Callable[[], None]) -> None:
        act()  # what a disk has refused is not asked of it again

    def translated(self, error: SQLAlchemyError) -> LedgerError:
        if not isinstance(error, DBAPIError):
            return LedgerError(f"ledger {self.name}: {error}")
        return told_by_disk(error.orig, self.path) or translate(error, self.name)

    def is_lasting(self, error: SQLAlchemyError) -> bool:
        return sqlite_name(getattr(error, "orig", None)).startswith(("SQLITE_IOERR", "SQLITE_FULL"))

    def concerns_one(self, error: DBAPIError) -> bool:
        # SQLite has only one word about the disk, and it is about the whole transaction.
        return isinstance(error, IntegrityError)

    def was_overtaken(self, error: DBAPIError) -> bool:  # noqa: ARG002 - a Store
        return False  # the one writer has seen everything

    def holder(self) -> Holder:
        return Holder(holders_folder(self.path))

    def lives(self, name: str) -> bool:
        return lives(self.path, name)

    def listener(self, name: str) -> None:  # noqa: ARG002 - a Store
        return None

    def ask_line(self) -> None:
        pass

    def close(self) -> None:
        for engine in (self._writing, self._reading):
            engine.dispose()
        if self._shared is not None:
            os.close(self._shared)
            self._shared = None


def _engine(path: Path, access: Access, *, kept: int, most: int, cache_kb: int | None = None) -> Engine:
    def connect() -> sqlite3.Connection:
        if access is not Access.WRITE:
            return _settled(lambda: _reading(path))
        with _closed_on_error(_connected(path, access)) as connection:
            _write_ahead(connection)
            for pragma in ("synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
            if cache_kb is not None:
                connection.execute(f"PRAGMA cache_size = -{cache_kb}")
        return connection

    # The connection that was used last goes first: what it remembers of the file is still true. Beyond those that are
    # kept, each lasts only as long as it is needed.
    pool = {"pool_size": kept, "max_overflow": most - kept, "pool_use_lifo": True}
    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, **pool)
    event.listen(engine, "begin", _begin)
    return engine


def _connected(path: Path, access: Access) -> sqlite3.Connection:
    uri = f"{path.as_uri()}?{access.value}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False)
    # We say BEGIN ourselves: a transaction that goes from reading to writing fails at once when it is not alone.
    connection.isolation_level = None
    return connection


def _reading(path: Path) -> sqlite3.Connection:
    """For who may only read."""
    with _closed_on_error(_connected(path, access_to(path))) as connection:
        connection.execute("PRAGMA schema_version")  # opens log and index, too
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    except sqlite3.Error:
        connection.close()
        raise


def _settled(act: Callable[[], Result]) -> Result:
    """Log and index come and go with whoever writes: what is half there is looked at again."""
    deadline = time.monotonic() + SETTLED
    while True:
        try:
            return act()
        except (LedgerError, sqlite3.OperationalError) as error:
            if not _may_pass(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _may_pass(error: LedgerError | sqlite3.OperationalError) -> bool:
    return isinstance(error, LedgerError) or sqlite_name(error).startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN"))


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Has the file written ahead of (https://www.sqlite.org/wal.html); for a new or restored one, somebody is first.

    SQLite waits for whoever writes, but not here: who is second would be told at once that the file is locked.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if sqlite_name(error) != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            connection.execute("BEGIN IMMEDIATE")  # waits until the first one is done
            connection.execute("ROLLBACK")
        else:
            return


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
