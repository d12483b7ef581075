"""The ledger against itself, its witness, and the archive: every document's file and every receipt. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.adapters.archive import ArchiveError, read_receipt
from importer.adapters.ledger import Database, LedgerError, LedgerReader, Witness, faults_of
from importer.adapters.reading import ReadError, read
from importer.core.model import Document, Receipt, State
from importer.core.naming import RECEIPT
from importer.core.receipts import identity_of
from importer.rebuild import Places, receipts_under


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    check: str
    """`ledger`, `witness`, `file` or `receipt`."""
    message: str
    is_fault: bool = True
    """A person must act; otherwise it is only worth knowing."""


def verify(places: Places) -> Iterator[Finding]:
    """Everything that is wrong. A service may be at work meanwhile.

    Raises:
        LedgerError: the ledger cannot be read at all.
    """
    database = Database(places.ledger)
    try:
        yield from (Finding("ledger", fault) for fault in faults_of(database))
        yield from _witness(database, places.witness)
        reader = LedgerReader(database)
        # The rows before the receipts: a row is written first, so what comes in meanwhile is no finding.
        settled = [d for d in reader.documents(states=[State.IMPORTED]) if d.target is None]
        for document in settled:
            yield from _file(document)
        yield from _receipts(reader, settled, places.archive)
    finally:
        database.close()


def _witness(database: Database, path: Path) -> Iterator[Finding]:
    try:
        wrong = Witness(path, database).contradiction()
    except LedgerError as error:
        wrong = str(error)
    if wrong:
        yield Finding("witness", wrong)
    elif not path.exists():
        yield Finding("witness", f"there is no witness {path} yet; the next start makes one", is_fault=False)


def _file(document: Document) -> Iterator[Finding]:
    try:
        reading = read(Path(document.location), 0)
    except ReadError as error:
        yield Finding("file", f"D{document.id}: {error}", is_fault=not document.in_place)
        return
    if reading.sha256 != document.sha256:
        message = f"D{document.id}: {document.location} has other content than was imported"
        yield Finding("file", message, is_fault=not document.in_place)


def _receipts(reader: LedgerReader, settled: list[Document], archive: Path) -> Iterator[Finding]:
    unmatched = {document.id: document for document in settled}
    for path in receipts_under(archive):
        try:
            receipt = read_receipt(path)
        except ArchiveError as error:
            yield Finding("receipt", str(error))
            continue
        document = _imported_as(reader, receipt)
        if document is None:
            yield Finding("receipt", f"{path}: the ledger knows no imported document for it")
            continue
        unmatched.pop(document.id, None)
        if document.references != receipt.references:
            yield Finding("receipt", f"{path}: its references are not those of D{document.id} in the ledger")
    for document in unmatched.values():
        if not Path(document.location + RECEIPT).exists():
            yield Finding("receipt", f"D{document.id}: the receipt of {document.location} is missing from the archive")


def _imported_as(reader: LedgerReader, receipt: Receipt) -> Document | None:
    same = (d for d in reader.with_bytes(receipt.sha256) if d.state is State.IMPORTED)
    return next((d for d in same if d.identity == identity_of(receipt)), None)
