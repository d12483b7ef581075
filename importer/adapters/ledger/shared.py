"""What a ledger that many hosts share wants beside one that a single host has; with SQLite most of it is nothing.

There one transaction writes at a time, and everybody has the same clock.
"""

import secrets
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, text

from importer.adapters.ledger.prepared import Prepared
from importer.adapters.ledger.tables import claims, documents, events
from importer.core.model import Document

SEALED = "ledger.sealed"
"""The name of the event that ends a transaction for which the witness vouches; PostgreSQL only."""

_EVENTS = select(events.c.id).order_by(events.c.id.desc()).limit(1)
_LAST = Prepared(_EVENTS)
_LAST_SEALED = Prepared(_EVENTS.where(events.c.name == bindparam("sealed")))

NO_CLAIM: dict[str, Any] = {"claim_token": None, "claim_holder": None, "claim_until": None}
"""What a row says when nobody works on it."""

# Counts on while the machine is suspended, where the system can.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:what || current_schema(), 0))")


def is_shared(connection: Connection) -> bool:
    """Whether importers on other hosts may work with this ledger."""
    return connection.dialect.name == "postgresql"


def note_time(connection: Connection, now: datetime) -> None:
    """The database's clock, read just now."""
    connection.info["now"] = now, time.clock_gettime(_STEADY)


def present(connection: Connection, now: datetime) -> datetime:
    """The moment by which leases are counted, in a transaction that writes: hosts may disagree, the database cannot."""
    if not is_shared(connection):
        return now
    noted, at = connection.info["now"]
    moment: datetime = noted + timedelta(seconds=time.clock_gettime(_STEADY) - at)
    return moment


def present_to_reader(connection: Connection, now: datetime) -> datetime:
    """The same in one that only reads."""
    if not is_shared(connection):
        return now
    moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def new_claim(connection: Connection, holder: str, now: datetime, lease: timedelta) -> dict[str, Any]:
    """What a row says of the one who works on it."""
    return {
        "claim_token": _new_token(connection),
        "claim_holder": holder,
        "claim_until": present(connection, now) + lease,
    }


def _new_token(connection: Connection) -> str:
    """A claim's token. On a shared ledger it is larger than that of any earlier claim."""
    if not is_shared(connection):
        return secrets.token_hex(16)
    return f"{connection.execute(select(claims.next_value())).scalar_one():016x}{secrets.token_hex(8)}"


def is_free(connection: Connection, document_id: int) -> bool:
    """Whether no other importer is about to change the document; if so, none can until the end of the transaction."""
    if not is_shared(connection):
        return True
    row = select(documents.c.id).where(documents.c.id == document_id).with_for_update(skip_locked=True)
    return connection.execute(row).first() is not None


def enter_alone(connection: Connection, candidate: Document) -> None:
    """Until the end of the transaction no other importer admits a document that this one may collide with."""
    if is_shared(connection):
        for place in sorted(_places(candidate)):
            connection.execute(LOCK, {"what": place})


def alone_with_invoice(connection: Connection, account: str, reference: str) -> None:
    """Until the end of the transaction no other importer begins, wants or settles a resend of this invoice."""
    if is_shared(connection):
        connection.execute(LOCK, {"what": f"importer.resend.{account}.{reference}."})


def alone_with_meta(connection: Connection) -> None:
    """Until the end of the transaction no other importer decides whose ledger this is, and which."""
    if is_shared(connection):
        connection.execute(LOCK, {"what": "importer.meta."})


def _places(candidate: Document) -> Iterator[str]:
    yield f"importer.bytes.{candidate.account}.{candidate.sha256}."
    if candidate.kind is not None and candidate.invoice_reference is not None:
        yield f"importer.invoice.{candidate.account}.{candidate.invoice_reference}.{candidate.kind.value}."


def last_sequence(connection: Connection) -> int:
    """The number of the last event that the witness may be told of; 0 for none.

    On a shared ledger an event's number says when it was written, not when it was committed; but for a sealed one,
    whose number says both.
    """
    if not is_shared(connection):
        last = _LAST.first(connection, {})
    else:
        last = _LAST_SEALED.first(connection, {"sealed": SEALED})
    return last["id"] if last else 0


def seal(connection: Connection) -> None:
    """Ends a transaction that is to be vouched for: an event whose number is in the order of the commits.

    Whoever has the lock keeps it for one statement and the commit.
    """
    if is_shared(connection):
        connection.execute(LOCK, {"what": "importer.seal."})
        sealed = {"at": func.clock_timestamp(), "name": SEALED, "data": {"nonce": secrets.token_hex(8)}}
        connection.execute(insert(events).values(sealed))
