"""Rows that hardly anybody asks for before their transaction ends: they wait, and are written many with one statement.

A statement costs more than a row, and each one lets all other threads go first.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert

from importer.adapters.ledger.prepared import Prepared

MOST = 64
"""Rows with one statement: as many as documents share a commit, and far from any driver's limit."""

_WAITING = "rows_waiting"
"""The connection's option that holds them."""


class Inserts:
    """Rows for one table. All name the same columns.

    Args:
        table: where they belong.
        columns: what each row says.
    """

    def __init__(self, table: Table, *columns: str) -> None:
        self._columns = columns
        # Each is made when it is first needed: most processes write few rows.
        self._statement = cache(partial(_Statement, table, columns))

    def add(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """A row that is there when the transaction ends (`write_out`), or when as many wait as are written at once.

        Raises:
            DBAPIError: the database has refused one of those that waited, or could not write them.
        """
        rows = _waiting(connection).setdefault(self, [])
        rows.append([values[column] for column in self._columns])
        if len(rows) == MOST:  # a rebuild has as many as there are documents, all in one transaction
            self.write(connection, rows)
            rows.clear()

    def write(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """In their order; a statement is compiled for a few numbers of rows only."""
        done = 0
        for count in _COUNTS:
            while len(rows) - done >= count:
                self._statement(count).run(connection, rows[done : done + count])
                done += count


def begin(connection: Connection) -> None:
    """To be called at the beginning of a transaction: nothing waits yet."""
    connection.execution_options(**{_WAITING: {}})


def write_out(connection: Connection) -> None:
    """Writes what waits. To be called at the end of a transaction, or of one change in it.

    Raises:
        DBAPIError: the database has refused one of the rows, or could not write them.
    """
    waiting = _waiting(connection)
    for inserts, rows in waiting.items():
        inserts.write(connection, rows)
    waiting.clear()


def forget(connection: Connection) -> None:
    """The change to which the rows belong has come to nothing."""
    _waiting(connection).clear()


def _waiting(connection: Connection) -> dict[Inserts, list[list[Any]]]:
    waiting: dict[Inserts, list[list[Any]]] = connection.get_execution_options()[_WAITING]
    return waiting


class _Statement:
    """An insert of so many rows."""

    def __init__(self, table: Table, columns: Sequence[str], count: int) -> None:
        rows = [
            {column: bindparam(f"{column}_{number}", type_=table.c[column].type) for column in columns}
            for number in range(count)
        ]
        self._names = [value.key for row in rows for value in row.values()]
        self._statement = Prepared(insert(table).values(rows))

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        self._statement.run(connection, dict(zip(self._names, chain.from_iterable(rows), strict=True)))


def _halves(count: int) -> Iterator[int]:
    while count:
        yield count
        count //= 2


_COUNTS = tuple(_halves(MOST))
