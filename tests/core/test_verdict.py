"""Which files may go to a debtor, by their names and by what their bytes say."""

import json
import string

import pytest
from hypothesis import given, strategies as st

from importer.core.admission import Treatment
from importer.core.facts import EmlFacts, Encryption, Facts, Failure, Format, PdfFacts, extension_of, is_program
from importer.core.verdict import REASONS, Accepted, DocumentPolicy, Held, Refused, judge, judge_name

POLICY = DocumentPolicy(max_size=1000)


def pdf_file(extension="pdf", size=100, **changes):
    facts = {"version": "1.7", "pages": 1} | changes
    return Facts(format=Format.PDF, size=size, extension=extension, pdf=PdfFacts(**facts))


def eml_file(extension="eml", **changes):
    facts = {"sender": "a@example.org", "date": "2024-04-15T09:00:00+02:00", "has_body": True} | changes
    return Facts(format=Format.EML, size=100, extension=extension, eml=EmlFacts(**facts))


def other_file(kind, extension, **changes):
    return Facts(format=kind, size=100, extension=extension, **changes)


def codes(verdict):
    return [reason.code for reason in verdict.reasons]


@pytest.mark.parametrize("facts", [pdf_file(), pdf_file(encryption=Encryption.OWNER_ONLY), eml_file()])
def test_a_sound_file_is_accepted(facts):
    assert judge(facts, POLICY) == Accepted()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (other_file(Format.EMPTY, "pdf"), ["empty_file"]),
        (pdf_file(size=1001), ["too_large"]),
        (other_file(Format.HTML, "pdf"), ["not_a_pdf"]),
        (other_file(Format.ZIP, "pdf"), ["not_a_pdf"]),
        (other_file(Format.UNKNOWN, "pdf"), ["not_a_pdf"]),
        (eml_file(extension="pdf"), ["not_a_pdf"]),
        (pdf_file(extension="eml"), ["not_an_email"]),
        (other_file(Format.UNKNOWN, "eml"), ["not_an_email"]),
        (other_file(Format.MSG, "eml"), ["outlook_message"]),
        (other_file(Format.MSG, "msg"), ["outlook_message"]),
        (other_file(Format.MBOX, "eml"), ["mailbox"]),
        (other_file(Format.DOCX, "docx"), ["unsupported_type"]),
        (other_file(Format.UNKNOWN, ""), ["unsupported_type"]),
        (pdf_file(extension="docx"), ["extension_mismatch"]),
        (eml_file(extension=""), ["extension_mismatch"]),
        (other_file(Format.PDF, "pdf", failure=Failure.CRASHED), ["probe_crashed"]),
        (other_file(Format.UNKNOWN, "pdf", failure=Failure.TOO_COMPLEX), ["too_complex"]),
        (pdf_file(pages=None, truncated=True), ["truncated"]),
        (pdf_file(pages=None, unreadable="no catalog"), ["unreadable_pdf"]),
        (pdf_file(pages=0), ["no_pages"]),
        (pdf_file(pages=None), ["no_pages"]),
        (other_file(Format.PDF, "pdf"), ["probe_crashed"]),
        (other_file(Format.EML, "eml"), ["probe_crashed"]),
        (pdf_file(pages=None, encryption=Encryption.PASSWORD), ["encrypted"]),
        (eml_file(unreadable="nonsense", sender="", date=""), ["unreadable_email"]),
        (eml_file(sender="", date="", has_body=False), ["no_sender", "no_date", "no_content"]),
    ],
)
def test_what_cannot_be_sent_is_refused_with_every_reason(facts, expected):
    verdict = judge(facts, POLICY)

    assert isinstance(verdict, Refused)
    assert codes(verdict) == expected


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (pdf_file(damage="2 of 9 objects are lost"), "damaged"),
        (pdf_file(active=("JavaScript",)), "active_content"),
        (eml_file(damage="the end of a part is missing"), "damaged"),
        (eml_file(active=("the attached program a.exe",)), "active_content"),
    ],
)
def test_what_a_person_should_look_at_is_held(facts, code):
    verdict = judge(facts, POLICY)

    assert isinstance(verdict, Held)
    assert codes(verdict) == [code]


@pytest.mark.parametrize("setting", ["encrypted", "damaged", "active_content"])
@pytest.mark.parametrize(
    ("treatment", "expected"), [(Treatment.REJECT, Refused), (Treatment.HOLD, Held), (Treatment.ALLOW, Accepted)]
)
def test_each_setting_decides_over_its_own_fault_only(setting, treatment, expected):
    lenient = dict.fromkeys(("encrypted", "damaged", "active_content"), Treatment.ALLOW)
    policy = DocumentPolicy(**lenient | {setting: treatment})
    facts = pdf_file(encryption=Encryption.PASSWORD, damage="something", active=("JavaScript",))

    verdict = judge(facts, policy)

    assert isinstance(verdict, expected)
    assert isinstance(verdict, Accepted) or codes(verdict) == [setting]


def test_an_email_needs_text_or_an_attachment_not_both():
    assert judge(eml_file(has_body=False, attachments=("invoice.pdf",)), POLICY) == Accepted()
    assert judge(eml_file(has_body=True, attachments=()), POLICY) == Accepted()


