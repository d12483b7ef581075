"""`importer resolve`."""

import os
from datetime import datetime

import click

from importer.cli.assembly import archivist_of, opened_client, opened_ledger, settings_of
from importer.cli.decisions import Decide, record_decision
from importer.cli.exits import Exit, Stop
from importer.cli.output import document_of
from importer.config import Settings, load_credentials
from importer.core import person
from importer.core.model import (
    Document,
    Found,
    ReadbackOutcome,
    ReadFailed,
    References,
    ReferencesFrom,
)

EXAMPLES = """\b
Examples:
  importer resolve D17 --accept --note "checked with sales"
  importer resolve D18 --imported --communication _12345 --file _67890 --voucher _1234
  importer resolve D18 --not-imported
"""


@click.command(epilog=EXAMPLES)
@click.argument("name", metavar="ID")
@click.option("--imported", "decision", flag_value="imported", help="It is at Abillify.")
@click.option("--not-imported", "decision", flag_value="not_imported", help="It is not; look once more, then send.")
@click.option("--accept", "decision", flag_value="accept", help="Let a held document go on in spite of its reason.")
@click.option("--dismiss", "decision", flag_value="dismiss", help="Give it up; the file goes to the rejected folder.")
@click.option("--communication", metavar="R", help="With --imported: Abillify's communication reference.")
@click.option("--file", "file", metavar="R", help="With --imported: Abillify's file reference.")
@click.option("--voucher", metavar="R", help="With --imported: Abillify's voucher reference.")
@click.option("--note", default="", metavar="TEXT", help="Kept with the decision.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    decision: str | None,
    communication: str | None,
    file: str | None,
    voucher: str | None,
    note: str,
) -> None:
    """Record a person's decision about a document, with user and time.

    --imported without references asks Abillify for them. --not-imported asks once more, then starts the next
    generation of the idempotency key.
    """
    given = (communication, file, voucher)
    if decision is None or (any(given) and (decision != "imported" or not all(given))):
        raise Stop(Exit.USAGE, "give one decision; the three references go together, with --imported; see --help")
    settings = settings_of(ctx)
    with opened_ledger(settings) as ledger:
        document = document_of(ledger, name)
        decide = _decision(settings, document, decision, given)
        decided = record_decision(ledger, archivist_of(ctx, ledger), document, f"person.{decision}", decide, note)
    if decided.refusal:
        raise Stop(Exit.USAGE, decided.refusal)
    click.echo(f"D{decided.document.id} is {decided.document.state} now")


def _decision(
    settings: Settings, document: Document, decision: str, given: tuple[str | None, str | None, str | None]
) -> Decide:
    match decision:
        case "accept":
            return person.accept
        case "dismiss":
            return lambda document, _: person.dismiss(document)
        case "imported" if given[0] and given[1] and given[2]:
            references = References(given[0], given[1], given[2], ReferencesFrom.PERSON)
            return lambda document, now: person.imported(document, references, now)
    seen = _read_back(settings, document)
    return _with_references(seen) if decision == "imported" else _without(seen)


def _read_back(settings: Settings, document: Document) -> ReadbackOutcome:
    if document.identity is None:
        raise Stop(Exit.USAGE, f"D{document.id} has no invoice reference, so Abillify cannot be asked about it")
    with opened_client(settings, load_credentials(settings, os.environ)) as client:
        outcome = client.read_back(document)
    if isinstance(outcome, ReadFailed):
        raise Stop(Exit.AGAIN_LATER, f"Abillify could not be asked about D{document.id} ({outcome.cause}); try again")
    return outcome


def _with_references(seen: ReadbackOutcome) -> Decide:
    def decide(document: Document, now: datetime) -> Document | str:
        if not isinstance(seen, Found):
            return (
                f"Abillify's list does not tell which entry is D{document.id}; "
                "name it with --communication, --file and --voucher"
            )
        return person.imported(document, seen.references, now)

    return decide


def _without(seen: ReadbackOutcome) -> Decide:
    """The last look overrules the person: what is there must not be sent again."""

    def decide(document: Document, now: datetime) -> Document | str:
        if isinstance(seen, Found):
            return person.imported(document, seen.references, now)
        return person.not_imported(document, now)

    return decide
