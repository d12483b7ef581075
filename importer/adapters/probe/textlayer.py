"""The beginning of a PDF's text layer, by pypdf: what a reader would copy, without the pictures of a scan."""

import time
from collections.abc import Iterator
from functools import partial

from pypdf import PageObject, PdfReader

from importer.adapters.probe.guard import attempt

MAX_PAGES = 20
"""An invoice says its number on the first page; the limit leaves room for covering letters."""
MAX_PAGE_CONTENT = 2 * 1024 * 1024
"""Bytes of drawing instructions on a page; more of them draw a map or a plan, and take too long to go through."""
MAX_SECONDS = 5.0
"""Of processor time, after which no further page is begun: less than makes the whole document too complex."""


def read_text(reader: PdfReader, limit: int) -> str:
    """The text of the first pages, in the order in which they draw it; empty where there is none.

    A page that cannot be read has no text, and spoils no other.

    Args:
        reader: of a PDF that is open, and needs no password.
        limit: in characters; 0 reads nothing.

    Raises:
        MemoryError, RecursionError: it takes too much.
    """
    text = ""
    for page in _pages(reader):
        if len(text) >= limit:
            break
        text += f"{attempt(partial(_text_of, page), '')}\n"
    # Half of a surrogate pair would not survive the way to the parent.
    return text[:limit].encode(errors="replace").decode()


def _pages(reader: PdfReader) -> Iterator[PageObject]:
    end = time.process_time() + MAX_SECONDS
    for number in range(min(len(reader.pages), MAX_PAGES)):
        if time.process_time() >= end:
            return
        yield reader.pages[number]


def _text_of(page: PageObject) -> str:
    content = page.get_contents()
    if content is None or len(content.get_data()) > MAX_PAGE_CONTENT:
        return ""
    return page.extract_text()
