"""`importer list`."""

from datetime import datetime
from typing import Any

import click

from importer.cli.output import (
    Number,
    Since,
    agreed_dialect,
    agreed_form,
    dialect_option,
    otherwise_written,
    print_documents,
)
from importer.cli.reading import reading_ledger, settings_of
from importer.core.listing import Wanted, ordered
from importer.core.model import Kind, State
from importer.report import FIELDS

SHOWN = 100
"""Rows of a table unless more are asked for; JSON and CSV are always whole."""

EXAMPLES = """\b
Examples:
  importer list --state held --since 2026-10-01
  importer list --kind dunning1 --reason invoice_paid --sort -first_seen_at
  importer list --csv-dialect excel-de > documents.csv
"""


@click.command(epilog=EXAMPLES)
@click.option("--state", "states", multiple=True, type=click.Choice([state.value for state in State]))
@click.option("--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in Kind]))
@click.option("--reference", "references", multiple=True, metavar="R", help="Of this invoice.")
@click.option("--reason", "reasons", multiple=True, metavar="CODE", help="With this reason.")
@click.option("--since", type=Since(), help="First seen since then.")
@click.option("--until", type=Since(), help="First seen before then.")
@click.option("--sort", metavar="FIELD", help="By one of the fields of --json; -FIELD begins with the largest.")
@click.option("--limit", type=Number(1), metavar="N", help=f"The latest N. Tables show {SHOWN} unless told otherwise.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), help="Default: table.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@dialect_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    sort: str | None,
    limit: int | None,
    form: str | None,
    as_json: bool,
    dialect: str | None,
    **filters: Any,
) -> None:
    """The documents that the ledger knows, oldest first. Of a filter that is given several times, any may hold."""
    form, dialect = agreed_dialect(agreed_form(form, as_json=as_json) or "table", dialect)
    if sort is not None and sort.removeprefix("-") not in FIELDS:
        raise click.UsageError(f"--sort {sort}: there is no such field; there are {', '.join(FIELDS)}")
    rows = limit or (SHOWN if form == "table" else None)
    wanted = _wanted(**filters)
    with reading_ledger(settings_of(ctx)) as ledger:
        # The ledger counts the latest ones only where it knows all that is wanted.
        most = None if wanted.is_narrow else rows
        found = ledger.documents(states=wanted.states or None, since=wanted.since, limit=most)
        documents = [document for document in found if wanted.accepts(document)]
        hint = otherwise_written(ledger, *wanted.references) if not documents else ""
    documents = ordered(documents[-rows:] if rows else documents, sort)
    if hint or (form == "table" and not documents):
        click.echo(f"no documents{hint}", err=True)
    if form == "table" and not documents:
        return
    print_documents(documents, form, dialect)
    if form == "table" and limit is None and len(documents) == SHOWN:
        click.echo(f"Only the latest {SHOWN}; --limit shows more, --format csv all of them.", err=True)


def _wanted(
    *,
    states: tuple[str, ...],
    kinds: tuple[str, ...],
    references: tuple[str, ...],
    reasons: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
) -> Wanted:
    return Wanted(
        states=frozenset(map(State, states)),
        kinds=frozenset(map(Kind, kinds)),
        references=frozenset(references),
        reasons=frozenset(reasons),
        since=since,
        until=until,
    )
