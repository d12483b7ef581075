"""A PDF's bytes -> PdfFacts, by pypdf and a look at the raw bytes."""

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

from pypdf import PasswordType, PdfReader
from pypdf.generic import DictionaryObject, NullObject

from importer.adapters.probe.guard import Malformed, attempt, clean, parsing
from importer.adapters.probe.pdf_content import survey
from importer.adapters.probe.pdf_ending import is_cut_off, misdirection
from importer.core.facts import Encryption, PdfFacts

_VERSION = re.compile(rb"%PDF-(\d\.\d)")


def inspect_pdf(content: bytes) -> PdfFacts:
    """The facts of bytes that have a PDF's header.

    A PDF whose end is missing is not parsed: what a reader could still rebuild is not what was sent.

    Raises:
        MemoryError, RecursionError: it takes too much.
    """
    header = _VERSION.search(content[:2048])
    facts = PdfFacts(version=header[1].decode() if header else "")
    if is_cut_off(content):
        return replace(facts, truncated=True)
    try:
        with parsing():
            return _read(content, facts)
    except Malformed as error:
        return replace(facts, unreadable=str(error))


def _read(content: bytes, facts: PdfFacts) -> PdfFacts:
    reader = _open(content)
    if reader is None or (reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED):
        return replace(facts, encryption=Encryption.PASSWORD, damage=misdirection(content))
    # Before anything is looked up: pypdf corrects wrong entries as it meets them.
    misplaced = _misplaced_objects(reader, content)
    found = survey(reader.root_object)
    faults = (misdirection(content), misplaced, *_page_faults(reader), found.fault)
    return replace(
        facts,
        version=str(reader.root_object.get("/Version", "")).lstrip("/") or facts.version,
        pages=len(reader.pages),
        title=_title(reader),
        encryption=Encryption.OWNER_ONLY if reader.is_encrypted else Encryption.NONE,
        damage="; ".join(filter(None, faults)),
        active=found.active,
        embedded=found.embedded,
    )


def _open(content: bytes) -> PdfReader | None:
    """None where the file wants a certificate or another security handler than the standard's."""
    try:
        return PdfReader(BytesIO(content))
    except NotImplementedError:
        if b"/Encrypt" in content:
            return None
        raise


def _misplaced_objects(reader: PdfReader, content: bytes) -> str:
    """Which share of the cross-reference does not lead to the object that it names."""
    total = wrong = 0
    for generation, offsets in reader.xref.items():
        for number, offset in offsets.items():
            total += 1
            header = re.compile(rb"\s{0,8}0{0,9}%d\s{1,8}0{0,4}%d\s{1,8}obj" % (number, generation))
            wrong += header.match(content, offset) is None
    return f"{wrong} of {total} objects are not where the cross-reference says" if wrong else ""


def _page_faults(reader: PdfReader) -> Iterator[str]:
    root = reader.root_object["/Pages"].get_object()
    declared = root.get("/Count") if isinstance(root, DictionaryObject) else None
    if declared != len(reader.pages):
        yield clean(f"the file says {declared} pages and has {len(reader.pages)}")
    for number, page in enumerate(reader.pages, start=1):
        if "/Contents" in page and isinstance(page.raw_get("/Contents").get_object(), NullObject | None):
            yield f"the content of page {number} is missing"
            return


def _title(reader: PdfReader) -> str:
    return attempt(lambda: clean((reader.metadata and reader.metadata.title) or ""), "")
