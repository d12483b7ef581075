"""The XML of e-invoices inside PDFs, and the text layer of ordinary ones."""

import io
import zlib

import pytest
from fpdf import FPDF
from pypdf import PdfWriter

from importer.adapters.probe import Limits, Probe, einvoice, textlayer
from importer.adapters.probe.inspect import inspect
from importer.core.facts import EinvoiceFacts
from tests.adapters.probe_documents import CATALOG, one_page, pdf, stream

UBL = "urn:oasis:names:specification:ubl:schema:xsd:"


def cii(number="RE-2024-0815", code="380", head="<?xml version='1.0' encoding='UTF-8'?>", more=""):
    """Factur-X and ZUGFeRD 2; written down from UN/CEFACT's schema D16B."""
    return f"""{head}
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
    xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100">
  <rsm:ExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter>
    <ram:ID>urn:cen.eu:en16931:2017</ram:ID>
  </ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext>
  <rsm:ExchangedDocument><ram:ID>{number}</ram:ID><ram:TypeCode>{code}</ram:TypeCode></rsm:ExchangedDocument>
  <rsm:SupplyChainTradeTransaction>
    <ram:ApplicableHeaderTradeAgreement>
      <ram:SellerTradeParty><ram:ID>99</ram:ID><ram:Name>Büro Nordlicht GmbH</ram:Name></ram:SellerTradeParty>
      <ram:BuyerTradeParty><ram:Name>Kunde AG</ram:Name></ram:BuyerTradeParty>
    </ram:ApplicableHeaderTradeAgreement>
    <ram:ApplicableHeaderTradeSettlement>{more}</ram:ApplicableHeaderTradeSettlement>
  </rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>"""


PRECEDING = "".join(
    f"<ram:InvoiceReferencedDocument><ram:IssuerAssignedID>{number}</ram:IssuerAssignedID></ram:InvoiceReferencedDocument>"
    for number in ("RE-1", "RE-2")
)

ZUGFERD_1 = """<rsm:CrossIndustryDocument xmlns:rsm="urn:ferd:CrossIndustryDocument:invoice:1p0" xmlns:ram="urn:x:12">
  <rsm:SpecifiedExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter>
    <ram:ID>urn:ferd:CrossIndustryDocument:invoice:1p0:comfort</ram:ID>
  </ram:GuidelineSpecifiedDocumentContextParameter></rsm:SpecifiedExchangedDocumentContext>
  <rsm:HeaderExchangedDocument><ram:ID>RE-2024-0815</ram:ID><ram:TypeCode>380</ram:TypeCode></rsm:HeaderExchangedDocument>
  <rsm:SpecifiedSupplyChainTradeTransaction><ram:ApplicableSupplyChainTradeAgreement>
    <ram:SellerTradeParty><ram:Name>Büro Nordlicht GmbH</ram:Name></ram:SellerTradeParty>
  </ram:ApplicableSupplyChainTradeAgreement></rsm:SpecifiedSupplyChainTradeTransaction>
</rsm:CrossIndustryDocument>"""

ORDER_X = """<rsm:SCRDMCCBDACIOMessageStructure xmlns:rsm="urn:un:unece:uncefact:data:SCRDMCCBDACIOMessageStructure:100"
    xmlns:ram="urn:x:128">
  <rsm:ExchangedDocument><ram:ID>PO-7</ram:ID><ram:TypeCode>220</ram:TypeCode></rsm:ExchangedDocument>
  <rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeAgreement>
    <ram:SellerTradeParty><ram:Name>Büro Nordlicht GmbH</ram:Name></ram:SellerTradeParty>
  </ram:ApplicableHeaderTradeAgreement></rsm:SupplyChainTradeTransaction>
</rsm:SCRDMCCBDACIOMessageStructure>"""


def ubl(root="Invoice", code="<b:InvoiceTypeCode>380</b:InvoiceTypeCode>", party="AccountingSupplierParty"):
    return f"""<{root} xmlns="{UBL}{root}-2"
    xmlns:a="{UBL}CommonAggregateComponents-2" xmlns:b="{UBL}CommonBasicComponents-2">
  <b:CustomizationID>urn:cen.eu:en16931:2017</b:CustomizationID><b:ID>RE-2024-0815</b:ID>{code}
  <a:BillingReference><a:InvoiceDocumentReference><b:ID>RE-1</b:ID></a:InvoiceDocumentReference></a:BillingReference>
  <a:{party}><a:Party><a:PartyName><b:Name>Nordlicht</b:Name></a:PartyName>
    <a:PartyLegalEntity><b:RegistrationName>Büro Nordlicht GmbH</b:RegistrationName></a:PartyLegalEntity>
  </a:Party></a:{party}>
  <a:InvoiceLine><b:ID>1</b:ID></a:InvoiceLine>
</{root}>"""


