"""Documents and stories as tables, CSV and JSON. Pure rendering: values in, text out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from importer.adapters.ledger import Attempt, Event, printable
from importer.core.advice import advice, commands
from importer.core.audit import AuditFinding
from importer.core.model import Document, State
from importer.core.naming import shown
from importer.spreadsheet import csv_of

MEANINGS: Mapping[str, str] = {
    "id": "The document's name in the ledger, such as `D17`.",
    "path": "Where it was first seen, relative to its inbox.",
    "location": "Where it lies now, absolute.",
    "sha256": "Of its bytes, 64 hexadecimal digits.",
    "size": "In bytes.",
    "invoice_reference": "The invoice that its name says.",
    "kind": "`invoice`, `creditnote`, `reminder`, `dunning1` to `dunning4`, `letter` or `email`.",
    "label": "What is shown at Abillify.",
    "state": "One of the nine states.",
    "reason": "Why it is in that state: `code`, `message` and `details`; in CSV the code.",
    "attempts": "How many uploads were begun.",
    "next_attempt_at": "When it is due.",
    "communication_reference": "Of the communication at Abillify.",
    "file_reference": "Of the file at Abillify.",
    "voucher_reference": "Of the voucher at Abillify.",
    "first_seen_at": "When the importer took it.",
    "imported_at": "When the importer knew that Abillify has it.",
    "rule": "The rule that understood its name.",
    "duplicate_of": "The document whose duplicate it is, such as `D12`.",
    "references_from": "Who named the references: `reply` (the upload's), `readback` or `person`.",
}
FIELDS = tuple(MEANINGS)
"""A document's JSON fields and CSV columns, in this order (design.md section 4).

Unset is null, and times are RFC 3339 in UTC.
"""

STYLES = {
    State.IMPORTED: "green",
    State.DUPLICATE: "cyan",
    State.REJECTED: "red",
    State.HELD: "magenta",
    State.UNCERTAIN: "yellow",
    State.WAITING: "yellow",
    State.DEFERRED: "yellow",
}


def document_as_json(document: Document) -> dict[str, Any]:
    """The fields of design.md section 4; unset is None, times are RFC 3339 in UTC."""
    references = document.references
    values: dict[str, Any] = {
        "id": f"D{document.id}",
        "path": printable(document.path),
        "location": printable(document.location),
        "sha256": document.sha256,
        "size": document.size,
        "invoice_reference": document.invoice_reference,
        "kind": document.kind,
        "label": document.label or None,
        "state": document.state,
        "reason": document.reason.as_json() if document.reason else None,
        "attempts": document.attempts,
        "next_attempt_at": timestamp(document.next_attempt_at),
        "communication_reference": references and references.communication,
        "file_reference": references and references.file,
        "voucher_reference": references and references.voucher,
        "first_seen_at": timestamp(document.first_seen_at),
        "imported_at": timestamp(document.imported_at),
        "rule": document.rule,
        "duplicate_of": f"D{document.duplicate_of}" if document.duplicate_of else None,
        "references_from": references and references.source,
    }
    return {name: values[name] for name in FIELDS}


def timestamp(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def local(moment: datetime | None) -> str:
    """For a person: the machine's own time zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def json_line(value: Mapping[str, Any]) -> str:
    return printable(json.dumps(value, ensure_ascii=False))


def counted(number: int, thing: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def as_csv(documents: Iterable[Document], dialect: str = "plain") -> str:
    """With a header line; the reason as its code."""
    return csv_of(FIELDS, map(_as_row, documents), dialect)


def _as_row(document: Document) -> dict[str, Any]:
    """As a line of CSV wants it: moments as such, for their form is the dialect's."""
    moments = ("next_attempt_at", "first_seen_at", "imported_at")
    return (
        document_as_json(document)
        | {"reason": document.reason.code if document.reason else None}
        | {name: getattr(document, name) for name in moments}
    )


def table_of(documents: Sequence[Document]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    for heading in ("", "state", "kind", "invoice", "file", "communication · file · voucher"):
        table.add_column(heading, overflow="fold")
    for document in documents:
        table.add_row(
            f"D{document.id}",
            state_text(document),
            document.kind or "",
            Text(shown(document.invoice_reference or "")),
            Text(shown(document.path)),
            Text(shown(_references_or_reason(document))),
        )
    return table


FINDING_FIELDS = ("finding", "invoice_reference", "kind", "document", "communication_reference", "detail")


def finding_as_json(finding: AuditFinding) -> dict[str, Any]:
    """What is told of a thing that an audit has found."""
    told: dict[str, Any] = {name: value or None for name, value in asdict(finding).items()}
    return {"finding": told.pop("gap"), **told}


def print_findings(console: Console, fields: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """What an audit has found, for a person."""
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    for name in fields:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(row[name] or "")) for name in fields))
    console.print(table)


