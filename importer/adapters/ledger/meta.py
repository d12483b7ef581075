"""Single facts about the ledger as a whole, by name."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from importer.adapters.ledger.tables import meta


def get_meta(connection: Connection, name: str) -> Any:
    return connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()


def set_meta(connection: Connection, name: str, value: Any) -> None:
    if connection.execute(update(meta).where(meta.c.name == name).values(value=value)).rowcount == 0:
        connection.execute(insert(meta).values(name=name, value=value))
