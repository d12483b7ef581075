"""What a client asked for: where a path leads, and the record that a checker reads."""

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from importer.sandbox import multipart


class Endpoint(StrEnum):
    """The kinds of request that a fault can be aimed at."""

    IMPORT = "import"
    RESEND = "resend"
    READBACK = "readback"
    PAYMENTS = "payments"
    INVOICE = "invoice"
    PROBE = "probe"
    FILE = "file"
    OTHER = "other"


_ROUTES = tuple(
    (method, re.compile(pattern), endpoint)
    for method, pattern, endpoint in (
        ("POST", r"/api/invoices/([^/]+)/importExternalDocument", Endpoint.IMPORT),
        ("POST", r"/api/invoices/([^/]+)/resendInvoice", Endpoint.RESEND),
        ("GET", r"/api/invoices/([^/]+)/documents", Endpoint.READBACK),
        ("GET", r"/api/invoices/([^/]+)/payments", Endpoint.PAYMENTS),
        ("GET", r"/api/invoices/([^/]+)", Endpoint.INVOICE),
        ("GET", r"/api/invoices()", Endpoint.PROBE),
        ("GET", r"/api/v1/communication/([^/]+)/file", Endpoint.FILE),
    )
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a request goes. `reference` is percent-decoded: the invoice's, or for a file the communication's ID."""

    method: str
    path: str
    endpoint: Endpoint
    reference: str | None
    query: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Form:
    """The fields of an import as they came; None where absent. `content` is None when there is no file part."""

    fields: tuple[str, ...] = ()
    filename: str | None = None
    kind: str | None = None
    label: str | None = None
    description: str | None = None
    content: bytes | None = field(default=None, repr=False)
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it was seen. Credentials and bytes of no interest to a checker are not kept.

    Attributes:
        number: counts all requests from 0, in the order in which their headers came.
        authorization: whether an `Authorization` header came.
        authorized: whether it was the right one.
        whole: whether the body was read to its end.
        fault: the name of the fault that hit it, or `none`.
        status: of the reply that went out whole; None when there was none, or when it was cut.
    """

    number: int
    received: datetime
    target: Target
    host: str
    key: str | None
    authorization: bool
    authorized: bool
    whole: bool
    fault: str
    form: Form
    status: int | None = None

    @property
    def method(self) -> str:
        return self.target.method

    @property
    def path(self) -> str:
        return self.target.path

    @property
    def endpoint(self) -> Endpoint:
        return self.target.endpoint

    @property
    def reference(self) -> str | None:
        return self.target.reference

    @property
    def query(self) -> Mapping[str, str]:
        return dict(self.target.query)

    def as_json(self) -> dict[str, Any]:
        """The record without the bytes, for the control door."""
        names = ("number", "method", "path", "endpoint", "reference", "query", "host", "key")
        flags = ("authorization", "authorized", "whole", "fault", "status")
        form = {name: value for name, value in vars(self.form).items() if name != "content"}
        return {
            **{name: getattr(self, name) for name in names + flags},
            **form,
            "received": self.received.isoformat(),
        }


def locate(method: str, raw_path: str) -> Target:
    """The endpoint behind a path; segments are split before they are decoded, so that `%2F` stays inside one."""
    parts = urlsplit(raw_path)
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    endpoint, reference = _route(method, parts.path)
    return Target(method=method, path=parts.path, endpoint=endpoint, reference=reference, query=query)


def _route(method: str, path: str) -> tuple[Endpoint, str | None]:
    for verb, pattern, endpoint in _ROUTES:
        if verb == method and (found := pattern.fullmatch(path)):
            return endpoint, unquote(found[1]) or None
    return Endpoint.OTHER, None


def read_form(content_type: str, body: bytes) -> Form:
    """The import's form; an empty one when the body is none, which the validation then refuses."""
    try:
        parts = multipart.parse(content_type, body)
        texts = {part.name: part.content.decode() for part in parts if part.name != "file"}
    except ValueError:
        return Form()
    content = next((part.content for part in parts if part.name == "file"), None)
    return Form(
        fields=tuple(part.name for part in parts),
        filename=texts.get("filename"),
        kind=texts.get("kind"),
        label=texts.get("label"),
        description=texts.get("description"),
        content=content,
        sha256=None if content is None else hashlib.sha256(content).hexdigest(),
    )


def allows(header: str | None, username: str, password: str) -> bool:
    """Whether an `Authorization` header carries these credentials (abillify-api.md: HTTP Basic on every request)."""
    scheme, _, token = (header or "").partition(" ")
    try:
        return scheme.lower() == "basic" and b64decode(token, validate=True) == f"{username}:{password}".encode()
    except ValueError:
        return False
