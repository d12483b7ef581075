"""Bytes -> Facts. What a file is is decided by its first bytes; only then is it parsed."""

import re

from importer.adapters.probe.eml import inspect_eml, is_single_message, looks_like_eml
from importer.adapters.probe.pdf import inspect_pdf
from importer.core.facts import Facts, Failure, Format

PDF_HEADER_WITHIN = 1024
"""Bytes in which readers look for `%PDF-` (Adobe's implementation note to ISO 32000-1, 7.5.2)."""

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"%PDF-", Format.PDF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format.OLE),
    (b"PK\x03\x04", Format.ZIP),
    (b"PK\x05\x06", Format.ZIP),
    (b"{\\rtf", Format.RTF),
    (b"\x89PNG\r\n", Format.IMAGE),
    (b"\xff\xd8\xff", Format.IMAGE),
    (b"GIF8", Format.IMAGE),
    (b"II*\x00", Format.IMAGE),
    (b"MM\x00*", Format.IMAGE),
    (b"\x78\x9f\x3e\x22", Format.TNEF),
)
_MARKUP: tuple[tuple[bytes, Format], ...] = (
    (b"<!doctype html", Format.HTML),
    (b"<html", Format.HTML),
    (b"<head", Format.HTML),
    (b"<body", Format.HTML),
    (b"<?xml", Format.XML),
)
# An mbox starts with an envelope, "From sender date", in which the year is at the end or before the zone.
_MBOX = re.compile(rb"From [^\r\n]{1,200}\d\d:\d\d[^\r\n]{0,40}\d{4}[^\r\n]{0,20}\r?\n")
_OUTLOOK_STREAM = "__properties_version1.0".encode("utf-16-le")


def inspect(content: bytes, text: int = 0) -> Facts:
    """Everything that the bytes say, for every kind of bytes; no exception escapes.

    Args:
        content: the whole file.
        text: how many characters of a PDF's text layer are wanted.
    """
    kind = Format.UNKNOWN
    try:
        kind = recognise(content)
        return Facts(
            format=kind,
            size=len(content),
            pdf=inspect_pdf(content, text) if kind is Format.PDF else None,
            eml=inspect_eml(content) if kind is Format.EML else None,
        )
    except (MemoryError, RecursionError):
        return Facts(format=kind, size=len(content), failure=Failure.TOO_COMPLEX)


def recognise(content: bytes) -> Format:
    """What the bytes are."""
    if not content:
        return Format.EMPTY
    if (kind := _by_first_bytes(content)) is not None:
        return kind
    # Headers before a late %PDF-: an e-mail may quote it, a PDF never starts with "From:".
    if looks_like_eml(content):
        return Format.EML
    return Format.PDF if b"%PDF-" in content[:PDF_HEADER_WITHIN] else Format.UNKNOWN


def _by_first_bytes(content: bytes) -> Format | None:
    kind = next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)
    if kind is Format.ZIP:
        return _kind_of_zip(content)
    if kind is Format.OLE:
        return Format.MSG if _OUTLOOK_STREAM in content else Format.OLE
    if kind is None and _MBOX.match(content) and not is_single_message(content):
        return Format.MBOX
    start = content[:256].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return kind or next((markup for magic, markup in _MARKUP if start.startswith(magic)), None)


def _kind_of_zip(content: bytes) -> Format:
    # The names of a ZIP's members stand uncompressed in its directory.
    if b"word/document.xml" in content:
        return Format.DOCX
    return Format.XLSX if b"xl/workbook.xml" in content else Format.ZIP
