"""What is sent, byte for byte, and what is never shown."""

import json
import logging
import traceback
from base64 import b64encode
from urllib.parse import quote

import pytest

from importer.adapters.abillify import request_preview
from importer.core.model import Kind
from importer.sandbox import Sandbox
from tests.adapters.misbehaving import (
    CONTENT,
    PASSWORD,
    Misbehaving,
    answering,
    client,
    document,
    reply,
)


def sent(given, **options):
    """The request for a document as a server receives it."""
    with Misbehaving(answering(reply())) as server, client(server.base_url, **options) as abillify:
        abillify.import_document(given, CONTENT)
        (received,) = server.received
        return received


def parts_of(received):
    """(headers, content) of each part, in order."""
    boundary = received.headers["content-type"].partition("boundary=")[2].encode()
    return [part.split(b"\r\n\r\n", 1) for part in received.body.split(b"--" + boundary)[1:-1]]


@pytest.mark.parametrize(
    ("reference", "encoded"),
    [
        ("RE-12345", "RE-12345"),
        ("INV/2026/1", "INV%2F2026%2F1"),
        ("a b", "a%20b"),
        ("Größe", "Gr%C3%B6%C3%9Fe"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("a?b#c", "a%3Fb%23c"),
        ("../x", "..%2Fx"),
        ("a/./b/../c", "a%2F.%2Fb%2F..%2Fc"),
        ("a;b=c&d+e@f:g", "a%3Bb%3Dc%26d%2Be%40f%3Ag"),
        ("a\\b|c\"d'e", "a%5Cb%7Cc%22d%27e"),
        ("~-_.", "~-_."),
        ("...", "..."),
        (" ", "%20"),
        ("\n", "%0A"),
    ],
)
def test_every_reserved_character_of_a_reference_is_encoded_on_the_wire(reference, encoded):
    with Misbehaving(answering(reply(), reply(), reply(200, []))) as server, client(server.base_url) as abillify:
        abillify.import_document(document(invoice_reference=reference), CONTENT)
        abillify.invoice_exists(reference)
        abillify.read_back(document(invoice_reference=reference))
        targets = [request.target for request in server.received[:3]]
    assert targets == [
        f"/api/invoices/{encoded}/importExternalDocument",
        f"/api/invoices/{encoded}",
        f"/api/invoices/{encoded}/documents?limit=0&offset=0",
    ]


def test_the_sandbox_understands_an_encoded_reference():
    reference = "INV/2026 %2F?#ü"
    with Sandbox(invoices=[reference]) as sandbox, client(sandbox.base_url) as abillify:
        abillify.import_document(document(invoice_reference=reference), CONTENT)
    assert [effect.reference for effect in sandbox.effects] == [reference]


@pytest.mark.parametrize("reference", ["", ".", "..", "\udc80"])
def test_a_reference_that_no_address_can_carry_is_a_fault_of_ours(reference):
    with Misbehaving() as server, client(server.base_url) as abillify:
        for ask in (abillify.invoice_exists, lambda given: abillify.read_back(document(invoice_reference=given))):
            with pytest.raises(ValueError):
                ask(reference)
        with pytest.raises(ValueError):
            abillify.import_document(document(invoice_reference=reference), CONTENT)
        assert server.received == []


@pytest.mark.parametrize("missing", [{"invoice_reference": None}, {"kind": None}])
def test_a_document_without_an_identity_is_a_fault_of_ours(missing):
    with Misbehaving() as server, client(server.base_url) as abillify:
        for act in (abillify.read_back, lambda given: abillify.import_document(given, CONTENT), request_preview):
            with pytest.raises(ValueError, match="no invoice reference or kind"):
                act(document(**missing))
        assert server.received == []


def test_the_parts_come_in_the_order_of_the_vendors_reference():
    given = document(description="Für die Akte")
    parts = parts_of(sent(given))
    mark = f"[import {given.identity.fingerprint[:32]}]"
    assert [(head.strip().decode(), content.removesuffix(b"\r\n")) for head, content in parts] == [
        (
            'Content-Disposition: form-data; name="file"; filename="Rechnung_RE1.pdf"\r\nContent-Type: application/pdf',
            CONTENT,
        ),
        ('Content-Disposition: form-data; name="filename"', b"Rechnung_RE1.pdf"),
        ('Content-Disposition: form-data; name="kind"', b"invoice"),
        ('Content-Disposition: form-data; name="label"', b"Rechnung RE1"),
        ('Content-Disposition: form-data; name="description"', f"Für die Akte {mark}".encode()),
    ]


def test_the_body_has_a_length_and_is_not_chunked():
    received = sent(document())
    assert int(received.headers["content-length"]) == len(received.body)
    assert "transfer-encoding" not in received.headers


def test_an_empty_label_and_description_are_left_out():
    parts = parts_of(sent(document(label="", description=""), fingerprint=False))
    assert len(parts) == 3


def test_a_description_is_nothing_but_the_fingerprint_where_there_is_no_other():
    given = document(description="")
    *_, (_, content) = parts_of(sent(given))
    assert content.strip().decode() == f"[import {given.identity.fingerprint[:32]}]"


def test_without_fingerprints_the_description_is_sent_as_it_is():
    *_, (_, content) = parts_of(sent(document(description="Für die Akte"), fingerprint=False))
    assert content.strip().decode() == "Für die Akte"


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [("a.eml", "message/rfc822"), ("A.PDF", "application/pdf"), ("a", "application/octet-stream")],
)
def test_the_file_says_what_it_is(filename, content_type):
    assert f"Content-Type: {content_type}".encode() in parts_of(sent(document(filename=filename)))[0][0]