def test_a_refusal_comes_before_a_doubt_and_names_both():
    verdict = judge(pdf_file(extension="eml", damage="something"), POLICY)

    assert isinstance(verdict, Refused)
    assert codes(verdict) == ["not_an_email", "damaged"]


def test_a_reason_says_what_was_found_and_what_to_do():
    (reason,) = judge(other_file(Format.HTML, "pdf"), POLICY).reasons

    assert reason.message.startswith("The name ends in .pdf, but the content is a web page (HTML)")
    assert reason.details["found"] == "a web page (HTML)"


def test_a_reason_can_be_printed_whatever_the_extension():
    (reason,) = judge(pdf_file(extension="p\udcff\n"), POLICY).reasons

    assert ".p??" in reason.message
    assert reason.message.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "Rechnung_RE-2024-00123.pdf",
        "RE-2024-00124_Kunde Müller.pdf",
        "1. Mahnung RE-1.PDF",
        "请求 счёт.eml",
        "a" * 251 + ".pdf",
    ],
)
def test_an_honest_name_may_be_seen_by_a_debtor(name):
    assert judge_name(name) == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Rechnung\n1.pdf", ["name_control_characters"]),
        ("Rechnung\x7f\x85.pdf", ["name_control_characters"]),
        ("Rechnung\u2028.pdf", ["name_control_characters"]),
        ("Rechnung\u202efdp.exe", ["name_direction_override"]),
        ("\u2066Rechnung.pdf", ["name_direction_override"]),
        ("Rechnung\udcfc.pdf", ["name_not_utf8"]),
        ("../Rechnung.pdf", ["name_path_separator"]),
        ("C:\\Rechnung.pdf", ["name_path_separator"]),
        ("a" * 252 + ".pdf", ["name_too_long"]),
        ("ü" * 126 + ".pdf", ["name_too_long"]),
        ("\udcff" * 252 + ".pdf", ["name_not_utf8", "name_too_long"]),
        ("", ["name_empty_stem"]),
        (".pdf", ["name_empty_stem"]),
        ("..", ["name_empty_stem"]),
        (" \u200b.pdf", ["name_empty_stem"]),
    ],
)
def test_a_name_that_must_not_reach_a_debtor_is_told_why(name, expected):
    assert [reason.code for reason in judge_name(name)] == expected


def test_a_byte_that_is_no_utf8_counts_as_one_byte():
    assert [reason.code for reason in judge_name("\udcff" * 251 + ".pdf")] == ["name_not_utf8"]


@given(st.text(st.characters()))
def test_every_name_is_judged_with_documented_codes_and_whole_sentences(name):
    for reason in judge_name(name):
        assert reason.code in REASONS
        assert reason.message.isprintable()
        assert "{" not in reason.message


def facts_of_any_kind():
    texts, many = st.text(max_size=5), st.lists(st.text(max_size=5), max_size=2).map(tuple)
    pdfs = st.builds(
        PdfFacts, pages=st.none() | st.integers(0, 2), encryption=st.sampled_from(Encryption), truncated=st.booleans(),
        unreadable=texts, damage=texts, active=many, embedded=many, title=texts, version=texts,
    )  # fmt: skip
    emls = st.builds(
        EmlFacts, sender=texts, date=texts, has_body=st.booleans(), attachments=many, unreadable=texts, active=many,
        recipients=texts, subject=texts, parts=st.integers(0, 3), damage=texts, defects=many,
    )  # fmt: skip
    return st.builds(
        Facts, format=st.sampled_from(Format), size=st.integers(0, 2000), extension=st.sampled_from(["pdf", "eml", ""]),
        failure=st.none() | st.sampled_from(Failure), pdf=st.none() | pdfs, eml=st.none() | emls,
    )  # fmt: skip


@given(facts_of_any_kind(), st.sampled_from(Treatment), st.sampled_from(Treatment))
def test_every_combination_of_facts_has_a_verdict_with_documented_codes(facts, damaged, active):
    verdict = judge(facts, DocumentPolicy(max_size=1000, damaged=damaged, active_content=active))

    assert isinstance(verdict, Accepted) or set(codes(verdict)) <= set(REASONS)
    if isinstance(verdict, Accepted):
        assert facts.extension == facts.format
        assert facts.size <= 1000
        assert facts.failure is None
        assert (facts.pdf if facts.format is Format.PDF else facts.eml) is not None


@given(facts_of_any_kind())
def test_facts_survive_a_trip_through_json(facts):
    assert Facts.from_json(json.loads(json.dumps(facts.as_json()))) == facts


def test_every_documented_reason_is_one_sentence_whose_gaps_can_be_filled():
    for code, text in REASONS.items():
        gaps = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        assert text.endswith("."), code
        assert text.format(**dict.fromkeys(gaps, "x")), code


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.pdf", "pdf"), ("a.PDF", "pdf"), ("a.tar.gz", "gz"), ("a", ""), ("a.", ""), (".pdf", "pdf")],
)
def test_the_extension_is_what_follows_the_last_dot_in_lower_case(name, extension):
    assert extension_of(name) == extension


def test_a_program_is_told_by_its_last_extension():
    assert is_program("Invoice.pdf.EXE")
    assert is_program("run.js ")
    assert not is_program("exe.pdf")
