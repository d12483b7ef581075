"""A message's headers and parts where they lie in its bytes (RFC 5322, RFC 2046); no attachment is decoded.

The standard library's parser goes line by line and copies every body: a tenth of a second for five megabytes. Facts
need headers and structure only, so this looks for boundaries and leaves the bodies alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from itertools import pairwise

from importer.adapters.probe.header_text import decoded, guessed
from importer.adapters.probe.transfer import unpacked

MAX_DEPTH = 100
"""Parts within parts; a chain of replies, each forwarded as an attachment, has a few dozen at most."""
MAX_HEADER = 16 * 1024
"""Bytes of one header that are read; what a person sees of it is far less."""

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]{0,4}:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
# Programs that keep a message in an mbox put one before the headers, or leave a quoted one among them.
_ENVELOPE = re.compile(rb">?From [^\n]*\n")
_FORWARDED = ("message/rfc822", "message/global")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Headers:
    """Names in lower case with their raw values, in the order of the message."""

    fields: tuple[tuple[str, bytes], ...]

    def every(self, name: str) -> list[bytes]:
        return [value for key, value in self.fields if key == name]

    def first(self, name: str) -> bytes:
        """Empty where there is none."""
        return next(iter(self.every(name)), b"")

    def parameter(self, header: str, name: str) -> str:
        """A parameter as in `Content-Type: text/plain; name=x`, RFC 2231 undone; empty where there is none."""
        holder = Message()
        holder[header] = guessed(self.first(header)[:MAX_HEADER]).replace("\n", "")
        value = holder.get_param(name, "", header)
        if isinstance(value, tuple):
            charset, _, text = value
            return decoded(text.encode("latin-1", "replace"), charset or "utf-8")
        return str(value or "")

    def value(self, header: str) -> str:
        """What stands before the parameters, in lower case."""
        return guessed(self.first(header)[:MAX_HEADER]).partition(";")[0].strip().lower()


@dataclass(slots=True)
class Part:
    """One part, be it the message as a whole, with the place of its body."""

    headers: Headers
    content: bytes
    start: int
    end: int
    media_type: str
    depth: int
    damage: list[str] = field(default_factory=list)
    """What is missing or can be read in two ways."""
    oddities: list[str] = field(default_factory=list)
    """What every mail program copes with."""

    @property
    def is_container(self) -> bool:
        return self.media_type.startswith("multipart/")

    @property
    def has_parts(self) -> bool:
        """Whether its body is made of parts of its own, as a container's and a forwarded message's are."""
        return self.is_container or self.media_type in _FORWARDED

    @property
    def body(self) -> bytes:
        """As it is written, in its transfer encoding."""
        return self.content[self.start : self.end]

    @property
    def encoding(self) -> str:
        return self.headers.value("content-transfer-encoding")


def with_plain_lines(content: bytes) -> bytes:
    """UTF-8 or whatever it was, without a byte order mark or blank lines before the headers, lines ended by LF alone.

    A CR by itself ends a line, too: of all readings this one shows the most headers and parts. CR CR LF is what a
    program writes that ended its lines twice.
    """
    if content.startswith(_UTF16_MARKS):
        content = content[: len(content) & ~1].decode("utf-16", "replace").encode()
    content = content.removeprefix(_UTF8_MARK).lstrip(b"\r\n")
    if b"\r" in content:
        content = content.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content


def is_utf16(content: bytes) -> bool:
    return content.startswith(_UTF16_MARKS)


def parts_of(content: bytes) -> Iterator[Part]:
    """The message and all its parts, from the outside in, forwarded messages included.

    Args:
        content: as `with_plain_lines` gives it.

    Raises:
        RecursionError: there are more than `MAX_DEPTH` parts within parts.
    """
    return _walk(content, 0, len(content), 0, "text/plain")


def read_headers(content: bytes, start: int, end: int) -> tuple[Headers, int, bool]:
    """The headers from `start`, where the body begins, and whether a blank line divides the two."""
    fields: list[tuple[str, bytes]] = []
    at = start
    while at < end:
        if content[at] == ord("\n"):
            return Headers(tuple(fields)), at + 1, True
        if found := _FIELD.match(content, at, end):
            fields.append((found[1].decode("ascii").lower(), found[2].strip()))
        else:
            found = _ENVELOPE.match(content, at, end)
        if found is None:
            return Headers(tuple(fields)), at, False
        at = found.end()
    return Headers(tuple(fields)), end, True


def _walk(content: bytes, start: int, end: int, depth: int, default: str) -> Iterator[Part]:
    if depth > MAX_DEPTH:
        raise RecursionError("parts within parts without end")
    headers, body, divided = read_headers(content, start, end)
    media_type = headers.value("content-type")
    part = Part(headers, content, body, end, media_type if "/" in media_type else default, depth)
    if not divided:
        part.oddities.append("no blank line after the headers")
    if any(len(set(headers.every(name))) > 1 for name in ("content-type", "content-transfer-encoding")):
        part.damage.append("a part is said to be of two different types")
    yield part
    if part.is_container:
        yield from _children(part)
    elif part.has_parts:
        yield from _forwarded(part)


def _children(part: Part) -> Iterator[Part]:
    boundary = part.headers.parameter("content-type", "boundary").rstrip().encode("latin-1", "replace")
    if not boundary:
        part.oddities.append("parts are announced without a boundary")
        return
    marks = list(_delimiters(part, b"\n--" + boundary))
    if not marks:
        part.damage.append("the parts that the headers announce are missing")
        return
    closed = marks[-1][2]
    if not closed:
        part.damage.append("the end of a part is missing")
        marks.append((part.end, part.end, True))
    elif _is_message(part.content, marks[-1][1], part.end):
        part.damage.append("another message follows")
    default = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
    for (_, start, _), (end, _, _) in pairwise(marks):
        yield from _walk(part.content, start, max(start, end), part.depth + 1, default)


def _delimiters(part: Part, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each begins, with the line end before it, where the next line begins, and whether it is the last one."""
    content, end = part.content, part.end
    at = content.find(mark, max(part.start - 1, 0), end)
    while at >= 0:
        line = content.find(b"\n", at + len(mark), end)
        line = end if line < 0 else line
        rest = content[at + len(mark) : line].rstrip(b" \t")
        if rest in (b"", b"--"):
            yield at, min(line + 1, end), rest == b"--"
            if rest:
                return
        at = content.find(mark, line, end)


def _forwarded(part: Part) -> Iterator[Part]:
    # Forbidden by RFC 2046 and written all the same.
    if part.encoding in ("base64", "quoted-printable"):
        inner = with_plain_lines(unpacked(part.body, part.encoding))
        yield from _walk(inner, 0, len(inner), part.depth + 1, "text/plain")
    else:
        yield from _walk(part.content, part.start, part.end, part.depth + 1, "text/plain")


def _is_message(content: bytes, start: int, end: int) -> bool:
    """Whether what stands here begins like a message of its own."""
    while start < end and content[start] == ord("\n"):
        start += 1
    names = {name for name, _ in read_headers(content, start, min(end, start + 64 * 1024))[0].fields}
    return "from" in names and len(names & {"date", "subject", "to", "message-id", "received"}) > 1
