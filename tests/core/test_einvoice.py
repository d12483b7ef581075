"""What a PDF says of itself, by its e-invoice and by its text, beside what its name says."""

import json

import pytest
from hypothesis import given, strategies as st

from importer.core import person
from importer.core.admission import Treatment
from importer.core.einvoice import Named
from importer.core.facts import EinvoiceFacts, Encryption, Facts, Format, PdfFacts
from importer.core.model import Kind, Reason, State
from importer.core.reference import contains_reference, same_reference
from importer.core.verdict import Accepted, DocumentPolicy, Held, Refused, judge
from importer.core.wording import reason_text
from tests.making import START, document

INVOICE = Named("RE-2024-0815", Kind.INVOICE)


def einvoice(**changes):
    values = {"name": "factur-x.xml", "number": "RE-2024-0815", "type_code": "380", "seller": "Nordlicht GmbH"}
    return EinvoiceFacts(**values | changes)


def pdf_with(*einvoices, **facts):
    return Facts(
        format=Format.PDF, size=100, extension="pdf", pdf=PdfFacts(**{"pages": 1, "einvoices": einvoices} | facts)
    )


def judged(*einvoices, named=INVOICE, **policy):
    return judge(pdf_with(*einvoices), DocumentPolicy(**policy), named)


def judged_text(text, treatment=Treatment.HOLD, **facts):
    return judge(pdf_with(text=text, **facts), DocumentPolicy(text_must_contain_reference=treatment), INVOICE)


def codes(verdict):
    return [] if isinstance(verdict, Accepted) else [reason.code for reason in verdict.reasons]


# ------------------------------------------------------------ the same number


@pytest.mark.parametrize(
    "other",
    ["RE-2024-0815", "re-2024-0815", "RE 2024/0815", "RE20240815", "RE_2024_0815", "RE‑2024–0815", " RE2024-0815"],
)
def test_a_reference_is_the_same_whatever_its_separators(other):
    assert same_reference("RE-2024-0815", other)
    assert same_reference(other, "RE-2024-0815")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RE-2024-0815", "RE-2024-0816"),
        ("RE-2024-0815", "2024-0815"),
        ("RE-2024-0815", "RE-2024-0815-1"),
        ("RE-2024-0815", "RE-2024-815"),
        ("RE-1234", "GS-1234"),
        ("RE-2024-1-11", "RE-2024-11-1"),
        ("RE-2024-1-11", "RE-2024-111"),
        ("RE-2024-0815", ""),
        ("RE-2024-0815", "--"),
    ],
)
def test_another_number_is_another_reference(one, other):
    assert not same_reference(one, other)
    assert not same_reference(other, one)


# ------------------------------------------------------------ the e-invoice


@pytest.mark.parametrize("code", ["380", "384", "326", "386", "389", "875", "876", "877", "751", "575"])
def test_an_e_invoice_of_the_same_number_and_of_an_invoice_s_type_is_accepted(code):
    assert judged(einvoice(type_code=code)) == Accepted()


@pytest.mark.parametrize("code", ["381", "396", "261", "220", "231", "999"])
def test_a_credit_note_or_an_order_under_an_invoice_s_name_is_held(code):
    assert codes(judged(einvoice(type_code=code))) == ["einvoice_mismatch"]


@pytest.mark.parametrize(
    ("code", "expected"), [("381", []), ("396", []), ("261", []), ("384", []), ("380", ["einvoice_mismatch"])]
)
def test_a_credit_note_must_be_one(code, expected):
    assert codes(judged(einvoice(type_code=code), named=Named("RE-2024-0815", Kind.CREDITNOTE))) == expected


def test_a_credit_note_may_go_by_the_number_of_the_invoice_that_it_is_for():
    credit_note = einvoice(number="GS-7", type_code="381", preceding=("RE-2024-0814", "RE 2024 0815"))

    assert judged(credit_note, named=Named("RE-2024-0815", Kind.CREDITNOTE)) == Accepted()
    assert judged(credit_note, named=Named("GS7", Kind.CREDITNOTE)) == Accepted()
    assert codes(judged(credit_note, named=Named("RE-1", Kind.CREDITNOTE))) == ["einvoice_mismatch"]


def test_an_invoice_does_not_go_by_the_number_of_the_one_before_it():
    correction = einvoice(number="RE-2024-0900", type_code="384", preceding=("RE-2024-0815",))

    assert codes(judged(correction)) == ["einvoice_mismatch"]


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.INVOICE, Kind.CREDITNOTE}))
def test_no_other_kind_of_document_carries_an_e_invoice(kind):
    assert codes(judged(einvoice(), named=Named("RE-2024-0815", kind))) == ["einvoice_mismatch"]


def test_a_contradiction_is_told_with_both_sides():
    verdict = judged(einvoice(number="RE-2024-0816", type_code="381"))

    assert isinstance(verdict, Held)
    (reason,) = verdict.reasons
    assert reason.details == {
        "name": "factur-x.xml",
        "number": "RE-2024-0816",
        "type_code": "381",
        "type": "credit note",
        "seller": "Nordlicht GmbH",
        "reference": "RE-2024-0815",
        "kind": "invoice",
    }
    assert "RE-2024-0816, type 381 (credit note)" in reason.message
    assert "RE-2024-0815, invoice" in reason.message


def test_the_clerk_reads_both_sides_in_german():
    (reason,) = judged(einvoice(number="RE-2024-0816", type_code="381")).reasons

    text = reason_text(reason, document(state=State.HELD, reason=reason))

    assert "E-Rechnung: Nummer RE-2024-0816, Typ 381. Dateiname: RE-2024-0815, Rechnung." in text
    assert "--accept" in text


