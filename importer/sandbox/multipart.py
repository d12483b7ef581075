"""`multipart/form-data` by RFC 7578, byte for byte.

The standard library's e-mail parser is not used for the body: it would take an uploaded e-mail apart.
"""

from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value


@dataclass(frozen=True)
class Part:
    """One form field; `filename` is what the `Content-Disposition` says, not the API's field of that name."""

    name: str
    filename: str | None
    content: bytes


def parse(content_type: str, body: bytes) -> tuple[Part, ...]:
    """The parts in the order in which they came. Raises ValueError for anything that is not a whole form."""
    boundary = _header(content_type).get_param("boundary")
    if not content_type.lower().startswith("multipart/form-data") or not isinstance(boundary, str):
        raise ValueError("not multipart/form-data with a boundary")
    _, *segments = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if not segments or not segments[-1].startswith(b"--"):
        raise ValueError("the closing boundary is missing")
    return tuple(_part(segment) for segment in segments[:-1])


def _part(segment: bytes) -> Part:
    head, separator, content = segment.partition(b"\r\n\r\n")
    if not separator:
        raise ValueError("a part without a blank line after its headers")
    lines = (line.partition(":") for line in head.decode().split("\r\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    disposition = _header(headers.get("content-disposition", ""))
    name = disposition.get_param("name")
    if not name:
        raise ValueError("a part without a name")
    filename = disposition.get_param("filename")
    return Part(collapse_rfc2231_value(name), None if filename is None else collapse_rfc2231_value(filename), content)


def _header(value: str) -> Message:
    message = Message()
    message["content-type"] = value  # the one header that `get_param` reads by default
    return message
