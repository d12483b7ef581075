"""All of a ledger in another database: a copy of one moment, compared row by row before it counts.

What names the ledger is copied last. So an unfinished copy is no ledger that anybody would go on with: the witness does
not know it. Begun again, a copy goes on where it was interrupted.
"""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, insert, select, update

from importer.adapters.ledger.database import Database
from importer.adapters.ledger.errors import LedgerError
from importer.adapters.ledger.meta import get_meta, set_meta
from importer.adapters.ledger.postgres_rebuild import advance
from importer.adapters.ledger.resend_tables import resends
from importer.adapters.ledger.shared import seal
from importer.adapters.ledger.storable import storable, storable_inside
from importer.adapters.ledger.tables import attempts, documents, events, meta, sightings
from importer.adapters.ledger.witness import testimony

TABLES = (documents, attempts, sightings, events, resends)
PORTION = 1000
"""Rows in one transaction."""

UNFINISHED = "copied_from"
"""While a copy is being made, the fact that tells of which moment of which ledger."""


def transfer(source: Database, target: Database) -> int:
    """Copies everything; returns how many documents there are.

    Nobody may work with the target, nor, while the copy is made in several steps, with the source.

    Raises:
        LedgerError: the target holds a ledger already, or what was copied is not what was to be copied.
    """
    with source.read() as old:
        moment = _moment(old)
        _begin(target, moment)
        for table in TABLES:
            _copy(old, table, target)
        _link_duplicates(old, target)
        _compare(old, target)
        with target.transaction() as new:
            _name(old, new)
        return old.execute(select(func.count()).select_from(documents)).scalar_one()


def _moment(connection: Connection) -> str:
    told = testimony(connection)
    last = connection.execute(select(func.max(events.c.id))).scalar()
    return f"{told.ledger} epoch {told.epoch} event {last}"


def _begin(target: Database, moment: str) -> None:
    with target.transaction() as new:
        known = get_meta(new, UNFINISHED)
        is_empty = all(new.execute(select(table).limit(1)).first() is None for table in (*TABLES, meta))
        if known is None and not is_empty:
            raise LedgerError(f"ledger {target.path}: there is a ledger already; name an empty database")
        if known not in (None, moment):
            raise LedgerError(
                f"ledger {target.path}: it holds the beginning of a copy of another moment ({known}); empty it first"
            )
        set_meta(new, UNFINISHED, moment)


def _copy(old: Connection, table: Table, target: Database) -> None:
    with target.read() as new:
        last = new.execute(select(func.max(table.c.id))).scalar() or 0
    rest = select(table).where(table.c.id > last).order_by(table.c.id)
    with old.execute(rest, execution_options=_streaming()) as found:
        for portion in found.mappings().partitions(PORTION):
            with target.transaction() as new:
                # A duplicate may point to a row that comes later.
                new.execute(insert(table), [dict(row) | _unlinked(table) for row in portion])


def _streaming() -> dict[str, Any]:
    """A ledger may be larger than memory."""
    return {"yield_per": PORTION}


def _unlinked(table: Table) -> dict[str, Any]:
    return {"duplicate_of": None} if table is documents else {}


def _link_duplicates(old: Connection, target: Database) -> None:
    linked = select(documents.c.id, documents.c.duplicate_of).where(documents.c.duplicate_of.is_not(None))
    with target.transaction() as new:
        for document_id, first in old.execute(linked):
            new.execute(update(documents).where(documents.c.id == document_id).values(duplicate_of=first))


def _compare(old: Connection, target: Database) -> None:
    with target.read() as new:
        for table in TABLES:
            whole = select(table).order_by(table.c.id)
            with (
                old.execute(whole, execution_options=_streaming()) as known,
                new.execute(whole, execution_options=_streaming()) as copied,
            ):
                number = _first_difference(known, copied)
            if number is not None:
                raise LedgerError(f"ledger {target.path}: row {number} of {table.name} is not what it was")


def _told(row: Row[Any]) -> Any:
    """Paths are the same byte for byte; what a person reads need be the same only as far as any database keeps it."""
    return [_as_kept(value) for value in row]


def _as_kept(value: Any) -> Any:
    match value:
        case dict():
            return storable_inside(value)
        case str():
            return storable(value)
    return value


def _first_difference(known: Iterable[Row[Any]], copied: Iterable[Row[Any]]) -> int | None:
    """The number of the first row that is not the same."""
    for one, other in zip_longest(known, copied):
        if one is None or other is None or _told(one) != _told(other):
            number: int = (one or other)[0]
            return number
    return None


def _name(old: Connection, new: Connection) -> None:
    for name, value in old.execute(select(meta.c.name, meta.c.value)):
        set_meta(new, name, value)
    new.execute(delete(meta).where(meta.c.name == UNFINISHED))
    for table in TABLES:
        advance(new, table)
    seal(new)
