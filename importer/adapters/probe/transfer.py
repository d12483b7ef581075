"""Transfer encodings (RFC 2045, 6): undone where a body has to be read, and checked where it need not be."""

import binascii
import re
import string
from contextlib import suppress

_BASE64 = (string.ascii_letters + string.digits + "+/").encode()
_BLANK = b" \t\n\r\v\f"
_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*(?:\n|\Z))")
_KNOWN = frozenset({"", "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue"})


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body without its transfer encoding, as far as it can be undone."""
    if encoding == "base64":
        with suppress(binascii.Error):
            return binascii.a2b_base64(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    return body


def fault(body: bytes, encoding: str) -> str:
    """What is wrong with an encoded body; empty when nothing is. It is not decoded for that."""
    if encoding == "base64":
        return _base64_fault(body)
    if encoding == "quoted-printable":
        return "quoted-printable with a stray =" if _QUOTED.search(body) else ""
    return "" if encoding in _KNOWN else f"the transfer encoding {encoding}, which nobody knows"


def _base64_fault(body: bytes) -> str:
    letters = body.translate(None, _BLANK)
    data = letters.rstrip(b"=")
    if data.translate(None, _BASE64):
        return "base64 with characters that do not belong there"
    return "base64 that is cut short" if len(letters) % 4 and len(data) % 4 else ""
