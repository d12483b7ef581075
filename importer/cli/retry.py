"""`importer retry`."""

import click

from importer.adapters.ledger import Ledger
from importer.assembly import opened_ledger
from importer.cli.assembled import decisions_of
from importer.cli.exits import Exit, Stop
from importer.cli.output import document_of
from importer.cli.reading import settings_of
from importer.core import person
from importer.core.model import Document, State
from importer.core.person import Decision
from importer.resolving import EVENTS


@click.command(epilog="\b\nExamples:\n  importer retry D17 D18\n  importer retry --state rejected --reason no_rule")
@click.argument("names", nargs=-1, metavar="[ID]...")
@click.option(
    "--state", type=click.Choice([state.value for state in person.RETRIED]), help="All documents in this state."
)
@click.option("--reason", metavar="CODE", help="With --state: only those with this reason.")
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], state: str | None, reason: str | None) -> None:
    """Try documents again now; the running service, or the next backfill, takes them up.

    A rejected or held document is judged anew, by the rules and settings of now. One whose upload is in doubt is looked
    up at Abillify first, always.
    """
    if bool(names) == bool(state) or (reason and not state):
        raise Stop(Exit.USAGE, "name documents (D17 ...), or --state with or without --reason; see --help")
    settings = settings_of(ctx)
    with opened_ledger(settings) as ledger:
        chosen = _chosen(ledger, names, state, reason)
        with decisions_of(ctx, settings, ledger) as recording:
            decisions = [recording.record(document, EVENTS[Decision.RETRY], person.retry) for document in chosen]
    if not decisions:
        click.echo(f"no document is {state}{f' for {reason}' if reason else ''}", err=True)
    for decided in decisions:
        if decided.refusal is None:
            click.echo(f"D{decided.document.id} will be tried again")
    refusals = [decided.refusal for decided in decisions if decided.refusal]
    if refusals:
        raise Stop(Exit.USAGE, "; ".join(refusals))


def _chosen(ledger: Ledger, names: tuple[str, ...], state: str | None, reason: str | None) -> list[Document]:
    if state is None:
        return [document_of(ledger, name) for name in names]
    documents = ledger.documents(states=[State(state)])
    return [d for d in documents if reason is None or (d.reason and d.reason.code == reason)]
