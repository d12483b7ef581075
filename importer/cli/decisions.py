"""What `retry` and `resolve` share: a person's decision about a document, recorded with the person's name."""

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from importer.adapters.ledger import Claim, Ledger
from importer.archiving import Archivist
from importer.core.model import Document

Decide = Callable[[Document, datetime], Document | str]
"""The changed document, or why the decision does not fit."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of it."""

    document: Document
    refusal: str | None = None


def person() -> str:
    """The operator's name, as the system knows it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "unknown"


def record_decision(
    ledger: Ledger, archivist: Archivist, document: Document, event: str, decide: Decide, note: str = ""
) -> Decided:
    """Claims the document, so that no upload runs beside it, records what the person decided, and moves the file."""
    claim = ledger.claim_for_person(document.id, now())
    if claim is None:
        return Decided(document, f"D{document.id} is being worked on at this moment; try again")
    try:
        return _record(ledger, archivist, claim, event, decide, note)
    finally:
        ledger.release(claim)


def _record(ledger: Ledger, archivist: Archivist, claim: Claim, event: str, decide: Decide, note: str) -> Decided:
    changed = decide(claim.document, now())
    if isinstance(changed, str):
        return Decided(claim.document, changed)
    data = {"note": note} if note else None
    claim = ledger.record(claim, changed, event, now(), actor=person(), data=data)
    if claim.document.target is not None:
        claim = archivist.put_away(claim, None)
    return Decided(claim.document)


def now() -> datetime:
    return datetime.now(UTC)
