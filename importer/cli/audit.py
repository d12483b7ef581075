"""`importer audit`."""

from datetime import datetime

import click

from importer.adapters.ledger import printable
from importer.audit import Auditor, LineStopped
from importer.cli.auditor import auditor_of
from importer.cli.desk import opened_desk
from importer.cli.exits import Exit
from importer.cli.output import Since, agreed_dialect, agreed_form, console, dialect_option, print_csv, print_json
from importer.cli.signals import on_signals
from importer.clock import SystemClock
from importer.core.audit import AuditFinding, Gap
from importer.report import FINDING_FIELDS, counted, finding_as_json, local, print_findings

EPILOG = """\b
Findings:
  no_original      the invoice has no document of the kind invoice
  dunning_skipped  a dunning level is there without the one before
  not_in_ledger    a document at Abillify that the ledger does not know
  not_at_abillify  imported, says the ledger, but Abillify does not show it
  different        in both, but with another kind or other references
  unchecked        it could not be told; the line says why

\b
Examples:
  importer audit
  importer audit --since 2026-10-01 --csv --csv-dialect excel-de > audit.csv
"""


@click.command(epilog=EPILOG)
@click.option("--since", type=Since(), help="Only invoices created, and documents imported, since then.")
@click.option("--fresh", is_flag=True, help="Start over, although an audit was not finished.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header line.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), help="Default: table.")
@dialect_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    since: datetime | None,
    fresh: bool,
    as_json: bool,
    as_csv: bool,
    form: str | None,
    dialect: str | None,
) -> None:
    """Which invoices at Abillify lack a document that they should have, and where it and the ledger do not agree.

    Walks through all invoices that the credentials may see, within the rate limit, and changes nothing. What is stopped
    goes on with the same command within a day. Ends with 3 when something was found, else with 4 when something could
    not be checked.
    """
    if as_csv and (as_json or form not in (None, "csv")):
        raise click.UsageError("--csv contradicts the other format; give one of them")
    form = agreed_form("csv" if as_csv else form, as_json=as_json) or "table"
    form, dialect = agreed_dialect(form, dialect)
    with opened_desk(ctx) as desk:
        auditor = auditor_of(desk, since)
        if not fresh and auditor.resume(SystemClock().now()):
            progress = auditor.progress
            begun = f"begun {local(progress.begun_at)}, {counted(len(progress.done), 'invoice')} done"
            click.echo(f"importer: going on with the audit {begun}; --fresh starts over", err=True)
        is_whole, why = _run(auditor)
        desk.stop_if_refused()
    findings = auditor.progress.findings
    _print(findings, form, dialect)
    told = f"{counted(len(auditor.progress.done), 'invoice')}, {counted(len(findings), 'finding')}"
    unfinished = "" if is_whole else f"; not finished{why}: the same command goes on"
    click.echo(printable(f"{told}{unfinished}"), err=True)
    raise SystemExit(int(_code(findings, is_whole=is_whole)))


def _run(auditor: Auditor) -> tuple[bool, str]:
    """Whether it came to its end, and if not, why."""
    stops: list[bool] = []
    with on_signals(lambda: stops.append(True)):
        try:
            return auditor.run(lambda: bool(stops)), ""
        except LineStopped as error:
            return False, f" ({error})"


def _print(findings: list[AuditFinding], form: str, dialect: str) -> None:
    rows = [finding_as_json(finding) for finding in findings]
    if form == "json":
        print_json(rows)
    elif form == "csv":
        print_csv(FINDING_FIELDS, rows, dialect)
    elif findings:
        print_findings(console(), FINDING_FIELDS, rows)


def _code(findings: list[AuditFinding], *, is_whole: bool) -> Exit:
    if any(finding.gap is not Gap.UNCHECKED for finding in findings):
        return Exit.NEEDS_PERSON
    return Exit.OK if is_whole and not findings else Exit.AGAIN_LATER
