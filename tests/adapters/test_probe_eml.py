"""What an e-mail's bytes say."""

import email.policy
import json
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, strategies as st

from importer.adapters.probe import Probe
from importer.adapters.probe.inspect import inspect
from importer.core.facts import Facts, Failure, Format
from importer.core.model import Reason
from importer.core.verdict import DocumentPolicy, judge
from tests.adapters.mail_corpus import CORPUS, SUBJECTS, folded64, with_attachment
from tests.adapters.probe_documents import EML, one_page

HEADERS = b"From: a@example.org\nDate: Mon, 15 Apr 2024 09:12:41 +0200\n"


def facts_of(content):
    facts = inspect(content)
    assert facts.format is Format.EML
    return facts.eml


def message(body="Guten Tag", *attachments, policy=SMTP):
    mail = EmailMessage(policy=policy)
    mail["From"] = "Jürgen Groß <j@example.org>"
    mail["To"] = "a@example.org, b@example.org"
    mail["Subject"] = "Rechnung für März"
    mail["Date"] = "Mon, 15 Apr 2024 09:12:41 +0200"
    if body is not None:
        mail.set_content(body)
    for name, content in attachments:
        mail.add_attachment(content, "application", "octet-stream", filename=name)
    return mail


def test_headers_are_decoded():
    facts = facts_of(EML)

    assert facts.sender == "Nordlicht <rechnung@nordlicht.example>"
    assert facts.recipients == "Jördis <j@example.org>"
    assert facts.subject == "Ihre Rechnung über Bürobedarf"
    assert facts.date == "2024-04-15T09:12:41+02:00"
    assert (facts.has_body, facts.parts, facts.attachments, facts.damage) == (True, 1, (), "")


def test_attachments_are_named_and_the_text_is_seen():
    facts = facts_of(message("Anbei.", ("Rechnung für März.pdf", one_page()), ("b.xml", b"<x/>")).as_bytes())

    assert facts.attachments == ("Rechnung für März.pdf", "b.xml")
    assert facts.parts == 4
    assert facts.has_body


def test_an_attachment_without_a_name_is_told_by_its_type():
    mail = message("x")
    mail.add_attachment(b"\x89PNG", "image", "png")

    assert facts_of(mail.as_bytes()).attachments == ("image/png",)


@pytest.mark.parametrize("name", ["setup.exe", "Rechnung.pdf.js", "RECHNUNG.SCR"])
def test_an_attached_program_is_active_content(name):
    assert facts_of(message("x", (name, b"MZ")).as_bytes()).active == (f"the attached program {name}",)


@pytest.mark.parametrize("change", [(b"\r\n", b"\n"), (b"\r\nTo", b"\nTo"), (b"\r\n\r\n", b"\n\n")])
def test_mixed_line_ends_are_tolerated(change):
    facts = facts_of(EML.replace(*change))

    assert facts.sender
    assert facts.date
    assert facts.has_body


def test_raw_eight_bit_headers_are_tolerated():
    facts = facts_of("From: Jürgen <j@example.org>\nDate: Mon, 15 Apr 2024 09:12:41 +0200\n\nGrüße".encode("latin-1"))

    assert "j@example.org" in facts.sender
    assert facts.sender.isprintable()
    assert facts.has_body


@pytest.mark.parametrize("blank", ["", " ", "\r\n\r\n \t\r\n"])
def test_blank_text_is_no_body(blank):
    facts = facts_of(message(blank).as_bytes())

    assert not facts.has_body
    assert facts.attachments == ()


@pytest.mark.parametrize(
    "date", [b"", b"Date: tomorrow\n", b"Date:\n", b"Date: Mon, 99 Foo 20240 99:99:99\n", b"Date: 1 Jan 99999\n"]
)
def test_a_date_that_is_none_is_no_date(date):
    assert facts_of(b"From: a@example.org\n" + date + b"\nhello").date == ""


def test_a_date_from_an_unknown_place_is_utc():
    assert facts_of(b"From: a\nDate: Mon, 15 Apr 2024 09:12:41 -0000\n\nx").date == "2024-04-15T09:12:41+00:00"


@pytest.mark.parametrize(
    "sender",
    [b"From: \n", b"From:\n", b"Subject: x\n"],
)
def test_a_sender_that_is_empty_is_none(sender):
    assert facts_of(sender + b"Date: Mon, 15 Apr 2024 09:12:41 +0200\n\nx").sender == ""


@pytest.mark.parametrize(
    "header",
    [
        b"From: <",
        b"From: a@[",
        b'From: "a',
        b"From: =?x?q?=FF?=",
        b"From: ,;:<>@",
        b"From: =?utf-8?b?8J+?= a",
        b"From: a@b ((",
    ],
)
def test_a_header_that_nobody_can_parse_is_given_as_it_stands(header):
    facts = facts_of(header + b"\nDate: Mon, 15 Apr 2024 09:12:41 +0200\nTo: x\n\ntext")

    assert facts.unreadable == ""
    assert facts.sender.isprintable()
    assert facts.has_body


