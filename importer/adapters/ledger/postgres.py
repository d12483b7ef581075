"""A ledger on a PostgreSQL server, for any number of importers on any number of hosts.

Everything holds for one transaction only: settings are made with SET LOCAL, locks end with the commit, and nothing is
prepared. So a pooler such as PgBouncer may give each transaction another connection.
"""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, RootTransaction, create_engine, event, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from importer.adapters.ledger.errors import (
    LedgerBusy,
    LedgerConflict,
    LedgerError,
    LedgerNeedsPerson,
    LedgerUnavailable,
)
from importer.adapters.ledger.postgres_errors import DATA, UNIQUE, code_of, translate
from importer.adapters.ledger.postgres_holder import PostgresHolder, anybody_at_work, is_at_work
from importer.adapters.ledger.postgres_news import Listener
from importer.adapters.ledger.shared import LOCK, note_time
from importer.adapters.ledger.storable import storable, storable_inside
from importer.adapters.ledger.tables import holders, line

POOL = 8
"""Connections kept; as many again are made while they are needed."""

PATIENCE = 30.0
"""Seconds for which a server that has gone away is waited for: as long as a restart takes."""

TRIES = 8
"""How often a change is made again that other importers were in the way of."""

CONNECT = {
    "connect_timeout": 10,
    # A network that swallows everything is noticed after half a minute, not after two hours.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "client_encoding": "utf8",
    "application_name": "importer",
    "prepare_threshold": None,
}

# One round trip. Asynchronous commits, if a server is set up for them, are none: an intent must be on disk.
_BEGIN = text("""
    SELECT set_config('lock_timeout', '20s', true), set_config('statement_timeout', '60s', true),
           set_config('idle_in_transaction_session_timeout', '30s', true),
           set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                      WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true),
           pg_try_advisory_xact_lock_shared(hashtextextended('importer.alone.' || current_schema(), 0)),
           clock_timestamp()
""")
_WAIT_FOR_LOCKS = text("SELECT set_config('lock_timeout', '20s', true)")
_BEGIN_ALONE = text("""
    SELECT set_config('statement_timeout', '0', true),
           set_config('idle_in_transaction_session_timeout', '0', true),
           set_config('synchronous_commit', 'on', true),
           pg_try_advisory_xact_lock(hashtextextended('importer.alone.' || current_schema(), 0)), clock_timestamp()
""")


