"""The ledger's database: durable transactions, many changes in one commit, migrations. SQLite or PostgreSQL."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection, inspect, make_url
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeout

from importer.adapters.ledger.errors import LedgerError, LedgerNeedsPerson, WrongVersion
from importer.adapters.ledger.inserts import begin, forget, write_out
from importer.adapters.ledger.postgres_news import Listener
from importer.adapters.ledger.shared import seal
from importer.adapters.ledger.sqlite import SqliteStore
from importer.adapters.ledger.store import Keeper, Store

HEAD = "0005"
"""The newest migration: the version of the schema that this code reads and writes."""

OLDER = "`importer ledger upgrade` brings it there, after a backup"
NEWER = "use the version of the importer that wrote it, or restore a matching backup"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Change(Generic[Result]):
    """What somebody wants to have written."""

    make: Callable[[Connection], Result]
    """What is to be done in the transaction; nothing but the connection may be changed by it, because it may be done
    more than once until it is committed."""
    is_vouched_for: bool = False
    """Whether the witness must know of it before anybody goes on."""


@dataclass(slots=True)
class _Making:
    """A change, and what has come of it."""

    change: Change[Any]
    result: Any = None
    error: Exception | None = None


_Makings = Sequence[_Making]


class Database:
    """A database with durable transactions.

    Args:
        url: `sqlite:///` and an absolute path, or `postgresql+psycopg://user@host/database`.
        alone: whether nobody else may work with the ledger meanwhile. Of SQLite's file the caller has the lock.
        upgrade: whether an older one is brought to this version instead of being refused.
        as_it_is: whether its version does not matter.

    Raises:
        LedgerBusy: it is being rebuilt or upgraded; or others work with it, and it was wanted alone.
        LedgerNeedsPerson: it is corrupt, not a ledger, or of another version.
        LedgerError: it cannot be opened.

    Where nothing may be written, it can be read all the same.
    """

    def __init__(self, url: str, *, alone: bool = False, upgrade: bool = False, as_it_is: bool = False) -> None:
        self._store = _store(url, alone=alone)
        # One transaction of ours at a time: waiting here is fair, waiting in SQLite is a game of chance.
        self._writer = threading.Lock()
        self._failure: str | None = None
        self.vouch: Callable[[], None] = lambda: None
        """Called after the commit of what is to be vouched for, before its author hears of it."""
        try:
            if not as_it_is:
                self._migrate(upgrade=upgrade)
        except LedgerError:
            self.close()
            raise

    @property
    def path(self) -> str:
        """The ledger in messages: SQLite's file, or PostgreSQL's address without a password."""
        return self._store.name

    @property
    def is_shared(self) -> bool:
        """Whether importers on other hosts may work with it."""
        return self._store.is_shared

    @property
    def are_credentials_refused(self) -> bool:
        """Whether another importer has found that out, as of our last transaction."""
        return self._store.refused is not None

    def holder(self) -> Keeper:
        """Signs this process up as one that works with the ledger.

        Raises:
            LedgerError: that cannot be done.
        """
        return self._store.holder()

    def listener(self, name: str) -> Listener | None:
        """Whoever hears what other importers tell all that share the ledger; None where nobody does."""
        return self._store.listener(name)

    def ask_line(self) -> None:
        """Whether the credentials are refused is known as of now.

        Raises:
            LedgerError: it cannot be asked.
        """
        try:
            self._store.ask_line()
        except (DBAPIError, PoolTimeout) as error:
            raise self._store.translated(error) from error

    def lives(self, name: str) -> bool:
        """Whether the holder of that name may still be at work; nothing is cleared away."""
        return self._store.lives(name)

    def write(self, make: Callable[[Connection], Result], *, vouched: bool = False) -> Result:
        """Makes one `Change`, and returns what it returns when it is on disk.

        Raises:
            whatever it raises; then it has left nothing behind.
            LedgerError: it could not be committed.
        """
        (outcome,) = self.write_together([Change(make, vouched)])
        if isinstance(outcome, Exception):
            raise outcome
        return cast("Result", outcome)

    def write_together(self, changes: Sequence[Change[Any]]) -> list[Any]:
        """Makes changes in one transaction, in their order; they are on disk when this returns.

        One that raises leaves nothing behind, and does not disturb the others.

        Returns:
            for each what it has returned, or the error that it has raised.

        Raises:
            LedgerError: the commit failed, and none was made.
        """
        makings = [_Making(change) for change in changes]
        self._store.insist(lambda: self._commit(makings))
        vouched = [making for making in makings if making.change.is_vouched_for and making.error is None]
        if vouched:
            try:
                self.vouch()
            except LedgerError as error:
                for making in vouched:
                    making.error = error
        return [making.result if making.error is None else making.error for making in makings]

    def confirm_sound(self) -> None:
        """To be called before what a committed intent is for.

        Raises:
            LedgerError: the disk has failed since; what comes of it could not be written down.
        """
        if self._failure is not None:
            raise LedgerError(self._failure)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that may write, and is on disk at its end.

        After an error of the disk's, or when it is full, there is no other one: nobody knows what a faulty disk has
        kept, and asked again it would say that all is well. Without an intent, nothing more is sent.
        """
        with self._writer:
            self.confirm_sound()
            with self._transaction(writes=True) as connection:
                begin(connection)
                yield connection
                write_out(connection)

    def _commit(self, makings: _Makings) -> None:
        if not self._all_went_well(makings):
            with self.transaction() as connection:
                for making in makings:
                    self._make(connection, making)
                if any(making.change.is_vouched_for and making.error is None for making in makings):
                    seal(connection)

    def _all_went_well(self, makings: _Makings) -> bool:
        """Makes them without savepoints, which cost as much as the changes; where one fails, none is made."""
        try:
            with self.transaction() as connection:
                for making in makings:
                    making.result, making.error = self._made(connection, making.change.make), None
                self._made(connection, write_out)
                if any(making.change.is_vouched_for for making in makings):
                    seal(connection)
        except _Refused:
            return False
        return True

    def _made(self, connection: Connection, make: Callable[[Connection], Any]) -> Any:
        try:
            return make(connection)
        except Exception as error:
            if isinstance(error, DBAPIError) and not self._store.concerns_one(error):
                raise
            raise _Refused from error

    def _make(self, connection: Connection, making: _Making) -> None:
        if self._try(connection, making):
            self._try(connection, making)

    def _try(self, connection: Connection, making: _Making) -> bool:
        """Makes the change, or gives it its own error; whether it is worthwhile to make it once more."""
        again = False
        connection.exec_driver_sql("SAVEPOINT change")
        try:
            making.result, making.error = making.change.make(connection), None
            write_out(connection)
        except Exception as error:
            forget(connection)
            if isinstance(error, DBAPIError):
                if not self._store.concerns_one(error):
                    raise
                again = self._store.was_overtaken(error)
            making.error = self._store.translated(error) if isinstance(error, DBAPIError) else error
            connection.exec_driver_sql("ROLLBACK TO change")
        connection.exec_driver_sql("RELEASE change")
        return again

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._transaction(writes=False) as connection:
            yield connection

    def close(self) -> None:
        self._store.close()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        try:
            with self._store.connected(writes=writes) as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            told = self._store.translated(error)
            if self._store.is_lasting(error):
                self._failure = str(told)
            raise told from error

    def _migrate(self, *, upgrade: bool) -> None:
        """Makes the tables of a new ledger; refuses one of another version rather than guess."""
        with self.read() as connection:
            version = _version(connection)
        if version is None or (upgrade and version < HEAD):
            with self.transaction() as connection:
                self._store.lock_schema(connection)
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
        from alembic.util import CommandError  # noqa: PLC0415

        try:
            migrate(connection)
        except CommandError as error:
            raise LedgerNeedsPerson(f"ledger {self.path}: it cannot be upgraded ({error}); {NEWER}") from error


class _Refused(Exception):
    """A change that failed; the others are made without it."""


def migrate(connection: Connection, to: str = "head") -> None:
    """Brings the tables to this version, or to another one, in the caller's transaction."""
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def is_outdated(url: str) -> bool:
    """Whether `upgrade` would change this ledger. The caller is alone with it.

    Raises:
        LedgerNeedsPerson: it is damaged, or newer than this importer.
        LedgerError: it cannot be opened.
    """
    try:
        Database(url, alone=True).close()
    except WrongVersion as error:
        if error.is_older:
            return True
        raise
    return False


def file_of(url: str) -> Path | None:
    """SQLite's file; None for a ledger on a server."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def with_password(url: str, password: str) -> str:
    """The address with a password; one that it has already stays."""
    parsed = make_url(url)
    return url if parsed.password else parsed.set(password=password).render_as_string(hide_password=False)


def _store(url: str, *, alone: bool) -> Store:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqliteStore(parsed, alone=alone)
    # Whoever has SQLite need not have PostgreSQL's driver.
    from importer.adapters.ledger.postgres import PostgresStore  # noqa: PLC0415

    return PostgresStore(parsed, alone=alone)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return version