def carrying(*files):
    """A PDF by another writer, with these files: (name, content)."""
    writer = PdfWriter(clone_from=io.BytesIO(one_page()))
    for name, content in files:
        writer.add_attachment(name, content.encode() if isinstance(content, str) else content)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def associated(content, specification=b"/UF(factur-x.xml)", subtype=b"/text#2Fxml"):
    """A PDF that carries a file by the catalog's /AF alone."""
    return one_page(
        b"/AF[5 0 R]",
        b"<</Type/Filespec%s/EF<</F 6 0 R/UF 6 0 R>>>>" % specification,
        stream(zlib.compress(content.encode()), b"/Type/EmbeddedFile/Filter/FlateDecode/Subtype%s" % subtype),
        b"(factur-x.xml)",
    )


def read(content):
    return inspect(content).pdf.einvoices


def read_one(xml, name="factur-x.xml"):
    (found,) = read(carrying((name, xml)))
    return found


def test_factur_x_is_read_with_everything_that_it_says_of_itself():
    assert read_one(cii(more=PRECEDING)) == EinvoiceFacts(
        name="factur-x.xml",
        standard="CII (Factur-X, ZUGFeRD 2, XRechnung)",
        profile="urn:cen.eu:en16931:2017",
        number="RE-2024-0815",
        type_code="380",
        preceding=("RE-1", "RE-2"),
        seller="Büro Nordlicht GmbH",
    )


@pytest.mark.parametrize(
    ("xml", "standard", "number", "code"),
    [
        (ZUGFERD_1, "ZUGFeRD 1", "RE-2024-0815", "380"),
        (ORDER_X, "Order-X", "PO-7", "220"),
        (ubl(), "UBL invoice", "RE-2024-0815", "380"),
        (
            ubl("CreditNote", "<b:CreditNoteTypeCode>396</b:CreditNoteTypeCode>"),
            "UBL credit note",
            "RE-2024-0815",
            "396",
        ),
        (ubl("CreditNote", ""), "UBL credit note", "RE-2024-0815", "381"),
        (ubl("Order", "", "SellerSupplierParty"), "UBL order", "RE-2024-0815", "220"),
    ],
)
def test_every_standard_is_read(xml, standard, number, code):
    found = read_one(xml)

    assert (found.standard, found.number, found.type_code, found.unreadable) == (standard, number, code, "")
    assert found.seller == "Büro Nordlicht GmbH"


def test_ubl_names_the_invoices_before_it_too():
    assert read_one(ubl()).preceding == ("RE-1",)


@pytest.mark.parametrize("name", ["factur-x.xml", "ZUGFeRD-invoice.xml", "XRECHNUNG.XML", "Rechnung 0815.Xml"])
def test_the_name_may_be_any_in_any_case(name):
    found = read_one(cii(), name)

    assert (found.name, found.number) == (name, "RE-2024-0815")


@pytest.mark.parametrize(
    ("specification", "subtype"),
    [
        (b"/UF(factur-x.xml)", b"/application#2Foctet-stream"),
        (b"/UF 7 0 R", b"/x"),
        (b"/F(invoice)", b"/text#2Fxml"),
        (b"", b"/application#2Fxml"),
    ],
)
def test_an_associated_file_counts_like_an_attached_one(specification, subtype):
    (found,) = read(associated(cii(), specification, subtype))

    assert found.number == "RE-2024-0815"


def test_a_file_that_hangs_in_both_places_is_one_e_invoice():
    both = b"/AF[5 0 R]/Names<</EmbeddedFiles<</Names[(x) 7 0 R]>>>>"
    specification = b"<</Type/Filespec/F(factur-x.xml)/EF<</F 6 0 R>>>>"

    assert len(read(one_page(both, specification, stream(cii().encode()), specification))) == 1


def test_each_of_several_e_invoices_is_read():
    found = read(carrying(("factur-x.xml", cii()), ("xrechnung.xml", cii("RE-2")), ("more.xml", "<more/>")))

    assert {(one.name, one.number) for one in found} == {("factur-x.xml", "RE-2024-0815"), ("xrechnung.xml", "RE-2")}


