"""What happened to a document: the sightings of its file, and its events. Kept for good, and never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from importer.adapters.ledger import statements
from importer.adapters.ledger.values import Sighting
from importer.core.model import Document, State


def printable(text: str) -> str:
    """Text that any terminal and any JSON reader takes, also when it came from a name that is not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def add_sighting(connection: Connection, document: Document, sighting: Sighting, now: datetime) -> None:
    values = {
        "document_id": document.id,
        "path": sighting.path,
        "size": sighting.size,
        "mtime_ns": str(sighting.mtime_ns),
        "inode": str(sighting.inode),
        "seen_at": now,
    }
    statements.SIGHT.add(connection, values)


def add_event(
    connection: Connection,
    document: Document,
    now: datetime,
    name: str,
    *,
    actor: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    values = {
        "document_id": document.id,
        "at": now,
        "name": name,
        "actor": actor,
        "data": _facts(document) | (data or {}),
    }
    statements.TELL.add(connection, values)


def _facts(document: Document) -> dict[str, Any]:
    """What an event keeps of its document."""
    facts: dict[str, Any] = {"state": document.state.value}
    if document.reason:
        facts |= {"reason": document.reason.code, "message": document.reason.message}
    if document.references and document.state is State.IMPORTED:
        facts |= {"communication_reference": document.references.communication}
        facts |= {"references_from": document.references.source.value}
    if document.next_attempt_at and document.state.is_on_its_way:
        facts["next_attempt_at"] = document.next_attempt_at.isoformat()
    return facts
