"""Who works with a ledger on PostgreSQL: a row for each process, which it renews as long as it lives.

Nobody can see from afar whether a process is dead, suspended or cut off. So a document's claim holds until its lease is
over, whatever has become of the holder; the row only says who is at work.
"""

import secrets
import socket
import threading
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, delete, func, insert, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError

from importer.adapters.ledger.errors import LedgerError
from importer.adapters.ledger.tables import holders, line

ALIVE = timedelta(seconds=60)
"""For so long a sign of life counts."""

RENEWAL = 15.0
"""Seconds between two of them."""

FORGOTTEN = timedelta(days=1)
"""After this time nobody asks any more what has become of a holder."""


_REFUSED = select(line.c.refused).scalar_subquery()


class Connects(Protocol):
    """`postgres.PostgresStore`."""

    def lives(self, name: str) -> bool: ...

    def unsigned(self) -> AbstractContextManager[Connection]: ...


class PostgresHolder:
    """This process's row. `start` begins to renew it, in a thread of its own."""

    def __init__(self, store: Connects) -> None:
        self.name = secrets.token_hex(8)
        self._store = store
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="ledger-holder", daemon=True)

    def sign_up(self, connection: Connection) -> None:
        connection.execute(delete(holders).where(holders.c.alive_until < func.clock_timestamp() - FORGOTTEN))
        now = func.clock_timestamp()
        row = {"name": self.name, "host": socket.gethostname(), "since": now, "alive_until": now + ALIVE, "commits": 0}
        connection.execute(insert(holders).values(row))

    def sign(self, connection: Connection, commits: int) -> Any:
        """The mark of one of our transactions, and a sign of life. Returns whether the credentials are refused."""
        mine = update(holders).where(holders.c.name == self.name)
        values = {"alive_until": func.clock_timestamp() + ALIVE, "commits": commits}
        return connection.execute(mine.values(values).returning(_REFUSED)).scalar()

    def start(self) -> None:
        self._thread.start()

    def is_alive(self, name: str) -> bool:
        return name == self.name or self._store.lives(name)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(SQLAlchemyError, LedgerError), self._store.unsigned() as connection:
            connection.execute(delete(holders).where(holders.c.name == self.name))

    def _renew(self) -> None:
        while not self._ended.wait(RENEWAL):
            # The server may be away for a while; whoever needs it will say so.
            with suppress(SQLAlchemyError, LedgerError), self._store.unsigned() as connection:
                mine = update(holders).where(holders.c.name == self.name)
                connection.execute(mine.values(alive_until=func.clock_timestamp() + ALIVE))


def is_at_work(connection: Connection, name: str) -> bool:
    """Whether that holder has given a sign of life lately."""
    alive = holders.c.name == name, holders.c.alive_until > func.clock_timestamp()
    return connection.execute(select(holders.c.name).where(*alive)).first() is not None


def anybody_at_work(connection: Connection) -> list[str]:
    """The hosts of those who have given a sign of life lately, in order."""
    if not inspect(connection).has_table(holders.name):
        return []
    alive = holders.c.alive_until > func.clock_timestamp()
    return sorted(set(connection.execute(select(holders.c.host).where(alive)).scalars()))
