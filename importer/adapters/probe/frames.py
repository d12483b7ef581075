"""Length-prefixed messages over a pipe, for both ends of it; the streams are unbuffered."""

import struct
from dataclasses import fields
from typing import Protocol

from importer.core.facts import EinvoiceFacts, EmlFacts, Facts, PdfFacts

READY = repr([field.name for kind in (Facts, PdfFacts, EmlFacts, EinvoiceFacts) for field in fields(kind)]).encode()
"""The child's first message: everything is imported, the limits are set, and these are the facts that it tells.

A running importer whose program files are replaced starts children of the new version; no document is to blame.
"""

_LENGTH = struct.Struct("!Q")
_CHUNK = 1024 * 1024
_SMALL = 64 * 1024
"""Bytes that are copied rather than written by themselves."""


class Source(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


class Sink(Protocol):
    def write(self, part: memoryview, /) -> int | None: ...


def write_frame(stream: Sink, payload: bytes) -> None:
    """Write one message.

    Raises:
        BrokenPipeError: the other end is gone.
    """
    length = _LENGTH.pack(len(payload))
    for part in (length + payload,) if len(payload) <= _SMALL else (length, payload):
        rest = memoryview(part)
        while rest:
            rest = rest[stream.write(rest) :]


def read_frame(stream: Source, limit: int) -> bytes | None:
    """The next message of at most `limit` bytes; None where the other end is gone or does not speak in messages."""
    header = _read_exactly(stream, _LENGTH.size)
    size = limit + 1 if header is None else _LENGTH.unpack(header)[0]
    return None if size > limit else _read_exactly(stream, size)


def _read_exactly(stream: Source, size: int) -> bytes | None:
    buffer = bytearray()
    while len(buffer) < size:
        chunk = stream.read(min(size - len(buffer), _CHUNK))
        if not chunk:
            return None
        buffer += chunk
    return bytes(buffer)
