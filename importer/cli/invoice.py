"""`importer invoice`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from importer.adapters.abillify import Abillify, Communication, InvoiceTold, Listing
from importer.adapters.abillify.request import invoice_url
from importer.adapters.ledger import LedgerReader, printable
from importer.adapters.saving import safe_stem, save_new
from importer.assembly import opened_client
from importer.cli.exits import Exit, Stop
from importer.cli.output import console, json_option, print_json
from importer.cli.reading import reading_ledger, settings_of
from importer.config import load_credentials
from importer.core.comparison import bare
from importer.core.invoice import booking_of
from importer.core.model import Document, InvoiceUnknown, ProbeRefused, ReadFailed
from importer.invoice_report import print_invoice, resend_as_json
from importer.report import document_as_json

T = TypeVar("T")
REFUSED = (401, 403)


@click.command(
    epilog="\b\nExamples:\n  importer invoice RE-2024-0815\n  importer invoice RE-2024-0815 --save ./RE-2024-0815"
)
@click.argument("reference")
@click.option("--save", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Fetch its documents.")
@json_option
@click.pass_context
def command(ctx: click.Context, reference: str, save: Path | None, as_json: bool) -> None:
    """An invoice at Abillify: its fields, documents, payments and charges, beside what the ledger knows.

    Fields come as Abillify gives them. --save writes the documents into a folder under safe names; what is there is
    never overwritten. Changes nothing at Abillify and nothing in the ledger.
    """
    try:
        invoice_url("", reference)
    except ValueError as error:
        raise Stop(Exit.USAGE, str(error)) from None
    settings = settings_of(ctx)
    credentials = load_credentials(settings, os.environ)
    with reading_ledger(settings) as ledger, opened_client(settings, credentials) as client:
        told = _told(ledger, client, reference)
        if save is not None:
            _save(client, told, reference, save)
    told["documents"] = [{k: v for k, v in entry.items() if k != "entry"} for entry in told["documents"]]
    if as_json:
        print_json([told])
    else:
        print_invoice(console(), told)


def _told(ledger: LedgerReader, client: Abillify, reference: str) -> dict[str, Any]:
    invoice = _answered(client, client.invoice(reference))
    documents = ledger.with_reference(reference)
    resends = ledger.resends_of(reference)
    if isinstance(invoice, InvoiceUnknown) and not documents and not resends:
        raise Stop(Exit.FAULT, f"neither Abillify nor the ledger knows an invoice {printable(reference)}")
    is_known = isinstance(invoice, InvoiceTold)
    rows = _answered(client, client.payments(reference)) if is_known else ()
    booked = [{"booking": booking_of(row), "as_came": row} for row in rows] if isinstance(rows, tuple) else []
    return {
        "invoice_reference": reference,
        "known": is_known,
        "invoice": invoice.fields if isinstance(invoice, InvoiceTold) else None,
        "documents": _listed(client, reference, documents) if is_known else [],
        "payments": [row for row in booked if row["booking"].is_payment],
        "charges": [row for row in booked if not row["booking"].is_payment],
        "ledger": [document_as_json(document) for document in documents],
        "resends": [resend_as_json(resend) for resend in resends],
    }


def _listed(client: Abillify, reference: str, documents: Sequence[Document]) -> list[dict[str, Any]]:
    """Abillify's documents, each with the one of the ledger that it is."""
    listing = _answered(client, client.communications(reference))
    if not isinstance(listing, Listing):
        return []
    ours = {bare(d.references.communication): f"D{d.id}" for d in documents if d.references is not None}
    return [
        {
            "communication_reference": entry.id,
            "file_reference": entry.file or None,
            "voucher_reference": entry.voucher or None,
            "kind": entry.kind or None,
            "label": entry.label or None,
            "created": entry.created or None,
            "document": ours.get(bare(entry.id)),
            "saved": None,
            "as_came": dict(entry.as_came),
            "entry": entry,
        }
        for entry in listing.communications
    ]


def _save(client: Abillify, told: dict[str, Any], reference: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for listed in told["documents"]:
        entry: Communication = listed["entry"]
        content = client.file_of(entry)
        if isinstance(content, ReadFailed):
            listed["problem"] = content.cause
            click.echo(f"importer: document {entry.id} was not saved: {printable(content.cause)}", err=True)
            continue
        stem = safe_stem("_".join(filter(None, (reference, entry.kind, bare(entry.id)))))
        listed["saved"] = printable(str(save_new(folder, stem, content)))


def _answered(client: Abillify, answer: T | ReadFailed) -> T:
    """The answer to a question, or the end."""
    if not isinstance(answer, ReadFailed):
        return answer
    if answer.status in REFUSED and isinstance(refused := client.probe(), ProbeRefused):
        raise Stop(Exit.CREDENTIALS_REFUSED, f"Abillify refused the credentials: {refused.error}")
    raise Stop(Exit.AGAIN_LATER, f"Abillify could not be asked: {answer.cause}; try again")
