"""Resends and invoices for a person and as JSON. Pure rendering: values in, text out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from importer.core.naming import shown
from importer.core.resending import Resend, ResendState
from importer.report import local, timestamp


def resend_as_json(resend: Resend) -> dict[str, Any]:
    """What is told of a request to send an invoice again."""
    return {
        "id": f"R{resend.id}",
        "invoice_reference": resend.invoice_reference,
        "state": resend.state,
        "created_at": timestamp(resend.created_at),
        "sent_at": timestamp(resend.sent_at),
        "next_attempt_at": timestamp(resend.next_attempt_at),
        "attempts": resend.attempts,
        "outcome": resend.outcome,
        "message": resend.message,
        "job": resend.job,
        "result": resend.result,
        "resultcode": resend.resultcode,
        "key": resend.idempotency_key,
        "actor": resend.actor,
        "document": f"D{resend.document_id}" if resend.document_id else None,
    }


RESEND_STYLES = {ResendState.SENT: "green", ResendState.FAILED: "red", ResendState.HELD: "magenta"}


def print_resends(console: Console, resends: Sequence[Resend]) -> None:
    """Every request to send an invoice again, for a person."""
    if resends:
        console.print(Text("resends", style="bold"))
    for resend in resends:
        state = (resend.state.value, RESEND_STYLES.get(resend.state, "yellow"))
        console.print(Text.assemble(f"  R{resend.id} ", state, f"  {shown(resend_told(resend))}"))


def resend_told(resend: Resend) -> str:
    """On one line: for which invoice, when, by whom, and what came of it."""
    who = f"wanted by {resend.actor}" if resend.actor else f"wanted by a rule, with D{resend.document_id}"
    sent = f"sent {local(resend.sent_at)}" if resend.state is ResendState.SENT else ""
    job = f"job {resend.job}" if resend.job else ""
    wanted = f"{who} {local(resend.created_at)}"
    return ", ".join(filter(None, (resend.invoice_reference, wanted, sent, job, resend.message)))


def print_invoice(console: Console, told: Mapping[str, Any]) -> None:
    """An invoice at Abillify beside the ledger, for a person."""
    known = "" if told["known"] else "  Abillify does not know it"
    console.print(Text.assemble((shown(told["invoice_reference"]), "bold"), known))
    grid = Table.grid(padding=(0, 2))
    for name, value in (told["invoice"] or {}).items():
        grid.add_row(Text(shown(name), style="dim"), Text(_plainly(value), overflow="fold"))
    console.print(grid)
    for heading, lines in _invoice_sections(told):
        if lines:
            console.print(Text(heading, style="bold"))
        for line in lines:
            console.print(Text(f"  {shown(line)}"))


def _invoice_sections(told: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    def booked(rows: Sequence[Mapping[str, Any]]) -> list[str]:
        return [f"{row['booking']}  {_plainly(row['as_came'])}" for row in rows]

    at_abillify = [
        "  ".join(
            filter(
                None,
                (
                    entry["communication_reference"],
                    entry["kind"],
                    entry["label"],
                    entry["created"],
                    entry["document"] or "not in the ledger",
                    entry["saved"] and f"saved as {entry['saved']}",
                ),
            )
        )
        for entry in told["documents"]
    ]
    ours = [f"{d['id']}  {d['state']}  {d['kind']}  {d['path']}" for d in told["ledger"]]
    resends = [f"{r['id']}  {r['state']}  {r['created_at']}" for r in told["resends"]]
    return [
        ("documents at Abillify", at_abillify),
        ("payments", booked(told["payments"])),
        ("charges", booked(told["charges"])),
        ("in the ledger", ours),
        ("resends", resends),
    ]


def _plainly(value: object) -> str:
    return shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
