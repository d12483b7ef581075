"""`importer show`."""

import click

from importer.cli.exits import Exit, Stop
from importer.cli.output import console, find_documents, json_option, print_json
from importer.cli.reading import reading_ledger, settings_of
from importer.report import document_as_json, print_story, story_as_json


@click.command(
    epilog="\b\nExamples:\n  importer show D17\n  importer show inbox/Rechnung_RE12345.pdf\n  importer show RE12345"
)
@click.argument("name", metavar="ID|PATH|REFERENCE")
@json_option
@click.pass_context
def command(ctx: click.Context, name: str, as_json: bool) -> None:
    """A document's whole story: where it lies, what was sent when, and what to do about it.

    A bare number is an invoice reference; documents are written D17.
    """
    with reading_ledger(settings_of(ctx)) as ledger:
        documents = find_documents(ledger, name)
        if not documents:
            raise Stop(
                Exit.FAULT,
                f"the ledger knows nothing of {name}: no document with that id, path or invoice reference. "
                f"`importer explain {name}` says what would happen to a file.",
            )
        for document in documents:
            attempts, events = ledger.attempts_of(document), ledger.events_of(document)
            if as_json:
                print_json([document_as_json(document) | story_as_json(attempts, events)])
            else:
                print_story(console(), document, attempts, events)
