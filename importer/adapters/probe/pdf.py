"""A PDF's bytes -> PdfFacts, by pypdf and a look at the raw bytes."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO

from pypdf import PageObject, PasswordType, PdfReader
from pypdf.generic import DictionaryObject, NullObject, PdfObject

from importer.adapters.probe.einvoice import read_einvoices
from importer.adapters.probe.guard import Malformed, attempt, clean, parsing
from importer.adapters.probe.pdf_content import survey
from importer.adapters.probe.pdf_ending import is_cut_off, misdirection
from importer.adapters.probe.textlayer import read_text
from importer.core.facts import Encryption, PdfFacts

_VERSION = re.compile(rb"%PDF-(\d\.\d)")
_OBJECT = re.compile(rb"\s{0,8}(\d{1,40})\s{1,8}(\d{1,40})\s{1,8}obj")
_HEADER_WITHIN = 1024
_NO_CROSS_REFERENCE = b"\nstartxref\n0\n%%EOF\n"
"""Appended to a file, makes pypdf look for the objects themselves."""


def inspect_pdf(content: bytes, text: int = 0) -> PdfFacts:
    """The facts of bytes that have a PDF's header.

    A PDF whose end is missing is not parsed: what a reader could still rebuild is not what was sent.

    Args:
        content: the whole file.
        text: how many characters of the text layer are wanted.

    Raises:
        MemoryError, RecursionError: it takes too much.
    """
    header = _VERSION.search(content[:2048])
    content = _from_its_header(content)
    facts = PdfFacts(version=header[1].decode() if header else "")
    if is_cut_off(content):
        return replace(facts, truncated=True)
    try:
        with parsing():
            return _read(content, facts, text)
    except Malformed as error:
        return _repaired(content, facts, text) or replace(facts, unreadable=_told(error))


def _told(error: Malformed) -> str:
    """Without the addresses in memory that pypdf's references show."""
    return re.sub(r"IndirectObject\((\d+), (\d+), \d+\)?", r"object \1 \2", str(error))


def _from_its_header(content: bytes) -> bytes:
    """Without what stands before the header, where the file's offsets count from there (ISO 32000-2, 7.5.2)."""
    inner = content[max(content.find(b"%PDF-", 0, _HEADER_WITHIN), 0) :]
    return inner if misdirection(content) and not misdirection(inner) else content


def _repaired(content: bytes, facts: PdfFacts, text: int) -> PdfFacts | None:
    """Read by looking for the objects themselves, as every reader does in the end; None where that finds no page."""
    try:
        with parsing():
            found = _read(content + _NO_CROSS_REFERENCE, facts, text)
    except Malformed:
        return None
    return replace(found, damage="the cross-reference cannot be used") if found.pages else None


def _read(content: bytes, facts: PdfFacts, text: int) -> PdfFacts:
    reader = _open(content)
    if reader is not None and _encrypts_attachments_only(reader):
        reader = _open(content.replace(b"/Encrypt", b"/Ignored"))
        facts = replace(facts, encryption=Encryption.OWNER_ONLY)
    if reader is None or (reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED):
        return replace(facts, encryption=Encryption.PASSWORD, damage=misdirection(content))
    # Before anything is looked up: pypdf corrects wrong entries as it meets them.
    misplaced = _misplaced_objects(reader, content)
    found = survey(reader.root_object)
    faults = (misdirection(content), misplaced, *_page_faults(reader), found.fault)
    return replace(
        facts,
        version=clean(str(reader.root_object.get("/Version", "")).lstrip("/")) or facts.version,
        pages=len(reader.pages),
        title=_title(reader),
        encryption=Encryption.OWNER_ONLY if reader.is_encrypted else facts.encryption,
        damage="; ".join(filter(None, faults)),
        active=found.active,
        embedded=found.embedded,
        einvoices=read_einvoices(found.specifications),
        text=read_text(reader, text),
    )


def _open(content: bytes) -> PdfReader | None:
    """None where the file wants a certificate or another security handler than the standard's."""
    try:
        return PdfReader(BytesIO(content))
    except NotImplementedError:
        if b"/Encrypt" in content:
            return None
        raise


def _encrypts_attachments_only(reader: PdfReader) -> bool:
    """Whether text and pages lie open, by the crypt filters that are the default (ISO 32000-1, 7.6.5)."""
    if not reader.is_encrypted:
        return False
    entries = reader.trailer["/Encrypt"].get_object()
    if not isinstance(entries, DictionaryObject) or entries.get("/V") not in (4, 5):
        return False
    return {entries.get("/StmF", "/Identity"), entries.get("/StrF", "/Identity")} == {"/Identity"}


def _misplaced_objects(reader: PdfReader, content: bytes) -> str:
    """Which share of the cross-reference does not lead to the object that it names."""
    total = wrong = 0
    for generation, offsets in reader.xref.items():
        for number, offset in offsets.items():
            total += 1
            header = _OBJECT.match(content, offset)
            wrong += header is None or not (_says(header[1], number, zeros=9) and _says(header[2], generation, zeros=4))
    return f"{wrong} of {total} objects are not where the cross-reference says" if wrong else ""


def _says(digits: bytes, number: int, *, zeros: int) -> bool:
    """Whether they are the number, with at most so many zeros before it."""
    return int(digits) == number and len(digits) <= zeros + len(str(number))


def _page_faults(reader: PdfReader) -> Iterator[str]:
    root = reader.root_object["/Pages"].get_object()
    declared = root.get("/Count") if isinstance(root, DictionaryObject) else None
    if declared != len(reader.pages):
        yield clean(f"the file says {declared} pages and has {len(reader.pages)}")
    for number, page in enumerate(reader.pages, start=1):
        if "/Contents" in page and isinstance(attempt(partial(_content_of, page), None), NullObject | None):
            yield f"the content of page {number} is missing"
            return


def _content_of(page: PageObject) -> PdfObject | None:
    content: PdfObject | None = page.raw_get("/Contents").get_object()
    return content


def _title(reader: PdfReader) -> str:
    return attempt(lambda: clean((reader.metadata and reader.metadata.title) or ""), "")