class PostgresStore:
    """See `store.Store`.

    Args:
        url: of the database.
        alone: whether nobody else may work with the ledger during a transaction.
    """

    def __init__(self, url: URL, *, alone: bool) -> None:
        self.name = url.render_as_string(hide_password=True)
        self._alone = alone
        self._holder: PostgresHolder | None = None
        self._commits = 0
        self._was_reached = False
        self.is_shared = True
        self.refused: Any = None
        self._engine = _engine(url)

    @contextmanager
    def connected(self, *, writes: bool) -> Iterator[Connection]:
        if writes:
            with self._writing() as connection:
                yield connection
            return
        with self._reached() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def unsigned(self) -> Iterator[Connection]:
        """A transaction beside those that are counted."""
        with self._writing(signed=False) as connection:
            yield connection

    @contextmanager
    def _writing(self, *, signed: bool = True) -> Iterator[Connection]:
        with self._reached() as connection:
            connection.execution_options(isolation_level="READ COMMITTED", postgresql_readonly=False)
            transaction = connection.begin()
            try:
                self._begin(connection)
                mark = self._sign(connection) if signed else None
                yield connection
            except BaseException:
                transaction.rollback()
                raise
            self._commit(transaction, mark)

    def _reached(self) -> Connection:
        """A connection; a server that was there before is waited for."""
        give_up_at = time.monotonic() + PATIENCE
        while True:
            try:
                connection = self._engine.connect()
            except DBAPIError:
                if not self._was_reached or time.monotonic() >= give_up_at:
                    raise
                time.sleep(0.2)
            else:
                self._was_reached = True
                return connection

    def _begin(self, connection: Connection) -> None:
        if self._alone:
            connection.execute(_WAIT_FOR_LOCKS)
            self._refuse_beside_others(connection)  # who is refused must not have kept them out, not even for a moment
        *_, may_work, now = connection.execute(_BEGIN_ALONE if self._alone else _BEGIN).one()
        if not may_work:
            does = "others work with it; stop them first" if self._alone else "it is being rebuilt or upgraded"
            raise LedgerBusy(f"ledger {self.name}: {does}")
        if self._alone:
            self._refuse_beside_others(connection)  # somebody may have begun meanwhile
        note_time(connection, now)

    def _refuse_beside_others(self, connection: Connection) -> None:
        if others := anybody_at_work(connection):
            raise LedgerBusy(f"ledger {self.name}: importers are at work ({', '.join(others)}); stop them first")

    def _sign(self, connection: Connection) -> int | None:
        """Returns how this transaction will be known, should its commit get lost."""
        if self._holder is None:
            return None
        self._commits += 1
        self.refused = self._holder.sign(connection, self._commits)
        return self._commits

    def _commit(self, transaction: RootTransaction, mark: int | None) -> None:
        try:
            transaction.commit()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            was_committed = self._was_committed(mark)
            if was_committed is None:
                raise LedgerUnavailable(
                    f"ledger {self.name}: the connection was lost during a commit, and the server could not be asked "
                    "whether it was made; start again: the ledger knows",
                    in_doubt=True,
                ) from error
            if not was_committed:
                raise

    def _was_committed(self, mark: int | None) -> bool | None:
        """Whether a transaction was committed that we have heard nothing of; None where nobody can tell."""
        if mark is None or self._holder is None:
            return None
        try:
            with self._reached() as connection, connection.begin():
                connection.exec_driver_sql("SET LOCAL lock_timeout = '20s'")
                # Waits for the end of that transaction, should the server still be at it.
                mine = select(holders.c.commits).where(holders.c.name == self._holder.name).with_for_update()
                kept = connection.execute(mine).scalar()
        except (DBAPIError, PoolTimeout):
            return None
        return None if kept is None else kept >= mark

    def lock_schema(self, connection: Connection) -> None:
        connection.execute(LOCK, {"what": "importer.schema."})
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise LedgerNeedsPerson(
                f"ledger {self.name}: the database keeps its text in {encoding}, which has no room for every name; "
                "make another one with `createdb --encoding=UTF8 --template=template0`"
            )

    def insist(self, act: Callable[[], None]) -> None:
        give_up_at = time.monotonic() + PATIENCE
        tries = 0
        while True:
            try:
                return act()
            except LedgerConflict:
                tries += 1
                if tries == TRIES:
                    raise
            except LedgerUnavailable as error:
                if error.in_doubt or time.monotonic() >= give_up_at:
                    raise
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - so that they do not meet again

    def translated(self, error: SQLAlchemyError) -> LedgerError:
        return translate(error, self.name)

    def is_lasting(self, error: SQLAlchemyError) -> bool:  # noqa: ARG002 - a Store
        return False  # the server looks after its disk, and stops by itself

    def concerns_one(self, error: DBAPIError) -> bool:
        return not error.connection_invalidated and (
            isinstance(error, IntegrityError) or code_of(error).startswith(DATA)
        )

    def was_overtaken(self, error: DBAPIError) -> bool:
        return code_of(error) == UNIQUE

    def holder(self) -> PostgresHolder:
        holder = PostgresHolder(self)
        try:
            with self.unsigned() as connection:
                holder.sign_up(connection)
        except SQLAlchemyError as error:
            raise self.translated(error) from error
        self._holder = holder
        holder.start()
        return holder

    def lives(self, name: str) -> bool:
        try:
            with self.connected(writes=False) as connection:
                return is_at_work(connection, name)
        except (DBAPIError, PoolTimeout) as error:
            raise self.translated(error) from error

    def listener(self, name: str) -> Listener:
        return Listener(self._connect_apart, name)

    def _connect_apart(self) -> Any:
        """A connection beside the pool's, for as long as the caller wants it."""
        arguments, named = self._engine.dialect.create_connect_args(self._engine.url)
        return self._engine.dialect.connect(*arguments, **{**named, **CONNECT, "autocommit": True})

    def ask_line(self) -> None:
        with self.connected(writes=False) as connection:
            self.refused = connection.execute(select(line.c.refused)).scalar()

    def close(self) -> None:
        self._engine.dispose()


def _engine(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            connect_args=CONNECT,
            pool_pre_ping=True,
            pool_size=POOL,
            max_overflow=POOL,
            pool_timeout=PATIENCE,
            json_serializer=_to_json,
            use_native_hstore=False,
        )
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"ledger {url.render_as_string(hide_password=True)}: PostgreSQL's driver is not installed; "
            "`pip install --require-hashes -r requirements/postgres.txt`, from the check-out"
        ) from error
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _: ConnectionPoolEntry) -> None:
    from psycopg.types.string import StrDumper  # noqa: PLC0415

    class Text(StrDumper):
        """PostgreSQL's text holds any character but one."""

        def dump(self, obj: str) -> Any:
            return super().dump(storable(obj))

    connection.adapters.register_dumper(str, Text)


def _to_json(value: Any) -> str:
    return json.dumps(storable_inside(value))
