"""A document as a row, and back."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from importer.core.model import (
    REPEATABLE,
    Digest,
    Document,
    Key,
    Kind,
    Reason,
    References,
    ReferencesFrom,
    State,
)

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


def _key_columns(key: Key) -> Row:
    return {
        "generation": key.generation,
        "key_born_at": key.born_at,
        "key_last_sent_at": key.last_sent_at,
        "key_in_doubt": key.in_doubt,
        "key_answer": key.answer,
        "key_sealed": key.sealed,
        "key_absent_at": key.absent_at,
    }


def _references_columns(references: References | None) -> Row:
    return {
        "communication_reference": references.communication if references else None,
        "file_reference": references.file if references else None,
        "voucher_reference": references.voucher if references else None,
        "references_from": references.source.value if references else None,
    }


_SHAPED: Mapping[str, Callable[[Any], Row]] = {
    "kind": lambda kind: {"kind": kind.value if kind else None},
    "state": lambda state: {"state": state.value},
    "came_from": lambda state: {"came_from": state.value if state else None},
    "reason": lambda reason: {"reason": reason.as_json() if reason else None},
    "accepted": lambda accepted: {"accepted": sorted(accepted)},
    "key": _key_columns,
    "references": _references_columns,
}
"""Fields that have columns of another form."""

_FIELDS = (*_PLAIN, *_SHAPED)
_IDENTIFYING = frozenset({"account", "sha256", "invoice_reference", "kind", "unjudged", "state"})


def to_row(document: Document) -> dict[str, Any]:
    """Every column but the id and the claim."""
    return _columns(document, _FIELDS) | {"identity": identity_column(document)}


def changes(before: Document, after: Document) -> dict[str, Any]:
    """The columns of those fields that differ."""
    was, is_now = vars(before), vars(after)
    names = [name for name in _FIELDS if was[name] is not is_now[name] and was[name] != is_now[name]]
    changed = _columns(after, names)
    if not _IDENTIFYING.isdisjoint(names) and (identity := identity_column(after)) != identity_column(before):
        changed["identity"] = identity  # else its index, of a leaf for each document, would be written anew
    return changed


def identity_column(document: Document) -> str | None:
    """The fingerprint of the document's identity, which is there once; None where it may be there many times."""
    if document.state in REPEATABLE or document.identity is None:
        return None
    return document.identity.fingerprint


def _columns(document: Document, fields: Iterable[str]) -> dict[str, Any]:
    values = vars(document)
    row = {name: values[name] for name in fields}
    for name, shape in _SHAPED.items():
        if name in row:
            row |= shape(row.pop(name))
    return row


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
