"""What a PDF's bytes say."""

import io
from dataclasses import replace

import pytest
from pypdf import PdfWriter

from importer.adapters.probe.inspect import inspect
from importer.core.facts import Encryption, Format
from tests.adapters.probe_documents import CATALOG, CONTENT, PAGE, PAGES, embedding, one_page, packed_pdf, pdf, stream

JAVASCRIPT = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"


def facts_of(content):
    facts = inspect(content)
    assert facts.format is Format.PDF
    return facts.pdf


def written(prepare, source=None):
    """A PDF by another writer, after it was prepared."""
    writer = PdfWriter(clone_from=io.BytesIO(source or one_page()))
    prepare(writer)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_a_sound_pdf_shows_nothing_but_its_page():
    facts = facts_of(one_page())

    assert (facts.version, facts.pages, facts.encryption) == ("1.7", 1, Encryption.NONE)
    assert facts == replace(facts, truncated=False, unreadable="", damage="", active=(), embedded=(), title="")


def test_the_catalog_overrules_the_version_of_the_header():
    assert facts_of(one_page(b"/Version/2.0")).version == "2.0"


def test_pages_are_counted():
    kids = b"<</Type/Pages/Kids[3 0 R 3 0 R 3 0 R]/Count 3>>"

    assert facts_of(pdf(CATALOG % b"", kids, PAGE, CONTENT)).pages == 3


def test_a_pdf_without_pages_has_none():
    assert facts_of(pdf(CATALOG % b"", b"<</Type/Pages/Kids[]/Count 0>>")).pages == 0


def test_the_title_is_read():
    assert facts_of(written(lambda writer: writer.add_metadata({"/Title": "Rechnung für März"}))).title == (
        "Rechnung für März"
    )


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_pdf_that_needs_a_password_says_so_and_no_more(algorithm):
    facts = facts_of(written(lambda writer: writer.encrypt("geheim", algorithm=algorithm)))

    assert facts.encryption is Encryption.PASSWORD
    assert (facts.pages, facts.unreadable, facts.damage) == (None, "", "")


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256-R5", "AES-256"])
def test_a_pdf_with_an_owner_password_only_is_looked_into(algorithm):
    source = one_page(b"/OpenAction 5 0 R", JAVASCRIPT)

    facts = facts_of(written(lambda writer: writer.encrypt("", "chef", algorithm=algorithm), source))

    assert facts.encryption is Encryption.OWNER_ONLY
    assert (facts.pages, facts.active, facts.damage) == (1, ("JavaScript",), "")


def test_a_pdf_for_the_owner_of_a_certificate_needs_a_password_too():
    content = one_page(b"", b"<</Filter/Adobe.PubSec/V 4>>").replace(b"/Root 1", b"/Encrypt 5 0 R/Root 1")

    assert facts_of(content).encryption is Encryption.PASSWORD


@pytest.mark.parametrize("missing", [6, 7, 60, 200, 350])
def test_a_pdf_whose_end_is_missing_is_truncated(missing):
    facts = facts_of(one_page()[:-missing])

    assert facts.truncated
    assert facts.pages is None


def test_a_file_whose_rest_was_never_written_is_truncated():
    content = one_page()

    assert facts_of(content[:200] + bytes(len(content) - 200)).truncated


def test_an_update_that_was_not_finished_is_truncated():
    update = b"4 0 obj\n<</Length 4>>stream\nQ  q\nendstream\nendobj\nxref\n0 1\n"

    assert facts_of(one_page() + update).truncated


def test_a_cut_after_an_embedded_pdf_is_truncated():
    inner = one_page()
    whole = one_page(b"", stream(inner))

    assert not facts_of(whole).truncated
    assert facts_of(whole[: whole.index(b"%%EOF") + 30]).truncated


@pytest.mark.parametrize("tail", [b"", b"\r\n\r\n", bytes(2000), b"%%EOF\n", b"\n<!-- served by a web shop -->"])
def test_what_follows_the_end_does_no_harm(tail):
    facts = facts_of(one_page() + tail)

    assert (facts.truncated, facts.pages, facts.damage) == (False, 1, "")


def test_a_finished_update_is_sound():
    facts = facts_of(written(lambda writer: writer.add_metadata({"/Title": "new"})))
    content = one_page()
    writer = PdfWriter(io.BytesIO(content), incremental=True)
    writer.add_blank_page()
    buffer = io.BytesIO()
    writer.write(buffer)

    updated = facts_of(buffer.getvalue())

    assert facts.damage == ""
    assert (updated.pages, updated.damage, updated.truncated) == (2, "", False)


def test_a_cross_reference_in_the_wrong_place_is_damage_that_a_reader_repairs():
    facts = facts_of(one_page().replace(b"startxref\n", b"startxref\n9"))

    assert facts.pages == 1
    assert "cross-reference" in facts.damage


def test_objects_in_the_wrong_place_are_damage():
    content = one_page()
    offset = b"%010d" % content.index(b"4 0 obj")

    facts = facts_of(content.replace(offset, b"%010d" % content.index(b"3 0 obj")))

    assert facts.pages == 1
    assert facts.damage.startswith("1 of 4 objects are not where")


def test_line_ends_that_a_transfer_has_changed_are_damage():
    assert facts_of(one_page().replace(b"\n", b"\r\n")).damage


def test_a_page_that_has_lost_its_content_is_damage():
    facts = facts_of(pdf(CATALOG % b"", PAGES, PAGE))

    assert facts.pages == 1
    assert facts.damage == "the content of page 1 is missing"


