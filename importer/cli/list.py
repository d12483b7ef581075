"""`importer list`."""

from datetime import datetime

import click

from importer.cli.output import Number, Since, agreed_form, print_documents
from importer.cli.reading import reading_ledger, settings_of
from importer.core.model import State

SHOWN = 100
"""Rows of a table unless more are asked for; JSON and CSV are always whole."""


@click.command(epilog="\b\nExample:\n  importer list --state held --since 2026-10-01")
@click.option("--state", "states", multiple=True, type=click.Choice([state.value for state in State]))
@click.option("--since", type=Since(), help="First seen since then.")
@click.option("--limit", type=Number(1), metavar="N", help=f"The latest N. Tables show {SHOWN} unless told otherwise.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), help="Default: table.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    states: tuple[str, ...],
    since: datetime | None,
    limit: int | None,
    form: str | None,
    as_json: bool,
) -> None:
    """The documents that the ledger knows, oldest first."""
    form = agreed_form(form, as_json=as_json) or "table"
    rows = limit or (SHOWN if form == "table" else None)
    with reading_ledger(settings_of(ctx)) as ledger:
        wanted = [State(state) for state in states] or None
        documents = ledger.documents(states=wanted, since=since, limit=rows)
    if form == "table" and not documents:
        click.echo("no documents", err=True)
        return
    print_documents(documents, form)
    if form == "table" and limit is None and len(documents) == SHOWN:
        click.echo(f"Only the latest {SHOWN}; --limit shows more, --format csv all of them.", err=True)
