"""`importer show`."""

from collections.abc import Sequence

import click

from importer.cli.exits import Exit, Stop
from importer.cli.output import console, find_documents, json_option, otherwise_written, print_json
from importer.cli.reading import reading_ledger, settings_of
from importer.core.model import Document
from importer.invoice_report import print_resends, resend_as_json
from importer.report import document_as_json, print_story, story_as_json


@click.command(
    epilog="\b\nExamples:\n  importer show D17\n  importer show inbox/Rechnung_RE12345.pdf\n  importer show RE12345"
)
@click.argument("name", metavar="ID|PATH|REFERENCE")
@json_option
@click.pass_context
def command(ctx: click.Context, name: str, as_json: bool) -> None:
    """A document's whole story: where it lies, what was sent when, and what to do about it; resends of its invoice too.

    A bare number is an invoice reference; documents are written D17.
    """
    with reading_ledger(settings_of(ctx)) as ledger:
        documents = find_documents(ledger, name)
        resends = {reference: ledger.resends_of(reference) for reference in _references(documents, name)}
        if not documents and not any(resends.values()):
            raise Stop(
                Exit.FAULT,
                f"the ledger knows nothing of {name}: no document with that id, path or invoice reference"
                f"{otherwise_written(ledger, name) or '.'} `importer explain {name}` says what would happen to a file.",
            )
        for document in documents:
            attempts, events = ledger.attempts_of(document), ledger.events_of(document)
            if as_json:
                told = map(resend_as_json, resends.get(document.invoice_reference or "", []))
                print_json([document_as_json(document) | story_as_json(attempts, events) | {"resends": list(told)}])
            else:
                print_story(console(), document, attempts, events)
        if not as_json:
            print_resends(console(), [resend for found in resends.values() for resend in found])
        elif not documents:
            print_json([{"invoice_reference": name, "resends": [*map(resend_as_json, resends[name])]}])


def _references(documents: Sequence[Document], name: str) -> list[str]:
    """The invoices that were asked for: those of the documents, or one of which there are none."""
    found = dict.fromkeys(d.invoice_reference for d in documents if d.invoice_reference is not None)
    return list(found) or ([] if documents else [name])