def test_a_page_whose_content_cannot_be_read_is_damage():
    facts = facts_of(one_page().replace(b"endstream", b"endstrxxx"))

    assert facts.pages == 1
    assert facts.damage.endswith("the content of page 1 is missing")


@pytest.mark.parametrize("lost", [b"startxref\n", b"xref\n0 6\n"])
def test_a_cross_reference_that_cannot_be_used_is_damage_that_a_reader_repairs(lost):
    content = one_page(b"/OpenAction 5 0 R", JAVASCRIPT)
    assert lost in content

    facts = facts_of(content.replace(lost, b"lost\n"))

    assert (facts.pages, facts.unreadable, facts.active) == (1, "", ("JavaScript",))
    assert "cross-reference" in facts.damage


@pytest.mark.parametrize("junk", [b"\n\n", b"\xef\xbb\xbf", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_what_stands_before_the_header_does_no_harm(junk):
    facts = facts_of(junk + one_page())

    assert (facts.version, facts.pages, facts.damage) == ("1.7", 1, "")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (b"", Encryption.OWNER_ONLY),
        (b"/StmF/Identity/StrF/Identity", Encryption.OWNER_ONLY),
        (b"/StmF/StdCF/StrF/StdCF", Encryption.PASSWORD),
        (b"/StmF/StdCF", Encryption.PASSWORD),
    ],
)
def test_a_pdf_whose_attachments_alone_are_encrypted_opens_without_a_password(filters, expected):
    handler = b"<</Filter/Standard/V 5/R 6/Length 256/P -4/EFF/StdCF/O(%s)/U(%s)/OE(%s)/UE(%s)/Perms(%s)%s%s>>" % (
        *(b"x" * size for size in (48, 48, 32, 32, 16)),
        b"/CF<</StdCF<</CFM/AESV3/AuthEvent/EFOpen/Length 32>>>>",
        filters,
    )
    content = one_page(b"", handler).replace(b"/Root 1 0 R", b"/ID[(a)(a)]/Encrypt 5 0 R/Root 1 0 R")

    facts = facts_of(content)

    assert (facts.encryption, facts.unreadable) == (expected, "")
    assert facts.pages == (1 if expected is Encryption.OWNER_ONLY else None)


def test_a_number_of_pages_that_is_not_true_is_damage():
    facts = facts_of(pdf(CATALOG % b"", b"<</Type/Pages/Kids[3 0 R]/Count 7>>", PAGE, CONTENT))

    assert facts.damage == "the file says 7 pages and has 1"


@pytest.mark.parametrize("content", [b"%PDF-1.7\n%%EOF", b"%PDF-1.7\nno more than words\nstartxref\n0\n%%EOF\n"])
def test_a_pdf_that_no_reader_opens_says_why(content):
    facts = facts_of(content)

    assert facts.unreadable
    assert facts.unreadable.isprintable()
    assert facts.pages is None


@pytest.mark.parametrize(
    ("catalog", "more", "expected"),
    [
        (b"/OpenAction 5 0 R", [JAVASCRIPT], "JavaScript"),
        (b"/OpenAction 5 0 R", [b"<</S/GoTo/D[3 0 R/Fit]/Next<</S/J#61vaScript>>>>"], "JavaScript"),
        (b"/Names<</JavaScript<</Names[(x) 5 0 R]>>>>", [JAVASCRIPT], "JavaScript"),
        (b"/AA<</WC 5 0 R>>", [JAVASCRIPT], "JavaScript"),
        (b"/AcroForm<</Fields[<</Kids[<</AA<</K 5 0 R>>>>]>>]>>", [JAVASCRIPT], "JavaScript"),
        (b"/OpenAction 5 0 R", [b"<</S/Launch/F(cmd.exe)>>"], "an action that starts a program"),
    ],
)
def test_what_could_run_by_itself_is_told(catalog, more, expected):
    assert facts_of(one_page(catalog, *more)).active == (expected,)


def test_a_link_that_starts_a_program_is_told():
    page = PAGE.replace(b"/Contents", b"/Annots[<</Subtype/Link/A<</S/Launch/F(x)>>>>]/Contents")

    assert facts_of(pdf(CATALOG % b"", PAGES, page, CONTENT)).active == ("an action that starts a program",)


@pytest.mark.parametrize(
    "catalog", [b"/OpenAction[3 0 R/Fit]", b"/OpenAction<</S/GoTo/D[3 0 R/Fit]>>", b"/Lang(JavaScript)"]
)
def test_what_only_turns_to_a_page_is_not_active(catalog):
    assert facts_of(one_page(catalog)).active == ()


def test_active_content_is_found_in_packed_objects_too():
    facts = facts_of(packed_pdf(b"/OpenAction 10 0 R", JAVASCRIPT))

    assert (facts.active, facts.damage) == (("JavaScript",), "")


def test_an_e_invoice_is_an_embedded_file_and_nothing_active():
    facts = facts_of(embedding(b"factur-x.xml"))

    assert (facts.embedded, facts.active) == (("factur-x.xml",), ())


def test_an_embedded_program_is_active():
    assert facts_of(embedding(b"setup.exe")).active == ("the embedded program setup.exe",)


def test_objects_that_refer_to_themselves_come_to_an_end():
    facts = facts_of(one_page(b"/Self 1 0 R/Other 5 0 R", b"[5 0 R 6 0 R]", b"<</Back 5 0 R>>"))

    assert (facts.pages, facts.damage) == (1, "")


def test_a_page_tree_that_bites_its_tail_is_no_page_tree():
    facts = facts_of(pdf(CATALOG % b"", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"))

    assert facts.unreadable or facts.pages == 0
