"""Whether a PDF's end is there and leads to its cross-reference: told by the raw bytes (ISO 32000-1, 7.5.5)."""

import re

_STARTXREF = re.compile(rb"startxref\s{0,20}(\d{1,12})")
_CROSS_REFERENCE = re.compile(rb"\s{0,8}(?:xref\s|\d{1,10}\s{1,8}\d{1,5}\s{1,8}obj)")
_BODY = re.compile(rb"endstream|endobj|\d\s{1,8}\d{1,5}\s{1,8}obj")


def is_cut_off(content: bytes) -> bool:
    """Whether the end of the file is missing: the end marker, or what was begun after it.

    What follows the last marker must not be the file's own matter: an update that was not finished, or the rest around
    an embedded PDF, whose marker that was.
    """
    marker = content.rfind(b"%%EOF")
    return marker < 0 or _BODY.search(content, marker) is not None


def misdirection(content: bytes) -> str:
    """What is wrong with the way from the file's end to its cross-reference; empty when nothing is."""
    pointer = content.rfind(b"startxref", 0, content.rfind(b"%%EOF"))
    offset = _STARTXREF.match(content, pointer) if pointer >= 0 else None
    leads_there = offset is not None and _CROSS_REFERENCE.match(content, int(offset[1])) is not None
    return "" if leads_there else "the cross-reference is not where the file says"