def state_text(document: Document) -> Text:
    return Text(document.state.value, style=STYLES.get(document.state, ""))


def _references_or_reason(document: Document) -> str:
    if document.references:
        return f"{document.references.communication} · {document.references.file} · {document.references.voucher}"
    if document.duplicate_of:
        return f"of D{document.duplicate_of}"
    return document.reason.code if document.reason else ""


def print_story(console: Console, document: Document, attempts: Sequence[Attempt], events: Sequence[Event]) -> None:
    """Everything that the ledger knows of one document, for a person."""
    console.print(Text.assemble((f"D{document.id} ", "bold"), state_text(document)))
    grid = Table.grid(padding=(0, 2))
    for name, value in _story_facts(document):
        if value:
            grid.add_row(Text(name, style="dim"), Text(shown(value), overflow="fold"))
    console.print(grid)
    if attempts:
        console.print(Text("attempts", style="bold"))
    for attempt in attempts:
        ended = f"{attempt.outcome} {local(attempt.ended_at)}" if attempt.ended_at else "no outcome recorded"
        console.print(Text(f"  {attempt.number}. {local(attempt.started_at)}  {ended}  key {attempt.key[:12]}…"))
    console.print(Text("events", style="bold"))
    for event in events:
        who = f" by {event.actor}" if event.actor else ""
        # A person's own words before ours.
        more = event.data.get("note") or event.data.get("message") or event.data.get("location") or ""
        console.print(Text(shown(f"  {local(event.at)}  {event.name}{who}  {more}".rstrip())))
    _print_next(console, document)


def _print_next(console: Console, document: Document) -> None:
    console.print(Text("what to do", style="bold"))
    console.print(Text(f"  {advice(document)}"))
    for command, meaning in commands(document):
        console.print(Text(f"  importer {command:<32}{meaning}"))


def _story_facts(document: Document) -> list[tuple[str, object]]:
    references = document.references
    return [
        ("file", document.path),
        ("lies at", document.location),
        ("invoice", document.invoice_reference),
        ("kind", document.kind),
        ("rule", document.rule),
        ("label", document.label),
        ("why", document.reason and f"{document.reason.message} [{document.reason.code}]"),
        ("first seen", local(document.first_seen_at)),
        ("next attempt", local(document.next_attempt_at) if document.state.is_on_its_way else ""),
        ("imported", local(document.imported_at)),
        ("communication", references and references.communication),
        ("file reference", references and references.file),
        ("voucher", references and references.voucher),
        ("references from", references and references.source),
        ("duplicate of", document.duplicate_of and f"D{document.duplicate_of}"),
        ("size", counted(document.size, "byte")),
        ("SHA-256", document.sha256),
    ]


def story_as_json(attempts: Sequence[Attempt], events: Sequence[Event]) -> dict[str, Any]:
    """What `show` adds to a document's fields."""
    return {
        "attempt_list": [
            {
                "number": attempt.number,
                "key": attempt.key,
                "started_at": timestamp(attempt.started_at),
                "ended_at": timestamp(attempt.ended_at),
                "outcome": attempt.outcome,
                "message": attempt.message,
            }
            for attempt in attempts
        ],
        "events": [
            {"at": timestamp(event.at), "name": event.name, "actor": event.actor, "data": event.data}
            for event in events
        ],
    }


def places_of(documents: Sequence[Document], below: Path) -> Table:
    """Where each file lies now, relative to a folder."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for document in documents:
        location = Path(document.location)
        lies = location.relative_to(below) if location.is_relative_to(below) else location
        table.add_row(f"D{document.id}", state_text(document), Text(shown(lies)))
    return table
