"""A receipt as text that outlives the ledger: pretty JSON with a hash over itself."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from importer.core.model import Digest, Identity, Kind, Receipt, References, ReferencesFrom

SEAL = "receipt_sha256"

# One line a member, as `indent=2` writes a flat object: with `indent` json would do it in Python, piece by piece.
_PRETTY = json.JSONEncoder(separators=(",\n  ", ": "), ensure_ascii=False)
_CANONICAL = json.JSONEncoder(separators=(",", ":"), sort_keys=True)


def receipt_to_json(receipt: Receipt) -> bytes:
    """UTF-8, with times in RFC 3339 and UTC. `receipt_sha256` is over the canonical JSON of all the rest.

    Raises:
        ValueError: a time without a time zone.
    """
    fields = _fields(receipt)
    members = _PRETTY.encode(fields | {SEAL: _seal(fields)})[1:-1]
    # A path that is not UTF-8 has lone surrogates; `\udcff` is how JSON writes them.
    return f"{{\n  {members}\n}}\n".encode("utf-8", "backslashreplace")


def receipt_from_json(content: bytes) -> Receipt:
    """The inverse of `receipt_to_json`.

    Raises:
        ValueError: it is no receipt, or not as it was written.
    """
    try:
        fields = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(fields, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - one error for every damage
    if fields.pop(SEAL, None) != _seal(fields):
        raise ValueError(f"{SEAL} does not match the rest")
    try:
        return _receipt(fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a field is missing or of the wrong type: {error}") from error


def identity_of(receipt: Receipt) -> Identity:
    """The identity of the document that was imported."""
    return Identity(receipt.account, receipt.invoice_reference, receipt.kind, receipt.sha256)


def _seal(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(_CANONICAL.encode(fields).encode()).hexdigest()


def _fields(receipt: Receipt) -> dict[str, Any]:
    return {
        "document_id": receipt.document_id,
        "account": receipt.account,
        "invoice_reference": receipt.invoice_reference,
        "kind": receipt.kind.value,
        "label": receipt.label,
        "filename": receipt.filename,
        "path": receipt.path,
        "sha256": receipt.sha256,
        "size": receipt.size,
        "rule": receipt.rule,
        "generation": receipt.generation,
        "communication_reference": receipt.references.communication,
        "file_reference": receipt.references.file,
        "voucher_reference": receipt.references.voucher,
        "references_from": receipt.references.source.value,
        "first_seen_at": _time(receipt.first_seen_at),
        "imported_at": _time(receipt.imported_at),
    }


def _receipt(fields: Mapping[str, Any]) -> Receipt:
    return Receipt(
        document_id=fields["document_id"],
        account=fields["account"],
        invoice_reference=fields["invoice_reference"],
        kind=Kind(fields["kind"]),
        label=fields["label"],
        filename=fields["filename"],
        path=fields["path"],
        sha256=Digest(fields["sha256"]),
        size=fields["size"],
        rule=fields["rule"],
        generation=fields["generation"],
        references=References(
            fields["communication_reference"],
            fields["file_reference"],
            fields["voucher_reference"],
            ReferencesFrom(fields["references_from"]),
        ),
        first_seen_at=datetime.fromisoformat(fields["first_seen_at"]),
        imported_at=datetime.fromisoformat(fields["imported_at"]),
    )


def _time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
