"""A new ledger on a PostgreSQL server, in the old one's place: all in one transaction, the old tables kept beside it.

The new tables grow in a schema of their own, so that whoever only reads is held up for no longer than the swap takes.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table, func, inspect, literal_column, null, select, text

from importer.adapters.ledger.database import Database, migrate
from importer.adapters.ledger.errors import LedgerError
from importer.adapters.ledger.inserts import write_out
from importer.adapters.ledger.reconstruction import Reconstruction
from importer.adapters.ledger.resend_tables import resends
from importer.adapters.ledger.shared import NO_CLAIM
from importer.adapters.ledger.tables import attempts, documents, events, holders, line, meta, sightings
from importer.adapters.ledger.witness import replace_witness

ROWS = (documents, attempts, sightings, events, resends)
TABLES = (*(table.name for table in ROWS), meta.name, holders.name, line.name, "alembic_version")


class OldTables:
    """See `reconstruction.Old`: the tables of the ledger in use, in the transaction that makes the new ones."""

    def __init__(self, connection: Connection, path: str, schema: str) -> None:
        self.path = path
        self._connection = connection
        self._schema = schema

    def fact(self, name: str) -> Any:
        old = meta.to_metadata(type(meta.metadata)(), schema=self._schema)
        return self._connection.execute(select(old.c.value).where(old.c.name == name)).scalar()

    def carry(self, table: Table, new: Connection) -> None:
        names = [column.name for column in table.columns]
        values = [null() if name in NO_CLAIM else literal_column(f'"{name}"') for name in names]
        old = select(*values).select_from(text(f'"{self._schema}".{table.name}'))
        new.execute(table.insert().from_select(names, old))
        advance(new, table)


def advance(connection: Connection, table: Table) -> None:
    """The next row's number comes after all that there are, whoever has given them."""
    last = connection.execute(select(func.max(table.c.id))).scalar()
    if connection.dialect.name == "postgresql" and last is not None:
        connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))


@contextmanager
def reconstructing_on_server(url: str, witness: Path, now: datetime) -> Iterator[tuple[Reconstruction, str | None]]:
    """As `reconstruction.reconstructing`.

    Raises:
        LedgerBusy: importers are at work.
        WrongVersion: the old ledger is of another version.
        LedgerError: the server or the witness does not do its part.
    """
    aside = f"before_rebuild_{now:%Y%m%dt%H%M%S%f}"
    fresh = f"rebuilding_{now:%Y%m%dt%H%M%S%f}"
    with closing(Database(url, alone=True)) as database:
        with database.transaction() as connection:
            home = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
            connection.exec_driver_sql(f'CREATE SCHEMA "{fresh}"')
            connection.exec_driver_sql(f'SET LOCAL search_path TO "{fresh}"')
            migrate(connection)
            yield Reconstruction(connection, OldTables(connection, database.path, home)), f"schema {aside}"
            write_out(connection)  # as long as the tables are where they are looked for
            for table in ROWS:
                advance(connection, table)
            _go_on_counting(connection, home)
            connection.exec_driver_sql(f'CREATE SCHEMA "{aside}"')
            _move(connection, home, aside)
            _move(connection, fresh, home)
            connection.exec_driver_sql(f'DROP SCHEMA "{fresh}"')
        try:
            replace_witness(witness, database)
        except OSError as error:
            raise LedgerError(f"the ledger's witness {witness}: {error.strerror}; repeat the rebuild") from error


def keep_tables(url: str, now: datetime) -> str:
    """Copies the tables as they are into a schema of their own, before they are changed; tells where they are.

    Raises:
        LedgerBusy: importers are at work.
        LedgerError: the server does not do it.
    """
    aside = f"before_upgrade_{now:%Y%m%dt%H%M%S%f}"
    with closing(Database(url, alone=True, as_it_is=True)) as database, database.transaction() as connection:
        connection.exec_driver_sql(f'CREATE SCHEMA "{aside}"')
        for table in inspect(connection).get_table_names():
            if table in TABLES:
                connection.exec_driver_sql(f'CREATE TABLE "{aside}".{table} AS TABLE {table}')
    return f"schema {aside}"


def _go_on_counting(connection: Connection, home: str) -> None:
    last: Select[Any] = select(literal_column("last_value")).select_from(text(f'"{home}".claims'))
    connection.execute(select(func.setval("claims", last.scalar_subquery())))


def _move(connection: Connection, source: str, target: str) -> None:
    for table in TABLES:
        connection.exec_driver_sql(f'ALTER TABLE "{source}".{table} SET SCHEMA "{target}"')
    connection.exec_driver_sql(f'ALTER SEQUENCE "{source}".claims SET SCHEMA "{target}"')
