"""What a file is, told by its bytes."""

import pytest
from hypothesis import given, settings, strategies as st

from importer.adapters.probe.inspect import inspect, recognise
from importer.core.facts import Facts, Format
from tests.adapters.probe_documents import EML, embedding, one_page

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Format.EMPTY),
        (one_page(), Format.PDF),
        (b"\n\n" + one_page(), Format.PDF),
        (EML, Format.EML),
        (b"\xef\xbb\xbf\r\n" + EML, Format.EML),
        (b"X-Mailer: x\nSubject: %PDF-1.4\n\ntext", Format.EML),
        (OLE + "__properties_version1.0".encode("utf-16-le"), Format.MSG),
        (OLE, Format.OLE),
        (b"PK\x03\x04....word/document.xml....", Format.DOCX),
        (b"PK\x03\x04....xl/workbook.xml....", Format.XLSX),
        (b"PK\x03\x04...." + one_page(), Format.ZIP),
        (b"<!DOCTYPE html><p>Rechnung", Format.HTML),
        (b"\xef\xbb\xbf \r\n<HTML><body>%PDF-1.4", Format.HTML),
        (b'<?xml version="1.0"?><Invoice/>', Format.XML),
        (b"{\\rtf1 Rechnung}", Format.RTF),
        (b"\x89PNG\r\n\x1a\n", Format.IMAGE),
        (b"\xff\xd8\xff\xe0", Format.IMAGE),
        (2 * (b"From a@example.org Mon Apr 15 09:12:41 2024\n" + EML), Format.MBOX),
        (2 * (b"From - Mon Apr 15 09:12:41 2024 +0200\r\n" + EML), Format.MBOX),
        (b"From a@example.org Mon Apr 15 09:12:41 2024\n" + EML, Format.EML),
        (b"From a@example.org Mon Apr 15 09:12:41 2024\nno header\n", Format.MBOX),
        (b"\x78\x9f\x3e\x22\x01\x00", Format.TNEF),
        (b"From now on, all is well.", Format.UNKNOWN),
        (b"Note: no header of an e-mail here\n\n", Format.UNKNOWN),
        (b"\x00" * 4096, Format.UNKNOWN),
        (b"x" * 1024 + one_page(), Format.UNKNOWN),
    ],
)
def test_a_file_is_what_its_bytes_are(content, expected):
    assert recognise(content) is expected
    assert inspect(content).format is expected


HEADS = [b"", b"%PDF-1.7\n", b"From: a\n", b"PK\x03\x04", b"From x", b"<html", b"%PDF-\n%%EOF", b"trailer<<"]


@given(st.sampled_from(HEADS), st.binary(max_size=2000))
def test_any_bytes_have_facts(head, rest):
    content = head + rest

    facts = inspect(content)

    assert isinstance(facts, Facts)
    assert facts.size == len(content)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_document_with_spoilt_bytes_has_facts(data):
    content = bytearray(data.draw(st.sampled_from([one_page(), embedding(b"factur-x.xml"), EML])))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        spoilt = data.draw(
            st.sampled_from([b"", b"\x00", b"<<", b">>", b"0 R", b"[", b"9" * 20, b"\r\n\r\n"]) | st.binary(max_size=3)
        )
        content[place : place + data.draw(st.integers(0, 20))] = spoilt
        content = content or bytearray(b" ")

    facts = inspect(bytes(content))

    assert Facts.from_json(facts.as_json()) == facts