def test_a_mail_that_ends_in_the_middle_of_a_part_is_damaged():
    whole = message("Anbei.", ("a.pdf", one_page())).as_bytes()

    assert facts_of(whole).damage == ""
    assert facts_of(whole[: len(whole) // 2]).damage


def test_what_is_odd_but_harmless_is_only_noted():
    facts = facts_of(HEADERS + b"Content-Type: multipart/mixed\n\nno boundary, no parts")

    assert facts.defects
    assert facts.has_body is False


def test_a_forwarded_mail_counts_as_an_attachment():
    mail = message("see below")
    mail.add_attachment(message("inner", ("a.pdf", b"x")))

    assert facts_of(mail.as_bytes()).attachments == ("message/rfc822", "a.pdf")


def test_long_texts_are_cut_and_line_ends_flattened():
    facts = facts_of(HEADERS + b"Subject: " + b"long " * 1000 + b"\n\nx")

    assert len(facts.subject) == 300
    assert facts.subject.endswith("…")


def test_parts_within_parts_without_end_are_too_complex():
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000))

    facts = inspect(HEADERS + nested + b"\ntext")

    assert facts.failure is Failure.TOO_COMPLEX
    assert facts.eml is None


@pytest.mark.parametrize("mail", CORPUS, ids=lambda mail: mail.name)
def test_what_mail_systems_write_is_told_and_judged(mail):
    facts = replace(inspect(mail.content), extension="eml")
    verdict = judge(facts, DocumentPolicy())

    assert facts.format is Format.EML
    assert {field: getattr(facts.eml, field) for field in mail.told} == mail.told
    assert mail.damage in facts.eml.damage if mail.damage else facts.eml.damage == ""
    assert (getattr(verdict, "reasons", ()) or [Reason("accepted", "")])[0].code == mail.verdict
    assert Facts.from_json(json.loads(json.dumps(facts.as_json()))) == facts


def test_a_guarded_child_knows_every_charset_of_the_corpus():
    with Probe(workers=1) as probe:
        for mail in SUBJECTS:
            assert probe.probe(mail.content, "eml").eml.subject == mail.told["subject"]


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_twenty_megabytes_of_attachment_are_only_looked_at(end):
    content = mail_of(folded64(bytes(range(256)) * 56 * 1024)).replace(b"\r\n", end)

    facts = facts_of(content)

    assert len(content) > 18 * 1024 * 1024
    assert (facts.attachments, facts.parts, facts.damage) == (("RE-2024-0815.pdf",), 3, "")
    assert "the end of a part is missing" in facts_of(content[:-100]).damage


def mail_of(body):
    return with_attachment(b"attachment; filename=RE-2024-0815.pdf", body)


@pytest.mark.parametrize(
    "content", [b"", b"\r\n\r\n", b"\xff\xfe", b"\xff\xfeF\x00r", b"From x 10:00 2025\n", b":\n\n"]
)
def test_what_is_no_mail_is_none(content):
    assert inspect(content).format in (Format.EMPTY, Format.UNKNOWN, Format.MBOX)


@given(st.data())
def test_a_spoilt_mail_has_facts(data):
    content = bytearray(data.draw(st.sampled_from([mail.content for mail in CORPUS if len(mail.content) < 5000])))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content)))
        spoilt = data.draw(
            st.sampled_from([b"\r", b"\n\n", b"--=_b", b"--", b"=?", b":", b'"', b";", b"\x00", b"\xff"])
        )
        content[place : place + data.draw(st.integers(0, 9))] = spoilt

    facts = inspect(bytes(content))

    assert Facts.from_json(json.loads(json.dumps(facts.as_json()))) == facts
    assert facts.eml is None or facts.eml.subject.isprintable() or "\u00ad" in facts.eml.subject


NAMES = st.text(st.characters(categories=("L", "N"), max_codepoint=0x17F), min_size=1, max_size=20)
ATTACHED = st.lists(st.tuples(NAMES.map(lambda name: f"{name}.bin"), st.binary(max_size=200)), max_size=3)


@given(ATTACHED, st.lists(NAMES, max_size=2), st.sampled_from(["\n", "\r\n"]))
def test_the_structure_is_the_one_that_the_standard_library_sees(attached, forwarded, end):
    mail = message("Guten Tag", *attached, policy=SMTP.clone(linesep=end))
    for name in forwarded:
        mail.add_attachment(message("inner", (name, b"x")))
    content = mail.as_bytes()
    parts = list(email.message_from_bytes(content, policy=email.policy.default).walk())
    leaves = [part for part in parts if not part.get_content_type().startswith("multipart/")]

    facts = facts_of(content)

    assert facts.parts == len(parts)
    assert facts.attachments == tuple(
        part.get_filename() or part.get_content_type() for part in leaves if part.get_content_type() != "text/plain"
    )
    assert (facts.damage, facts.defects, facts.names_left_out) == ("", (), 0)
