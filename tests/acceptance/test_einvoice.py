"""A PDF whose content contradicts its name, from the inbox to a person and on."""

import io

import pytest
from fpdf import FPDF
from pypdf import PdfWriter

from tests.world import pdf


def invoice(number, code="380", text=""):
    """A PDF with this text, and a Factur-X XML that says so."""
    paper = FPDF()
    paper.add_page()
    paper.set_font("helvetica")
    paper.multi_cell(0, text=text or f"Rechnung {number}")
    xml = f"""<CrossIndustryInvoice xmlns="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100">
        <ExchangedDocument><ID>{number}</ID><TypeCode>{code}</TypeCode></ExchangedDocument></CrossIndustryInvoice>"""
    writer = PdfWriter(clone_from=io.BytesIO(bytes(paper.output())))
    writer.add_attachment("factur-x.xml", xml.encode())
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_an_e_invoice_that_agrees_with_its_name_is_imported(world):
    world.drop("Rechnung_RE-2024-0815.pdf", invoice("RE 2024/0815"))

    (told,) = world.json("backfill", exits=0)

    assert told["state"] == "imported"


def test_an_e_invoice_that_contradicts_its_name_waits_for_a_person_and_then_goes_on(world):
    world.drop("Rechnung_RE-2024-0815.pdf", invoice("RE-2024-0816", "381"))

    (held,) = world.json("backfill", exits=3)

    assert (held["state"], held["reason"]["code"]) == ("held", "einvoice_mismatch")
    assert {"number": "RE-2024-0816", "reference": "RE-2024-0815"}.items() <= held["reason"]["details"].items()
    (reason,) = (world.folder / "held").rglob("*.reason.txt")
    assert "Nummer RE-2024-0816, Typ 381. Dateiname: RE-2024-0815, Rechnung." in reason.read_text(encoding="utf-8")
    assert world.stored() == []

    world.importer("resolve", held["id"], "--accept", exits=0)
    (told,) = world.json("backfill", exits=0)

    assert (told["id"], told["state"]) == (held["id"], "imported")
    assert [reference for reference, _, _ in world.stored()] == ["RE-2024-0815"]


def test_what_an_e_invoice_says_is_explained_and_its_text_is_not(world):
    world.environ["IMPORTER_DOCUMENTS__TEXT_MUST_CONTAIN_REFERENCE"] = "hold"
    path = world.drop("Rechnung_RE-2024-0815.pdf", invoice("RE-2024-0815"))

    (told,) = world.json("explain", path, exits=0)

    (einvoice,) = told["facts"]["pdf"]["einvoices"]
    assert (einvoice["number"], einvoice["type_code"]) == ("RE-2024-0815", "380")
    assert "text" not in told["facts"]["pdf"]


@pytest.mark.parametrize(
    ("content", "code"),
    [(invoice("RE-2024-0815", text="Rechnung RE-2024-0816"), "reference_not_in_text"), (pdf(), "no_text_layer")],
)
def test_the_text_of_a_pdf_must_contain_the_reference_where_the_operator_wants_it(world, content, code):
    world.environ["IMPORTER_DOCUMENTS__TEXT_MUST_CONTAIN_REFERENCE"] = "hold"
    world.drop("Rechnung_RE-2024-0815.pdf", content)
    world.drop("Rechnung_RE-2024-0817.pdf", invoice("RE-2024-0817"))

    told = {document["path"]: document for document in world.json("backfill", exits=3)}

    held = told["Rechnung_RE-2024-0815.pdf"]
    assert (held["state"], held["reason"]["code"]) == ("held", code)
    assert told["Rechnung_RE-2024-0817.pdf"]["state"] == "imported"

    world.importer("resolve", held["id"], "--accept", exits=0)
    world.importer("backfill", exits=0)

    assert world.document("Rechnung_RE-2024-0815.pdf")["state"] == "imported"
