"""What happened between two moments, from one consistent view: for an auditor."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, select

from importer.adapters.ledger.meta import get_meta
from importer.adapters.ledger.resend_tables import resends
from importer.adapters.ledger.resends import to_resend
from importer.adapters.ledger.rows import to_document
from importer.adapters.ledger.tables import documents, events
from importer.adapters.ledger.witness import Testimony, testimony
from importer.core.model import Document, State
from importer.core.resending import Resend, ResendState


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person did."""

    at: datetime
    name: str
    """As in `person.accept`."""
    actor: str
    document_id: int | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronicle:
    """A part of the ledger's story."""

    imported: tuple[Document, ...]
    """In the order of their import."""
    first_seen: dict[State, int]
    """Documents first seen in that time, by the state in which they are now."""
    resent: tuple[Resend, ...]
    """Invoices that were sent again in that time."""
    decided: tuple[Decided, ...]
    """All that people did until its end, also before its beginning."""
    account: str
    """Empty in a ledger that was never used."""
    ledger: Testimony
    """Which ledger this is, and how far it had come."""


def chronicle(connection: Connection, begin: datetime, end: datetime) -> Chronicle:
    """From `begin` on, and before `end`."""
    d, e, r = documents.c, events.c, resends.c
    imported = select(documents).where(
        d.state == State.IMPORTED.value, and_(d.imported_at >= begin, d.imported_at < end)
    )
    seen = select(d.state, func.count()).where(d.first_seen_at >= begin, d.first_seen_at < end).group_by(d.state)
    decided = select(e.at, e.name, e.actor, e.document_id, e.data).where(e.actor.is_not(None), e.at < end)
    resent = select(resends).where(r.state == ResendState.SENT.value, r.sent_at >= begin, r.sent_at < end)
    return Chronicle(
        imported=tuple(map(to_document, connection.execute(imported.order_by(d.imported_at, d.id)).mappings())),
        first_seen={State(state): count for state, count in connection.execute(seen)},
        resent=tuple(map(to_resend, connection.execute(resent.order_by(r.sent_at, r.id)).mappings())),
        decided=tuple(Decided(*row) for row in connection.execute(decided.order_by(e.id))),
        account=get_meta(connection, "account") or "",
        ledger=testimony(connection),
    )
