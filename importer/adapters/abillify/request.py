"""What is asked of Abillify, down to the last header: built here for `explain` and for the wire alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from importer.core.model import Document, Identity

# Nothing is asked for compressed: the size of a reply is then what it says.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "abillify-importer"}

CONTENT_TYPES = {"pdf": "application/pdf", "eml": "message/rfc822"}

_UNQUOTABLE = re.compile(r'[\x00-\x1a\x1c-\x1f"]')

MARK = re.compile(r"\[import [0-9a-f]{32}\]")
"""What `mark_of` makes, of any document."""


def identity_of(document: Document) -> Identity:
    """What a document is sent as, and looked for.

    Raises:
        ValueError: it has no identity yet.
    """
    identity = document.identity
    if identity is None:
        raise ValueError(f"document D{document.id} has no invoice reference or kind")
    return identity


def mark_of(identity: Identity) -> str:
    """Stands in the description, so that a read-back knows the document again: half of the fingerprint."""
    return f"[import {identity.fingerprint[:32]}]"


def invoice_url(base_url: str, reference: str, *rest: str) -> str:
    """The address of an invoice, or of something below it; every reserved character of the reference is encoded.

    Raises:
        ValueError: the reference is empty, `.` or `..`: however they are encoded, servers and proxies resolve these
            as steps in a path, to another resource. Or it is no valid text. The rules never produce such a one.
    """
    if reference in ("", ".", ".."):
        raise ValueError(f"{reference!r} cannot be an invoice reference: it does not survive in an address")
    return "/".join([base_url.rstrip("/"), "invoices", quote(reference, safe=""), *rest])


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire, but for the credentials and what follows from the address and the body."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """An "Import External Document" without its bytes and its credentials."""

    url: str
    headers: Mapping[str, str]
    content_type: str
    filename: str
    texts: tuple[tuple[str, str], ...]
    """The parts after `file`, in the order of the vendor's reference."""

    def with_file(self, content: bytes) -> Request:
        """The whole request, its body in one piece: a part that goes out by itself costs more than its bytes."""
        boundary = token_hex(16)
        file = f'{_disposition("file")}; filename="{_quoted(self.filename)}"\r\nContent-Type: {self.content_type}'
        texts = [f"--{boundary}\r\n{_disposition(name)}\r\n\r\n{text}\r\n" for name, text in self.texts]
        body = b"".join(
            (
                f"--{boundary}\r\n{file}\r\n\r\n".encode(),
                content,
                f"\r\n{''.join(texts)}--{boundary}--\r\n".encode(),
            )
        )
        return Request(
            "POST", self.url, {**self.headers, "Content-Type": f"multipart/form-data; boundary={boundary}"}, body
        )


def _disposition(name: str) -> str:
    return f'Content-Disposition: form-data; name="{name}"'


def _quoted(filename: str) -> str:
    """As HTML has it (multipart/form-data encoding algorithm): no name ends its quotes or its line."""
    return _UNQUOTABLE.sub(lambda found: f"%{ord(found[0]):02X}", filename).replace("\\", "\\\\")


def import_request(document: Document, base_url: str, *, fingerprint: bool) -> ImportRequest:
    """The request that imports a document.

    Raises:
        ValueError: the document has no identity, or a reference that no address can carry.
    """
    identity = identity_of(document)
    description = f"{document.description} {mark_of(identity) if fingerprint else ''}".strip()
    parts = {
        "filename": document.filename,
        "kind": identity.kind.value,
        "label": document.label,
        "description": description,
    }
    return ImportRequest(
        url=invoice_url(base_url, identity.invoice_reference, "importExternalDocument"),
        headers={**HEADERS, "Idempotency-Key": document.idempotency_key},
        content_type=CONTENT_TYPES.get(document.filename.lower().rpartition(".")[2], "application/octet-stream"),
        filename=document.filename,
        texts=tuple((name, text) for name, text in parts.items() if text),
    )


def resend_request(reference: str, key: str, base_url: str) -> Request:
    """The request that has an invoice sent again; its body is documented as an empty object.

    Raises:
        ValueError: no address can carry the reference.
    """
    headers = {**HEADERS, "Content-Type": "application/json", "Idempotency-Key": key}
    return Request("POST", invoice_url(base_url, reference, "resendInvoice"), headers, b"{}")


def request_preview(document: Document, base_url: str = "", *, fingerprint: bool = True) -> dict[str, Any]:
    """The request as `explain` shows it: `method url headers parts`, without credentials and without the bytes.

    Without `base_url` the address is only its path.

    Raises:
        ValueError: the document has no identity, or a reference that no address can carry.
    """
    request = import_request(document, base_url, fingerprint=fingerprint)
    file = {
        "filename": request.filename,
        "content_type": request.content_type,
        "size": document.size,
        "sha256": document.sha256,
    }
    return {
        "method": "POST",
        "url": request.url,
        "headers": dict(request.headers),
        "parts": {"file": file, **dict(request.texts)},
    }
