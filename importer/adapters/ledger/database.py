"""The ledger's database: connections, durable transactions, migrations."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from importer.adapters.ledger.access import Access, access_to, told_by_disk
from importer.adapters.ledger.errors import LedgerError, LedgerNeedsPerson, WrongVersion, translate
from importer.adapters.ledger.grouping import Group, Member
from importer.adapters.ledger.holders import holders_folder, share

HEAD = "0003"
"""The newest migration: the version of the schema that this code reads and writes."""

OLDER = "`importer ledger upgrade` brings it there, after a backup"
NEWER = "use the version of the importer that wrote it, or restore a matching backup"

BUSY_TIMEOUT_MS = 30_000

PATIENCE = 0.025
"""Seconds that a commit waits for further changes, while many are at work: some five times what a disk takes for it."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Change:
    """What somebody wants to have written."""

    make: Callable[[Connection], Any]
    is_vouched_for: bool


_Changes = Sequence[Member[_Change, Any]]


class Database:
    """A SQLite file with durable transactions.

    Args:
        url: `sqlite:///` and an absolute path.
        alone: whether the caller has locked the ledger for itself; otherwise it is shared with others.
        upgrade: whether an older one is brought to this version instead of being refused.

    Raises:
        LedgerBusy: it is being rebuilt or upgraded.
        LedgerNeedsPerson: the file is corrupt, not a ledger, or of another version.
        LedgerError: it cannot be opened.

    Where nothing may be written, it can be read all the same.
    """

    def __init__(self, url: str, *, alone: bool = False, upgrade: bool = False) -> None:
        self.path = _sqlite_file(url)
        access = access_to(self.path)
        self._shared = share(holders_folder(self.path)) if access is Access.WRITE and not alone else None
        self._engine = _engine(self.path, access)
        # SQLite has one writer; waiting here is fair, waiting in SQLite is a game of chance.
        self._writer = threading.Lock()
        self._group: Group[_Change, Any] = Group(self._commit, patience=PATIENCE)
        self._failure: str | None = None
        self.vouch: Callable[[], None] = lambda: None
        """Called after the commit of what is to be vouched for, before its author hears of it."""
        try:
            self._migrate(upgrade=upgrade)
        except LedgerError:
            self.close()
            raise

    def write(self, make: Callable[[Connection], Result], *, vouched: bool = False) -> Result:
        """Makes a change, and returns what it returns when it is on disk.

        Changes that are wanted at the same time share a transaction, in the order in which they were asked for: one
        that raises leaves nothing behind, and does not disturb the others; a commit that fails concerns all of them.

        Args:
            make: what is to be done under the write lock; nothing but this connection may be changed by it, for it is
                called again when another change of the same transaction has failed.
            vouched: whether the witness must know of it before anybody goes on.
        """
        return cast("Result", self._group.run(_Change(make, vouched)))

    def confirm_sound(self) -> None:
        """To be called before what a committed intent is for.

        Raises:
            LedgerError: the disk has failed since; what comes of it could not be written down.
        """
        if self._failure is not None:
            raise LedgerError(self._failure)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start, and is on disk at its end.

        After an error of the disk's, or when it is full, there is no other one: nobody knows what a faulty disk has
        kept, and asked again it would say that all is well. Without an intent, nothing more is sent.
        """
        with self._writer:
            self.confirm_sound()
            with self._transaction("BEGIN IMMEDIATE") as connection:
                yield connection

    def _commit(self, changes: _Changes) -> None:
        if not self._all_went_well(changes):
            with self.transaction() as connection:
                for change in changes:
                    self._make(connection, change)
        vouched = [change for change in changes if change.wanted.is_vouched_for and change.error is None]
        if vouched:
            try:
                self.vouch()
            except LedgerError as error:
                for change in vouched:
                    change.error = error

    def _all_went_well(self, changes: _Changes) -> bool:
        """Makes them without savepoints, which cost as much as the changes; where one fails, none is made."""
        try:
            with self.transaction() as connection:
                for change in changes:
                    change.result = _made(connection, change.wanted)
        except _Refused:
            return False
        return True

    def _make(self, connection: Connection, change: Member[_Change, Any]) -> None:
        connection.exec_driver_sql("SAVEPOINT change")
        try:
            change.result = change.wanted.make(connection)
        except Exception as error:
            if _is_about_the_disk(error):
                raise
            change.error = self._translated(error) if isinstance(error, IntegrityError) else error
            connection.exec_driver_sql("ROLLBACK TO change")
        connection.exec_driver_sql("RELEASE change")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._transaction("BEGIN") as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()
        if self._shared is not None:
            os.close(self._shared)
            self._shared = None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                prepared = connection.execution_options(begin=begin)
                with prepared.begin():
                    yield prepared
        except DBAPIError as error:
            told = self._translated(error)
            if getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_IOERR", "SQLITE_FULL")):
                self._failure = str(told)
            raise told from error

    def _translated(self, error: DBAPIError) -> LedgerError:
        return told_by_disk(error.orig, self.path) or translate(error, str(self.path))

    def _migrate(self, *, upgrade: bool) -> None:
        """Makes the tables of a new ledger; refuses one of another version rather than guess."""
        with self.read() as connection:
            version = _version(connection)
        if version is None or (upgrade and version < HEAD):
            with self.transaction() as connection:
                if _version(connection) == version:  # another process may have been first
                    self._upgrade(connection)
        elif version != HEAD:
            raise WrongVersion(
                f"ledger {self.path}: its schema is version {version}, this importer works with version {HEAD}; "
                + (OLDER if version < HEAD else NEWER),
                is_older=version < HEAD,
            )

    def _upgrade(self, connection: Connection) -> None:
        # Few starts need the import.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise LedgerNeedsPerson(f"ledger {self.path}: it cannot be upgraded ({error}); {NEWER}") from error


class _Refused(Exception):
    """A change that failed; the others are made without it."""


def _made(connection: Connection, change: _Change) -> Any:
    try:
        return change.make(connection)
    except Exception as error:
        if _is_about_the_disk(error):
            raise
        raise _Refused from error


def _is_about_the_disk(error: Exception) -> bool:
    """SQLite has only one word about the disk, and it is about the whole transaction."""
    return isinstance(error, DBAPIError) and not isinstance(error, IntegrityError)


def _sqlite_file(url: str) -> Path:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise LedgerError(f"ledger {parsed.render_as_string()}: this version keeps its ledger in SQLite only")
    return Path(parsed.database or "")


def is_outdated(ledger: Path) -> bool:
    """Whether `upgrade` would change this ledger. The caller is alone with it.

    Raises:
        LedgerNeedsPerson: it is damaged, or newer than this importer.
        LedgerError: it cannot be opened.
    """
    try:
        Database(f"sqlite:///{ledger}", alone=True).close()
    except WrongVersion as error:
        if error.is_older:
            return True
        raise
    return False


def _engine(path: Path, access: Access) -> Engine:
    def connect() -> sqlite3.Connection:
        uri = f"{path.as_uri()}?{access.value}"
        return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=32)
    event.listen(engine, "connect", _configure if access is Access.WRITE else _configure_reading)
    event.listen(engine, "begin", _begin)
    return engine


def _configure_reading(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None


def _configure(connection: Any, _: ConnectionPoolEntry) -> None:
    # We say BEGIN ourselves: a transaction that upgrades from reading to writing fails at once when it is not alone.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return version