def test_each_of_several_e_invoices_must_agree():
    assert judged(einvoice(), einvoice(name="xrechnung.xml")) == Accepted()
    assert codes(judged(einvoice(), einvoice(name="xrechnung.xml", number="RE-1"))) == ["einvoice_mismatch"]


def test_an_e_invoice_that_cannot_be_read_is_a_doubt_of_its_own():
    verdict = judged(einvoice(number="", unreadable="it has no number (BT-1)"))

    assert codes(verdict) == ["einvoice_unreadable"]
    assert "it has no number (BT-1)" in verdict.reasons[0].message


@pytest.mark.parametrize("fault", [einvoice(number="RE-1"), einvoice(unreadable="no XML")])
def test_the_operator_decides_about_contradictions(fault):
    assert isinstance(judged(fault, einvoice_mismatch=Treatment.HOLD), Held)
    assert isinstance(judged(fault, einvoice_mismatch=Treatment.REJECT), Refused)
    assert judged(fault, einvoice_mismatch=Treatment.ALLOW) == Accepted()


def test_where_the_name_says_nothing_nothing_contradicts_it():
    assert judge(pdf_with(einvoice(number="RE-1")), DocumentPolicy()) == Accepted()


@pytest.mark.parametrize("code", ["einvoice_mismatch", "einvoice_unreadable", "reference_not_in_text", "no_text_layer"])
def test_a_person_can_let_it_go_on(code):
    accepted = person.accept(document(state=State.HELD, reason=Reason(code, "Held.")), START)

    assert accepted.accepted == {code}
    assert accepted.state is State.PENDING


def test_facts_of_e_invoices_survive_a_trip_through_json():
    facts = pdf_with(einvoice(preceding=("RE-1",)), einvoice(unreadable="no XML"))

    assert Facts.from_json(json.loads(json.dumps(facts.as_json()))) == facts


def test_the_text_is_not_kept_with_the_facts():
    facts = pdf_with(text="Rechnung RE-2024-0815")

    assert "text" not in facts.as_json()["pdf"]
    assert Facts.from_json(json.loads(json.dumps(facts.as_json(with_text=True)))) == facts


# ------------------------------------------------------------ the text layer


@pytest.mark.parametrize(
    "text",
    [
        "Rechnung RE-2024-0815 vom 15.04.2024",
        "Rechnung Nr.RE-2024-0815",
        "RE-2024-\n0815",
        "RE-2024-0\n815",
        "RE-20-\n24-0815",
        "RE-20\u00ad24-0815",
        "R E - 2 0 2 4 - 0 8 1 5",
        "RE\u20112024\u20130815",
        "RE - 2024 / 0815",
        "ＲＥ－２０２４－０８１５",
        "re 2024 0815",
        "RE: 2024.0815",
        "Rechnungsnummer:RE-2024-0815Datum:15.04.2024",
        "RE-2024-0815.\nVielen Dank",
        "RE-2024-0815 15.04.2024",
    ],
)
def test_a_reference_is_found_as_pdfs_write_it(text):
    assert contains_reference(text, "RE-2024-0815")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RE-2024-0816",
        "RE-2024-08151",
        "RE-2024-0815-1",
        "RE-2024-0815/A",
        "RE-2024-08.15",
        "RE-2024-08-15",
        "ARE-2024-0815",
        "2024-0815",
        "RE-2024, Seite 0815",
    ],
)
def test_a_piece_of_another_number_is_not_the_reference(text):
    assert not contains_reference(text, "RE-2024-0815")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rechnung 12345", True),
        ("Rechnung Nr.12345", True),
        ("12-345", True),
        ("Summe 12345,00 EUR", False),
        ("Summe 12.345,00 EUR", False),
        ("912345", False),
        ("9-12345", False),
        ("123456", False),
        ("12345.6", False),
    ],
)
def test_a_number_alone_is_no_piece_of_a_longer_one(text, expected):
    assert contains_reference(text, "12345") is expected


def test_a_reference_of_separators_alone_is_nowhere():
    assert not contains_reference("a - b", "-")


@given(
    st.from_regex(r"(RE|INV|Größe)[-/ ]?[0-9]{1,4}([-/][0-9]{1,5}){0,2}", fullmatch=True),
    st.text(),
    st.text(),
    st.sampled_from(["", " ", "\n", "\u00ad"]),
)
def test_every_reference_is_found_wherever_it_stands_alone(reference, before, after, between):
    assert contains_reference(f"{before}: {between.join(reference)} :{after}", reference)
    assert same_reference(reference, reference.lower().replace("/", " "))


def test_a_text_without_the_reference_is_held():
    verdict = judged_text("Rechnung RE-2024-0816")

    assert codes(verdict) == ["reference_not_in_text"]
    assert "RE-2024-0815" in verdict.reasons[0].message


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_a_scan_is_held_with_a_reason_of_its_own(text):
    assert codes(judged_text(text)) == ["no_text_layer"]


def test_a_pdf_that_nobody_can_read_has_no_text_either():
    verdict = judge(
        pdf_with(encryption=Encryption.PASSWORD, pages=None),
        DocumentPolicy(encrypted=Treatment.ALLOW, text_must_contain_reference=Treatment.HOLD),
        INVOICE,
    )

    assert codes(verdict) == ["no_text_layer"]


def test_the_text_of_a_pdf_that_is_refused_anyway_is_not_spoken_of():
    assert codes(judged_text("", truncated=True, pages=None)) == ["truncated"]


def test_the_operator_decides_about_the_text():
    assert judged_text("Rechnung RE-2024-0815") == Accepted()
    assert judged_text("", Treatment.ALLOW) == Accepted()
    assert isinstance(judged_text("", Treatment.REJECT), Refused)
