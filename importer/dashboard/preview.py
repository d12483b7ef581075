"""A file as text: what a person has to see of it in order to decide. Nothing in it is ever run, drawn or fetched.

A PDF is read in a guarded child process, as for the import. Of an e-mail only the beginning is looked at.
"""

import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.adapters.probe import Limits, Probe
from importer.adapters.probe.header_text import decode_words, decoded, guessed
from importer.adapters.probe.mime import Part, parts_of, with_plain_lines
from importer.adapters.probe.transfer import unpacked
from importer.adapters.reading import ReadError, read
from importer.core.facts import Facts, PdfFacts
from importer.core.model import Document

CHARACTERS = 20_000
"""Of text that is shown."""
MAIL_START = 256 * 1024
"""Bytes of an e-mail that are looked at."""
PATIENCE = 10.0
"""Seconds to wait for another preview."""
LIMITS = Limits(seconds=20.0, cpu_seconds=10, text=CHARACTERS)
SHOWN_HEADERS = ("from", "to", "cc", "date", "subject")

_one_at_a_time = threading.Lock()


class NoContent(Exception):
    """Its bytes are not to be had."""

    def __init__(self, key: str, cause: str = "") -> None:
        super().__init__(cause or key)
        self.key = key
        """Of a message (`words.MESSAGES`)."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What there is to see."""

    kind: str
    """`pdf`, `eml`, or `other` for what has no preview."""
    headers: tuple[tuple[str, str], ...] = ()
    """Of an e-mail."""
    text: str = ""
    attachments: tuple[str, ...] = ()
    """Names of what an e-mail or a PDF carries."""
    pdf: PdfFacts | None = None


def content_of(document: Document, limit: int) -> bytes:
    """The document's bytes, from where it lies now.

    Raises:
        NoContent: they are gone, have changed, cannot be read or are more than `limit`.
    """
    try:
        reading = read(Path(document.location), limit)
    except ReadError as error:
        raise NoContent("preview_gone", str(error)) from error
    if reading.sha256 != document.sha256:
        raise NoContent("preview_changed")
    if reading.content is None:
        raise NoContent("preview_too_large")
    return reading.content


def preview(content: bytes, extension: str) -> Preview:
    """What a person can read of these bytes.

    Raises:
        ProbeError: PDFs cannot be looked at on this machine.
        NoContent: the e-mail is too deeply nested, or other previews take too long.
    """
    if extension == "eml":
        try:
            return _mail(content[:MAIL_START])
        except (RecursionError, ValueError) as error:
            raise NoContent("preview_unreadable") from error
    # A child takes a good deal of memory; whoever looks at several files waits, but not with all threads of the page.
    if not _one_at_a_time.acquire(timeout=PATIENCE):
        raise NoContent("preview_busy")
    try:
        with Probe(workers=1, limits=LIMITS) as probe:
            return _pdf(probe.probe(content, extension))
    finally:
        _one_at_a_time.release()


def legible(text: str) -> str:
    """Lines and blanks as they are; no character that turns the direction of writing, hides others, or is none."""
    return "".join(map(_legible, text.replace("\N{SOFT HYPHEN}", "")))


def _legible(character: str) -> str:
    if character.isprintable() or character in "\n\t" or unicodedata.category(character) == "Zs":
        return character
    return "\n" if character.isspace() else "\N{REPLACEMENT CHARACTER}"


def _pdf(facts: Facts) -> Preview:
    if facts.pdf is None:
        return Preview("other")
    return Preview("pdf", text=legible(facts.pdf.text.strip()), attachments=facts.pdf.embedded, pdf=facts.pdf)


def _mail(content: bytes) -> Preview:
    parts = list(parts_of(with_plain_lines(content)))
    headers = tuple(_headers(parts[0]))
    names = (part.headers.parameter("content-disposition", "filename") for part in parts)
    return Preview(
        "eml", headers, legible(_body(parts)[:CHARACTERS]), tuple(decode_words(name) for name in names if name)
    )


def _headers(whole: Part) -> Iterator[tuple[str, str]]:
    for name in SHOWN_HEADERS:
        for raw in whole.headers.every(name):
            yield name.title(), decode_words(guessed(raw[:4096]).replace("\n", ""))


def _body(parts: list[Part]) -> str:
    """The text for reading; of an e-mail that has none, its HTML as it is written."""
    for media_type in ("text/plain", "text/html"):
        bodies = [part for part in parts if part.media_type == media_type and not _is_attached(part)]
        text = "\n\n".join(_text_of(part) for part in bodies).strip()
        if text:
            return text
    return ""


def _is_attached(part: Part) -> bool:
    return part.headers.value("content-disposition") == "attachment"


def _text_of(part: Part) -> str:
    charset = part.headers.parameter("content-type", "charset")
    return decoded(unpacked(part.body, part.encoding), charset or "utf-8")
