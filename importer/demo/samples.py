"""The demo's inbox: every kind of document once, and every way in which a file can be wrong."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from pathlib import Path

from importer.demo import texts
from importer.demo.letter import draw


@dataclass(frozen=True, slots=True)
class Sample:
    path: Path
    """Where it was written."""
    expected: str
    """The state in which it ends up: `imported`, `duplicate`, `waiting` or `rejected`."""
    what: str
    """Its story, in one sentence."""


@dataclass(frozen=True, slots=True)
class _Recipe:
    name: str
    make: Callable[[], bytes]
    expected: str
    what: str


def write_samples(folder: Path) -> list[Sample]:
    """Write all samples into the folder, which is made if need be; two runs write the same bytes.

    Raises:
        DemoError: fpdf2 is not installed.
        OSError: the folder cannot be written to.
    """
    samples = []
    for recipe in _recipes():
        path = folder / recipe.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(recipe.make())
        samples.append(Sample(path, recipe.expected, recipe.what))
    return samples


def _recipes() -> list[_Recipe]:
    invoice = partial(draw, texts.invoice())
    return [
        _Recipe("Rechnung_RE-2024-00123.pdf", invoice, "imported", "An invoice, kind and number in its name."),
        *_good(),
        _Recipe(
            "Kopien/Rechnung RE-2024-00123.pdf", invoice, "duplicate", "The first invoice again, under another name."
        ),
        *_bad(),
    ]


def _good() -> list[_Recipe]:
    letters = {
        "RE-2024-00124_Kunde Müller.pdf": (texts.english_invoice(), "An invoice whose name does not say its kind."),
        "Gutschrift GS-2023-0099.pdf": (texts.credit_note(), "A credit note."),
        "Zahlungserinnerung_RE-2024-00123.pdf": (texts.reminder(), "A payment reminder."),
        "1. Mahnung RE-2024-00125.pdf": (texts.dunning(1), "The first dunning letter, the level in front."),
        "Mahnung2_RE-2024-00125.pdf": (texts.dunning(2), "The second dunning letter, the level behind the word."),
        "RE-2024-00125_Mahnstufe_3.pdf": (texts.dunning(3), "The third dunning letter, the level at the end."),
        "Mahnung4_RE-2024-00125.pdf": (texts.dunning(4), "The last dunning letter before collection."),
        "Brief RE-2024-00123.pdf": (texts.plain_letter(), "A letter about an invoice."),
    }
    return [
        *(_Recipe(name, partial(draw, letter), "imported", what) for name, (letter, what) in letters.items()),
        _Recipe("E-Mail RE-2024-00123.eml", _email, "imported", "The e-mail with which the invoice was sent."),
    ]


def _bad() -> list[_Recipe]:
    def letter(number: int) -> bytes:
        return draw(texts.invoice(f"RE-2024-{number:05}"))

    return [
        _Recipe(
            "Preisliste Frühling.pdf", partial(draw, texts.price_list()), "rejected", "A price list: no rule knows it."
        ),
        _Recipe("Rechnung_RE-2024-00130.pdf", bytes, "rejected", "An empty file, from an export that failed."),
        _Recipe(
            "Rechnung_RE-2024-00131.pdf", lambda: letter(131)[:1500], "rejected", "A PDF whose second half is missing."
        ),
        _Recipe(
            "Rechnung_RE-2024-00132.pdf",
            partial(draw, texts.invoice("RE-2024-00132"), password="geheim"),  # noqa: S106  # a sample's, not a secret
            "rejected",
            "A PDF that opens only with a password.",
        ),
        _Recipe("Rechnung_RE-2024-00133.docx", _word_document, "rejected", "A Word document: only PDF and EML go."),
        _Recipe(
            "Rechnung_RE-2099-99999.pdf",
            partial(draw, texts.invoice("RE-2099-99999")),
            "waiting",
            "An invoice that Abillify does not know yet.",
        ),
    ]


def _email() -> bytes:
    message = EmailMessage(policy=SMTP)
    message["Return-Path"] = "<rechnung@nordlicht-buero.example>"
    message["Received"] = (
        "from mail.nordlicht-buero.example ([192.0.2.25]) by mx.schulze-baeckerei.example with ESMTPS id 4VJx1z; "
        "Mon, 15 Apr 2024 09:12:44 +0200"
    )
    message["From"] = "Nordlicht Bürobedarf GmbH <rechnung@nordlicht-buero.example>"
    message["To"] = "Jördis Schulze <j.schulze@schulze-baeckerei.example>"
    message["Subject"] = "Ihre Rechnung RE-2024-00123 über Kopierpapier und Kassenrollen"
    message["Date"] = "Mon, 15 Apr 2024 09:12:41 +0200"
    message["Message-ID"] = "<20240415091241.00123@nordlicht-buero.example>"
    message.set_content(
        "Sehr geehrte Frau Schulze,\n\nanbei erhalten Sie unsere Rechnung.\n\nMit freundlichen Grüßen\n"
    )
    message.add_attachment(draw(texts.invoice()), "application", "pdf", filename="RE-2024-00123.pdf")
    # The library would draw lots for it, and the bytes are to be the same every time.
    message.set_boundary("=_nordlicht_20240415091241_00123")
    return message.as_bytes()


def _word_document() -> bytes:
    office = "http://schemas.openxmlformats.org"
    members = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{office}/wordprocessingml/2006/main"><w:body><w:p><w:r>'
        "<w:t>Rechnung RE-2024-00133</w:t></w:r></w:p></w:body></w:document>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 4, 15, 9, 0, 0)), f'<?xml version="1.0"?>{text}')
    return buffer.getvalue()