def test_two_files_of_the_same_name_are_both_read():
    specification = b"<</Type/Filespec/F(factur-x.xml)/EF<</F %d 0 R>>>>"
    documents = (stream(cii().encode()), stream(cii("RE-2").encode()))
    content = one_page(b"/AF[5 0 R 6 0 R]", specification % 7, specification % 8, *documents)

    assert sorted(one.number for one in read(content)) == ["RE-2", "RE-2024-0815"]


@pytest.mark.parametrize(
    "content",
    [
        cii().encode("utf-8-sig"),
        b"\r\n" + cii().encode(),
        cii(head="").encode(),
        cii(head="<?xml version='1.0' encoding='UTF-16'?>").encode("utf-16"),
        cii(head="<?xml version='1.0' encoding='ISO-8859-1'?>").encode("latin-1"),
        cii(head="<?xml version='1.0' encoding='windows-1252'?>").encode("cp1252"),
    ],
)
def test_every_encoding_is_read(content):
    assert (read_one(content).number, read_one(content).seller) == ("RE-2024-0815", "Büro Nordlicht GmbH")


@pytest.mark.parametrize("number", [" RE-2024-0815\n", "RE-<!-- x -->2024-<?x y?>0815", "<![CDATA[RE-2024]]>-0815"])
def test_the_whole_number_is_read_and_nothing_around_it(number):
    assert read_one(cii(number)).number == "RE-2024-0815"


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("", "not well-formed"),
        ("not at all", "not well-formed"),
        (cii()[:-40], "not well-formed"),
        ("<Invoice/>", "no known kind"),
        (cii(""), "no number (BT-1)"),
        (cii(" \n"), "no number (BT-1)"),
        (cii(code=""), "no type (BT-3)"),
        (cii("RE-1</ram:ID><ram:ID>RE-2"), "more than one number (BT-1)"),
        (cii(code="380</ram:TypeCode><ram:TypeCode>381"), "more than one type (BT-3)"),
    ],
)
def test_an_e_invoice_that_does_not_say_which_it_is_tells_why(xml, expected):
    found = read_one(xml)

    assert expected in found.unreadable
    assert (found.number, found.type_code) == ("", "")


def test_a_broken_file_under_the_name_of_an_e_invoice_is_one_in_any_case():
    assert read_one("broken", "Factur-X.XML").unreadable


def test_an_e_invoice_without_its_file_is_unreadable():
    (found,) = read(one_page(b"/AF[5 0 R]", b"<</Type/Filespec/F(factur-x.xml)/EF<</F 6 0 R>>>>"))

    assert found.unreadable == "the embedded file is missing"


def test_an_e_invoice_that_cannot_be_unpacked_is_unreadable():
    content = stream(b"x" * 40, b"/Filter/NoSuchFilter")
    found = inspect(one_page(b"/AF[5 0 R]", b"<</Type/Filespec/F(factur-x.xml)/EF<</F 6 0 R>>>>", content))

    assert [one.unreadable != "" for one in found.pdf.einvoices] == [True]
    assert found.pdf.unreadable == ""


@pytest.mark.parametrize("xml", ["<more/>", "<Invoice><ID>7</ID></Invoice>", "broken", "<!DOCTYPE x><x/>"])
def test_other_xml_is_passed_over(xml):
    assert read(carrying(("additional data.xml", xml))) == ()


def test_other_xml_is_the_e_invoice_where_the_pdf_says_so():
    (found,) = read(associated("broken", b"/UF(data.xml)/AFRelationship/Alternative"))

    assert "not well-formed" in found.unreadable


def test_other_files_are_not_even_unpacked():
    assert read(carrying(("terms.pdf", cii()), ("letter.docx", cii()))) == ()


# ------------------------------------------------------------ hostile XML

BOMB = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))


def doctype(inner, number):
    return cii(number, head=f"<?xml version='1.0'?><!DOCTYPE x {inner}>")


