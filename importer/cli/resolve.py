"""`importer resolve`."""

import os
from functools import partial

import click

from importer.adapters.ledger import Ledger
from importer.assembly import opened_client, opened_ledger
from importer.cli.assembled import decisions_of
from importer.cli.exits import Exit, Stop
from importer.cli.output import document_of
from importer.cli.reading import settings_of
from importer.config import Settings, load_credentials
from importer.core.model import Document, References, ReferencesFrom, State
from importer.core.person import Decision
from importer.decisions import Decide
from importer.resolving import EVENTS, LookedUp, NotAnswered, decide_as

EXAMPLES = """\b
Examples:
  importer resolve D17 --accept --note "checked with sales"
  importer resolve D18 --imported --communication _12345 --file _67890 --voucher _1234
  importer resolve D18 --not-imported
  importer resolve --batch B20261121-101500 --accept
"""


@click.command(epilog=EXAMPLES)
@click.argument("name", metavar="[ID]", required=False)
@click.option("--batch", metavar="NAME", help="With --accept or --dismiss: all that is held of this batch.")
@click.option("--imported", is_flag=True, help="It is at Abillify.")
@click.option("--not-imported", is_flag=True, help="It is not; look once more, then send.")
@click.option("--accept", is_flag=True, help="Let a held document go on in spite of its reason.")
@click.option("--dismiss", is_flag=True, help="Give it up; the file goes to the rejected folder.")
@click.option("--communication", metavar="R", help="With --imported: Abillify's communication reference.")
@click.option("--file", "file", metavar="R", help="With --imported: Abillify's file reference.")
@click.option("--voucher", metavar="R", help="With --imported: Abillify's voucher reference.")
@click.option("--note", default="", metavar="TEXT", help="Kept with the decision.")
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    ctx: click.Context,
    name: str | None,
    batch: str | None,
    imported: bool,
    not_imported: bool,
    accept: bool,
    dismiss: bool,
    communication: str | None,
    file: str | None,
    voucher: str | None,
    note: str,
) -> None:
    """Record a person's decision about a document, with user and time.

    --imported without references asks Abillify for them. --not-imported asks once more, then starts the next
    generation of the idempotency key.
    """
    flags = {
        Decision.IMPORTED: imported,
        Decision.NOT_IMPORTED: not_imported,
        Decision.ACCEPT: accept,
        Decision.DISMISS: dismiss,
    }
    decision = _only_one(flags)
    references = _references(communication, file, voucher)
    if references is not None and decision is not Decision.IMPORTED:
        raise Stop(Exit.USAGE, "--communication, --file and --voucher go with --imported only")
    settings = settings_of(ctx)
    with opened_ledger(settings) as ledger:
        chosen = _chosen(ledger, name, batch, decision)
        decide = _decide(settings, ledger, decision, references)
        try:
            with decisions_of(ctx, settings, ledger) as decisions:
                decided = [decisions.record(document, EVENTS[decision], decide, note) for document in chosen]
        except NotAnswered as error:
            raise Stop(Exit.AGAIN_LATER, str(error)) from None
    for one in decided:
        if one.refusal is None:
            click.echo(_told(decision, one.document))
    if refusals := [one.refusal for one in decided if one.refusal]:
        raise Stop(Exit.USAGE, "; ".join(refusals))


def _chosen(ledger: Ledger, name: str | None, batch: str | None, decision: Decision) -> list[Document]:
    """One document by its id, or all that is held of a batch."""
    if (name is None) == (batch is None):
        raise Stop(Exit.USAGE, "name one document (such as D17), or a batch with --batch")
    if name is not None:
        return [document_of(ledger, name)]
    assert batch is not None
    if decision not in (Decision.ACCEPT, Decision.DISMISS):
        raise Stop(Exit.USAGE, "--batch goes with --accept or --dismiss")
    if not (held := ledger.in_batch(batch)):
        raise Stop(Exit.USAGE, f"nothing is held of a batch {batch}; `importer list --state held` shows what is held")
    return held


def _only_one(flags: dict[Decision, bool]) -> Decision:
    given = [name for name, is_given in flags.items() if is_given]
    if len(given) != 1:
        raise Stop(Exit.USAGE, "say what you decided, one of: --imported, --not-imported, --accept, --dismiss")
    return given[0]


def _references(communication: str | None, file: str | None, voucher: str | None) -> References | None:
    if communication and file and voucher:
        return References(communication, file, voucher, ReferencesFrom.PERSON)
    if communication or file or voucher:
        raise Stop(Exit.USAGE, "--communication, --file and --voucher go together: give all three, or none")
    return None


def _told(decision: Decision, document: Document) -> str:
    if decision is Decision.NOT_IMPORTED and document.state is State.IMPORTED:
        return f"Abillify has D{document.id} after all; it is recorded as imported and not sent again"
    why = f": {document.reason.message}" if document.reason and document.state is State.UNCERTAIN else ""
    return f"D{document.id} is {document.state} now{why}"


def _decide(settings: Settings, ledger: Ledger, decision: Decision, references: References | None) -> Decide:
    look, grace = partial(read_back, settings), settings.api.readback_grace
    return decide_as(decision, references, look, grace, ledger.last_attempt_at)


def read_back(settings: Settings, document: Document) -> LookedUp:
    """What Abillify shows, and when by its clock."""
    with opened_client(settings, load_credentials(settings, os.environ)) as client:
        return client.read_back(document), client.server_time()
