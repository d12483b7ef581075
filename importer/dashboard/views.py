"""The ledger's words as a page shows them: one value a row, one value a button."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from importer.adapters.ledger import Attempt, Event
from importer.core.model import Document
from importer.core.person import Decision, offered
from importer.core.resending import Resend
from importer.core.wording import german
from importer.dashboard.words import say
from importer.report import local

Row = tuple[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One document with what a person can do about it."""

    document: Document
    name: str
    why: str
    todo: str
    look: str
    decisions: tuple[Decision, ...]

    @property
    def asks_for_references(self) -> bool:
        return Decision.IMPORTED in self.decisions


def card(document: Document, language: str) -> Card:
    why, todo = told(document, language)
    return Card(
        document=document,
        name=f"D{document.id}",
        why=why,
        todo=todo,
        look=look_of(document),
        decisions=offered(document, datetime.now(UTC)),
    )


def look_of(document: Document) -> str:
    """What a decision is made about: another state or reason, to the letter, is another question."""
    reason = json.dumps(document.reason.as_json(), sort_keys=True) if document.reason else ""
    return hashlib.sha256(f"{document.state}\n{document.sha256}\n{reason}".encode()).hexdigest()[:16]


def resend_look_of(resend: Resend) -> str:
    """What a person is asked about a resend: after another request it is another question."""
    return f"{resend.state}:{resend.attempts}"


def told(document: Document, language: str) -> tuple[str, str]:
    """Why it is where it is, and what to do; the English sentence says both."""
    if document.reason is None:
        return "", ""
    if language == "de":
        return german(document.reason)
    return document.reason.message, ""


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of a document's story."""

    at: datetime
    title: str
    lines: tuple[str, ...]
    is_attempt: bool = False
    actor: str = ""


def timeline(attempts: Iterable[Attempt], events: Iterable[Event], language: str) -> list[Moment]:
    """Attempts and events as they followed one another."""
    moments = [_happened(event) for event in events]
    moments += [_attempted(attempt, language) for attempt in attempts]
    return sorted(moments, key=lambda moment: moment.at)


def _happened(event: Event) -> Moment:
    data = event.data
    lines = [data.get("message"), data.get("note"), data.get("location")]
    told = tuple(str(line) for line in lines if line)
    return Moment(event.at, event.name, told, actor=event.actor or "")


def _attempted(attempt: Attempt, language: str) -> Moment:
    if attempt.ended_at:
        ended = say(language, "attempt_ended", outcome=attempt.outcome, at=local(attempt.ended_at))
    else:
        ended = say(language, "attempt_open")
    lines = (say(language, "key", key=attempt.key[:12]), ended, attempt.message or "")
    title = say(language, "attempt", number=attempt.number)
    return Moment(attempt.started_at, title, tuple(filter(None, lines)), is_attempt=True)


def facts_of(document: Document, language: str) -> list[Row]:
    """Name and value; what is not known is left out."""
    references = document.references
    is_on_its_way = document.state.is_on_its_way
    rows: Sequence[Row] = (
        ("lies_at", document.location),
        ("invoice", document.invoice_reference),
        ("kind", document.kind),
        ("rule", document.rule),
        ("label", document.label),
        ("first_seen", local(document.first_seen_at)),
        ("next_attempt", local(document.next_attempt_at) if is_on_its_way else None),
        ("imported_at", local(document.imported_at)),
        ("communication", references and references.communication),
        ("file", references and references.file),
        ("voucher", references and references.voucher),
        ("references_from", references and references.source),
        ("size", say(language, "bytes", count=document.size)),
    )
    return [(key, value) for key, value in rows if value]


def age(length: timedelta, language: str) -> str:
    """`3 h 20 min`, `2 d 4 h`."""
    minutes = int(length.total_seconds()) // 60
    hours, days = minutes // 60, minutes // 1440
    if days:
        return say(language, "age_days", days=days, hours=hours % 24)
    return say(language, "age_hours", hours=hours, minutes=minutes % 60)


def bars(values: Sequence[float], height: int) -> list[int]:
    """How high each bar is, the greatest one full; one that is not 0 is to be seen."""
    most = max(values, default=0)
    return [max(2, round(value / most * height)) if value else 0 for value in values]


def nearest_rules(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rules' accounts, the best first."""
    order = {"matched": 0, "blocked": 1, "ambiguous": 1}
    return sorted(
        told["rules"], key=lambda rule: (order.get(rule["result"], 2), not rule["near_miss"], -(rule["position"] or 0))
    )
