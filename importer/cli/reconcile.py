"""`importer reconcile`."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from importer.adapters.ledger import printable
from importer.assembly import Parts, account_of
from importer.cli.assembled import assembled
from importer.cli.exits import Exit, Stop
from importer.cli.output import Since, json_option
from importer.core.comparison import Finding, Mark
from importer.core.lifecycle import CREDENTIALS_REFUSED
from importer.reconcile import Reconciler
from importer.report import json_line

EPILOG = """\b
Marks:
  =  imported, and at Abillify
  +  at Abillify on one of our invoices, but not imported by us
  -  imported, says the ledger, but missing at Abillify
  *  in both, but different: kind, voucher or file reference, or bytes
  !  could not be checked, or is still in doubt; the line says why

\b
Examples:
  importer reconcile
  importer reconcile --since 2026-10-01 --bytes
  importer reconcile --json | jq 'select(.mark != "=")'
"""

WORDS = {
    Mark.ALIKE: "alike",
    Mark.ONLY_THERE: "only at Abillify",
    Mark.ONLY_HERE: "missing at Abillify",
    Mark.DIFFERENT: "different",
    Mark.UNCHECKED: "not checked",
}


@click.command(epilog=EPILOG)
@click.option("--since", type=Since(), help="Only documents imported since then, and their invoices.")
@click.option("--bytes", "with_bytes", is_flag=True, help="Fetch each document from Abillify and compare its bytes.")
@json_option
@click.pass_context
def command(ctx: click.Context, since: datetime | None, with_bytes: bool, as_json: bool) -> None:
    """Look up what is uncertain, and check the ledger against Abillify both ways. Sends nothing.

    One line a document, with its mark, on standard output; a summary on standard error. Documents count as imported
    when the ledger says so; invoices on which we have none are not looked at.

    Ends with 3 when there is + - or *, or a document that a person must decide about; else with 4 when there is an !.
    """
    with assembled(ctx) as parts:
        parts.line.tend()
        _stop_if_refused(parts)
        marks: Counter[Mark] = Counter()
        code = Exit.OK
        for finding in _findings(parts, since, with_bytes=with_bytes):
            click.echo(printable(json_line(_as_json(finding)) if as_json else _as_line(finding)))
            marks[finding.mark] += 1
            code = _worse(code, finding)
        click.echo(", ".join(f"{marks[mark]} {words} ({mark})" for mark, words in WORDS.items()), err=True)
        _stop_if_refused(parts)
    raise SystemExit(int(code))


def _findings(parts: Parts, since: datetime | None, *, with_bytes: bool) -> Iterator[Finding]:
    reconciler = Reconciler(
        account=account_of(parts.settings),
        ledger=parts.ledger,
        client=parts.client,
        line=parts.line,
        pipeline=parts.pipeline,
        log=parts.log,
    )
    yield from reconciler.settle_doubts()
    yield from reconciler.check(since, with_bytes=with_bytes)


def _stop_if_refused(parts: Parts) -> None:
    stopped = parts.line.stopped
    if stopped is not None and stopped.code == CREDENTIALS_REFUSED:
        raise Stop(Exit.CREDENTIALS_REFUSED, stopped.message)


def _worse(code: Exit, finding: Finding) -> Exit:
    if finding.needs_person or code is Exit.NEEDS_PERSON:
        return Exit.NEEDS_PERSON
    return Exit.AGAIN_LATER if finding.mark is Mark.UNCHECKED else code


def _as_line(finding: Finding) -> str:
    document = f"D{finding.document.id}" if finding.document else ""
    parts = (finding.mark, finding.invoice_reference, finding.kind, document, finding.communication_reference)
    return " ".join(filter(None, (*parts, finding.detail)))


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "mark": finding.mark,
        "invoice_reference": finding.invoice_reference,
        "kind": finding.kind or None,
        "document": f"D{finding.document.id}" if finding.document else None,
        "communication_reference": finding.communication_reference or None,
        "detail": finding.detail or None,
    }