def test_no_document_type_declaration_is_accepted(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("RE-2024-0815")
    hostile = [
        doctype("", "RE-1"),
        doctype('[<!ENTITY e "RE-1">]', "&e;"),
        doctype(f'[<!ENTITY e SYSTEM "{secret.as_uri()}">]', "&e;"),
        doctype(f'[<!ENTITY % e SYSTEM "{secret.as_uri()}"> %e;]', "RE-1"),
        doctype(f'SYSTEM "{secret.as_uri()}"', "RE-1"),
    ]

    found = [read_one(xml) for xml in hostile]

    assert [(one.number, "document type declaration" in one.unreadable) for one in found] == [("", True)] * len(hostile)


def test_entities_do_not_multiply():
    found = read_one(doctype('[<!ENTITY e0 "x">' + BOMB + "]", "&e9;"))

    assert (found.number, found.unreadable != "") == ("", True)


def test_nothing_outside_is_included(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret.as_uri()}" parse="text"/>'

    assert "SECRET" not in repr(read_one(cii(f"RE-1{include}")))


def test_a_large_e_invoice_is_read():
    lines = "<ram:Note>%s</ram:Note>\n" % ("x" * 1000) * 10_000

    assert read_one(cii(more=lines)).number == "RE-2024-0815"


def test_an_e_invoice_beyond_all_measure_is_not_parsed():
    xml = cii().encode() + b" " * einvoice.MAX_XML

    assert "bytes" in read_one(xml).unreadable


def test_deep_nesting_comes_to_an_end():
    assert "not well-formed" in read_one("<a>" * 100_000).unreadable


def test_the_facts_come_back_from_the_guarded_child():
    with Probe(workers=1) as probe:
        (found,) = probe.probe(carrying(("factur-x.xml", cii())), "pdf").pdf.einvoices

    assert (found.number, found.seller) == ("RE-2024-0815", "Büro Nordlicht GmbH")


# ------------------------------------------------------------ the text layer


def printed(*pages):
    """A PDF of these texts, by another writer."""
    paper = FPDF()
    paper.set_font("helvetica")
    for text in pages:
        paper.add_page()
        if text:
            paper.multi_cell(0, text=text)
    return bytes(paper.output())


def test_the_text_is_read_only_when_it_is_asked_for():
    content = printed("Rechnung RE-2024-0815")

    assert inspect(content).pdf.text == ""
    assert "RE-2024-0815" in inspect(content, text=1000).pdf.text


def test_the_text_comes_back_from_the_guarded_child():
    with Probe(workers=1, limits=Limits(text=1000)) as probe:
        assert "Größe RE-2024-0815" in probe.probe(printed("Größe RE-2024-0815"), "pdf").pdf.text


def test_the_text_has_the_pages_in_their_order_and_no_more_than_was_asked_for():
    content = printed("eins", "zwei", "", "drei")

    assert inspect(content, text=1000).pdf.text.split() == ["eins", "zwei", "drei"]
    assert inspect(content, text=6).pdf.text == "eins\nz"


def test_only_the_first_pages_are_read():
    content = printed(*["leer"] * textlayer.MAX_PAGES, "RE-2024-0815")

    assert inspect(content, text=10_000).pdf.text.split() == ["leer"] * textlayer.MAX_PAGES


def test_a_scan_has_no_text():
    assert inspect(one_page(), text=1000).pdf.text.strip() == ""


def drawn(*contents):
    """A PDF with a page for each of these streams of drawing instructions."""
    pages = [
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R/Resources<</Font<</F 3 0 R>>>>>>" % number
        for number in range(4, 4 + len(contents))
    ]
    kids = b" ".join(b"%d 0 R" % (4 + len(contents) + index) for index in range(len(contents)))
    tree = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(contents))
    return pdf(CATALOG % b"", tree, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", *contents, *pages)


def words(text):
    return b"BT /F 9 Tf (%s) Tj ET\n" % text


def test_a_page_that_cannot_be_read_spoils_no_other():
    content = drawn(stream(words(b"eins")), stream(b"x", b"/Filter/NoSuchFilter"), stream(words(b"drei")))

    assert inspect(content, text=1000).pdf.text.split() == ["eins", "drei"]


def test_a_page_with_too_many_instructions_is_left_out():
    padded = words(b"zwei") + b" " * textlayer.MAX_PAGE_CONTENT
    content = drawn(stream(words(b"eins")), stream(zlib.compress(padded), b"/Filter/FlateDecode"))

    assert inspect(content, text=1000).pdf.text.split() == ["eins"]


def test_no_page_is_begun_when_the_time_is_over(monkeypatch):
    monkeypatch.setattr(textlayer, "MAX_SECONDS", 0.0)

    assert inspect(drawn(stream(words(b"eins"))), text=1000).pdf.text == ""