@pytest.mark.parametrize("filename", ['a"b.pdf', "Größe €.pdf", "a\\b.pdf", "a;b.pdf"])
def test_a_strange_filename_arrives_as_it_is(filename):
    with Sandbox(invoices=["RE1"]) as sandbox, client(sandbox.base_url) as abillify:
        abillify.import_document(document(filename=filename), CONTENT)
    assert [effect.filename for effect in sandbox.effects] == [filename]


def test_key_and_credentials_go_with_the_request():
    given = document()
    headers = sent(given, username="jürgen", password=PASSWORD).headers
    assert headers["idempotency-key"] == given.idempotency_key
    assert headers["authorization"] == "Basic " + b64encode(f"jürgen:{PASSWORD}".encode()).decode()


def test_a_cookie_of_the_server_is_not_sent_back():
    with (
        Misbehaving(answering(reply(Set_Cookie="session=1; Path=/"), reply())) as server,
        client(server.base_url) as abillify,
    ):
        abillify.import_document(document(), CONTENT)
        abillify.import_document(document(), CONTENT)
        assert "cookie" not in server.received[1].headers


def test_the_preview_is_what_is_sent_without_the_bytes_and_the_credentials():
    given = document(description="Für die Akte", kind=Kind.DUNNING1)
    with Misbehaving(answering(reply())) as server, client(server.base_url) as abillify:
        preview = request_preview(given, server.base_url)
        abillify.import_document(given, CONTENT)
        (received,) = server.received
    assert preview["method"] == received.head.split(b" ")[0].decode()
    assert preview["url"] == server.base_url.removesuffix("/api") + received.target
    assert {name.lower(): value for name, value in preview["headers"].items()}.items() <= received.headers.items()
    assert "authorization" not in {name.lower() for name in preview["headers"]}
    texts = {name: content for name, content in preview["parts"].items() if name != "file"}
    contents = [content.removesuffix(b"\r\n").decode() for _, content in parts_of(received)[1:]]
    assert list(texts.values()) == contents
    assert preview["parts"]["file"] == {
        "filename": given.filename,
        "content_type": "application/pdf",
        "size": given.size,
        "sha256": given.sha256,
    }
    assert json.loads(json.dumps(preview)) == preview


def test_the_preview_needs_no_address():
    assert request_preview(document())["url"] == "/invoices/RE1/importExternalDocument"


# ------------------------------------------------------------ the password


SECRETS = (PASSWORD, quote(PASSWORD), b64encode(f"user:{PASSWORD}".encode()).decode())


def assert_no_secret(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text]


def test_the_password_is_in_no_outcome_and_no_log(caplog):
    acts = [answering(reply(401, b"")), lambda line: line.receive(), lambda line: line.receive() and line.reset()]
    acts.append(answering(reply(302, b"", Location="http://[")))
    caplog.set_level(logging.DEBUG)
    with Misbehaving(*acts) as server, client(server.base_url, "user", PASSWORD) as abillify:
        outcomes = [abillify.import_document(document(), CONTENT) for _ in acts]
        assert b64encode(f"user:{PASSWORD}".encode()) in server.received[0].head
        assert_no_secret(repr((outcomes, abillify, vars(abillify))) + str(abillify))
    assert caplog.records, "httpx and httpcore log at this level"
    assert_no_secret(caplog.text)


def test_the_password_is_in_no_traceback():
    with pytest.raises(ValueError) as caught:
        client("http://127.0.0.1:9/api", "user", PASSWORD + "\udc80")
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert_no_secret(str(error) + repr(error) + "".join(traceback.format_exception(error)))
