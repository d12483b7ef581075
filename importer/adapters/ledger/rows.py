"""A document as a row, and back."""

from collections.abc import Mapping
from typing import Any

from importer.core.model import Digest, Document, Key, Kind, Reason, References, ReferencesFrom, State

Row = Mapping[Any, Any]

_PLAIN = (
    "account",
    "sha256",
    "size",
    "inbox",
    "path",
    "location",
    "target",
    "in_place",
    "filename",
    "invoice_reference",
    "label",
    "description",
    "rule",
    "unjudged",
    "attempts",
    "tries",
    "next_attempt_at",
    "waiting_since",
    "forbidden",
    "duplicate_of",
    "first_seen_at",
    "imported_at",
)
"""Fields that the row keeps under their own name and in their own form."""


def to_row(document: Document) -> dict[str, Any]:
    """Every column but the id and the claim."""
    references, key = document.references, document.key
    return {name: getattr(document, name) for name in _PLAIN} | {
        "kind": document.kind.value if document.kind else None,
        "identity": document.identity.fingerprint if document.identity else None,
        "state": document.state.value,
        "came_from": document.came_from.value if document.came_from else None,
        "reason": document.reason.as_json() if document.reason else None,
        "accepted": sorted(document.accepted),
        "generation": key.generation,
        "key_born_at": key.born_at,
        "key_last_sent_at": key.last_sent_at,
        "key_in_doubt": key.in_doubt,
        "key_answer": key.answer,
        "key_sealed": key.sealed,
        "key_absent_at": key.absent_at,
        "communication_reference": references.communication if references else None,
        "file_reference": references.file if references else None,
        "voucher_reference": references.voucher if references else None,
        "references_from": references.source.value if references else None,
    }


def to_document(row: Row) -> Document:
    return Document(
        id=row["id"],
        **{name: row[name] for name in _PLAIN if name != "sha256"},
        sha256=Digest(row["sha256"]),
        kind=Kind(row["kind"]) if row["kind"] else None,
        state=State(row["state"]),
        came_from=State(row["came_from"]) if row["came_from"] else None,
        reason=_reason(row["reason"]),
        accepted=frozenset(row["accepted"]),
        key=_key(row),
        references=_references(row),
    )


def _key(row: Row) -> Key:
    return Key(
        generation=row["generation"],
        born_at=row["key_born_at"],
        last_sent_at=row["key_last_sent_at"],
        in_doubt=row["key_in_doubt"],
        answer=row["key_answer"],
        sealed=row["key_sealed"],
        absent_at=row["key_absent_at"],
    )


def _references(row: Row) -> References | None:
    if row["communication_reference"] is None:
        return None
    return References(
        row["communication_reference"],
        row["file_reference"],
        row["voucher_reference"],
        ReferencesFrom(row["references_from"]),
    )


def _reason(value: dict[str, Any] | None) -> Reason | None:
    return Reason(value["code"], value["message"], value["details"]) if value else None
