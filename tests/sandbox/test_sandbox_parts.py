"""The parts below the sockets: forms, paths, credentials, error bodies."""

import json
from base64 import b64encode

import httpx
import pytest
from hypothesis import given, strategies as st

from importer.sandbox import Endpoint, replies
from importer.sandbox.multipart import Part, parse
from importer.sandbox.requests import allows, locate, read_form

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters='"\\'), min_size=1)


def encoded(**form):
    request = httpx.Request("POST", "http://x", **form)
    return request.headers["Content-Type"], request.read()


@given(content=st.binary(), filename=NAMES, text=st.text(st.characters(codec="utf-8")))
def test_a_form_comes_out_as_it_went_in(content, filename, text):
    content_type, body = encoded(data={"label": text}, files={"file": (filename, content)})

    assert parse(content_type, body) == (Part("label", None, text.encode()), Part("file", filename, content))


def test_the_boundary_may_be_quoted_and_occur_without_its_line():
    body = b'--a b\r\ncontent-disposition: form-data; name="x"\r\n\r\n--a b\r\n--a b--\r\n'

    with pytest.raises(ValueError):
        parse('multipart/form-data; boundary="a b"', body)
    assert parse('multipart/form-data; boundary="a b"', body.replace(b"\r\n\r\n--a b", b"\r\n\r\n-- a b"))[0].content


def test_the_order_of_the_fields_is_kept():
    content_type, body = encoded(data={"kind": "letter", "filename": "a.pdf"}, files={"file": b"x", "extra": b"y"})

    form = read_form(content_type, body)
    assert form.fields == ("kind", "filename", "file", "extra")
    assert (form.kind, form.filename, form.label, form.description, form.content) == (
        "letter",
        "a.pdf",
        None,
        None,
        b"x",
    )


def test_an_empty_file_is_a_file():
    form = read_form(*encoded(files={"file": b""}))

    assert form.content == b""
    assert form.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("method", "path", "endpoint", "reference"),
    [
        ("POST", "/api/invoices/RE1/importExternalDocument", Endpoint.IMPORT, "RE1"),
        ("POST", "/api/invoices/A%2FB%20C/resendInvoice", Endpoint.RESEND, "A/B C"),
        ("GET", "/api/invoices/%252F/documents?limit=0", Endpoint.READBACK, "%2F"),
        ("GET", "/api/invoices/documents/payments", Endpoint.PAYMENTS, "documents"),
        ("GET", "/api/invoices/RE1", Endpoint.INVOICE, "RE1"),
        ("GET", "/api/invoices?page=1", Endpoint.PROBE, None),
        ("GET", "/api/v1/communication/7/file", Endpoint.FILE, "7"),
        ("GET", "/api/invoices/RE1/importExternalDocument", Endpoint.OTHER, None),
        ("POST", "/api/invoices/A/B/importExternalDocument", Endpoint.OTHER, None),
        ("POST", "/api/invoices//importExternalDocument", Endpoint.OTHER, None),
        ("GET", "/api/invoices/", Endpoint.OTHER, None),
        ("GET", "/invoices", Endpoint.OTHER, None),
    ],
)
def test_where_a_path_leads(method, path, endpoint, reference):
    target = locate(method, path)

    assert (target.endpoint, target.reference, target.path) == (endpoint, reference, path.partition("?")[0])


def test_the_query_is_decoded():
    assert locate("GET", "/api/invoices?created%5B%24gte%5D=1&search=").query == (
        ("created[$gte]", "1"),
        ("search", ""),
    )


@pytest.mark.parametrize(("password", "right"), [("p:w", True), ("p", False), ("", False)])
def test_a_password_may_have_a_colon(password, right):
    header = "basic " + b64encode(f"user:{password}".encode()).decode()

    assert allows(header, "user", "p:w") is right


@pytest.mark.parametrize(
    ("status", "name"), [(400, "ClientError"), (410, "ClientError"), (429, "TooManyRequests"), (507, "ServerError")]
)
def test_every_error_has_a_name(status, name):
    body = json.loads(replies.error(status, "why").body)

    assert (body["code"], body["name"], body["message"]) == (status, name, "why")
    assert "details" not in body
