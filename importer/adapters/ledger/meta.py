"""Single facts about the ledger as a whole, by name."""

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from importer.adapters.ledger.prepared import Prepared
from importer.adapters.ledger.tables import meta

_FACT = Prepared(select(meta.c.value).where(meta.c.name == bindparam("its_name")))


def get_meta(connection: Connection, name: str) -> Any:
    row = _FACT.first(connection, {"its_name": name})
    return row and row["value"]


def set_meta(connection: Connection, name: str, value: Any) -> None:
    if connection.execute(update(meta).where(meta.c.name == name).values(value=value)).rowcount == 0:
        connection.execute(insert(meta).values(name=name, value=value))
