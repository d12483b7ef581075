"""What a visitor looks for: an id, an invoice reference, the beginning of a hash, or a part of a file's name."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from importer.adapters.ledger import LedgerReader
from importer.core.model import Document

FOUND = 50
"""Documents that are shown."""
LOOKED_AT = 200_000
"""Names that are looked at, the latest first: whoever asks does not wait for a ledger of millions."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_ID = re.compile(r"[Dd]([1-9][0-9]{0,17})")
_HASH = re.compile(r"[0-9a-f]{8,64}")


def find(ledger: LedgerReader, wanted: str) -> list[Document]:
    """What fits, the latest ones first; one more than `FOUND` where there is more.

    Raises:
        LedgerError: the ledger does not answer.
    """
    found = {document.id: document for document in _exact(ledger, wanted)}
    ids = islice(_named(ledger, wanted), FOUND + 1)
    found |= {document.id: document for document in ledger.each_of(i for i in ids if i not in found)}
    return [found[number] for number in sorted(found, reverse=True)][: FOUND + 1]


def _exact(ledger: LedgerReader, wanted: str) -> Iterator[Document]:
    if (match := _ID.fullmatch(wanted)) and (document := ledger.get(int(match[1]))):
        yield document
    yield from ledger.with_reference(wanted)
    yield from ledger.with_path(wanted)
    if _HASH.fullmatch(wanted.lower()):
        yield from ledger.with_hash(wanted.lower(), limit=FOUND)


def _named(ledger: LedgerReader, wanted: str) -> Iterator[int]:
    part = _folded(wanted)
    for number, path, *_ in islice(ledger.arrivals(since=LONG_AGO), LOOKED_AT):
        if part in _folded(path):
            yield number


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
