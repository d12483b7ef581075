"""A new ledger from what is left: what the old one can still tell, and the receipts in the archive. Sends nothing.

Nobody knows what the old ledger has forgotten. So whatever was not finished counts as possibly sent: it is looked up at
Abillify before anything else, and nothing is sent until its absence is proved. Files that come in later are looked up
before their first send too (`LedgerReader.rebuilt_at`).
"""

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from importer.adapters.archive import ArchiveError, read_receipt
from importer.adapters.ledger import (
    LedgerError,
    LedgerNeedsPerson,
    Reconstruction,
    Sighting,
    Testimony,
    read_witness,
    reconstructing,
)
from importer.adapters.reading import ReadError, read
from importer.core.admission import doubted_after_rebuild
from importer.core.model import Document, Key, Receipt, State
from importer.core.naming import RECEIPT
from importer.core.receipts import identity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are."""

    ledger: str
    """Its address."""
    witness: Path
    archive: Path
    """The folder under which the receipts lie."""
    inbox: Path


@dataclass(slots=True)
class Rebuilt:
    """What came of it."""

    kept: str | None
    """Where the old ledger is now; None when there was none."""
    epoch: int = 0
    documents: int = 0
    restored: int = 0
    """Documents whose receipts knew more than the old ledger."""
    to_look_up: int = 0
    """Documents that will be asked for at Abillify before anything is sent."""
    problems: list[str] = field(default_factory=list)
    """Receipts that could not be used, each with what to do."""


def rebuild(places: Places, account: str, now: datetime) -> Rebuilt:
    """Puts a new ledger in the place of the old one, which is kept. The caller is alone with a file.

    Raises:
        LedgerBusy: others work with it.
        LedgerNeedsPerson: the old ledger is another account's, or of another version.
        LedgerError: a file cannot be read or written; the old ledger is where it was.
    """
    with reconstructing(places.ledger, places.witness, now) as (new, kept):
        rebuilt = Rebuilt(kept)
        new.carry_over(account)
        rebuilt.epoch = new.begin_epoch(_last_testimony(places.witness), account, now)
        _restore(new, places, rebuilt, now)
        for document in new.documents():
            rebuilt.documents += 1
            changed = _forgetful(document, now)
            if changed != document:
                new.put(changed, "ledger.rebuilt", now)
            rebuilt.to_look_up += changed.state is State.UNCERTAIN
    return rebuilt


def receipts_under(archive: Path) -> list[Path]:
    """Every receipt in the archive, in the order of the paths.

    Raises:
        LedgerError: a folder cannot be read; what lies in it must not pass for missing.
    """

    def refuse(error: OSError) -> None:
        raise LedgerError(
            f"archive {archive}: {error.filename} cannot be read ({error.strerror}); give the importer's user the "
            "right to read it"
        ) from error

    walked = os.walk(archive, onerror=refuse) if archive.exists() else iter(())
    return sorted(Path(folder, name) for folder, _, names in walked for name in names if name.endswith(RECEIPT))


def _last_testimony(witness: Path) -> Testimony | None:
    try:
        return read_witness(witness)
    except LedgerNeedsPerson:
        return None  # damaged; the new ledger gets a new one


def _restore(new: Reconstruction, places: Places, rebuilt: Rebuilt, now: datetime) -> None:
    seen: dict[str, tuple[Path, Receipt]] = {}
    for path in receipts_under(places.archive):
        try:
            receipt = read_receipt(path)
        except ArchiveError as error:
            rebuilt.problems.append(str(error))
            continue
        first, told = seen.setdefault(identity_of(receipt).fingerprint, (path, receipt))
        if first != path:
            if told != receipt:  # otherwise somebody has copied it
                rebuilt.problems.append(
                    f"{path}: it is for the same document as {first}; look whether Abillify has it twice"
                )
            continue
        rebuilt.restored += _restore_one(new, receipt, path, places.inbox, now)


def _restore_one(new: Reconstruction, receipt: Receipt, path: Path, inbox: Path, now: datetime) -> bool:
    """Whether the receipt knew more than the old ledger."""
    known = new.find(identity_of(receipt)) or new.find_unsettled(receipt.document_id, receipt.sha256)
    if known is not None and known.state is State.IMPORTED and known.references == receipt.references:
        if (beside := _beside(path)).exists() and not Path(known.location).exists():
            new.put(known.evolve(location=str(beside), target=None, in_place=False), "ledger.rebuilt", now)
        return False
    document, sighting = _located(_imported(_told_by(receipt, known or _unheard_of(receipt, inbox)), receipt), path)
    if known is None:
        new.add(document, sighting, "ledger.rebuilt", now)
    else:
        new.put(document, "ledger.rebuilt", now)
    return True


def _unheard_of(receipt: Receipt, inbox: Path) -> Document:
    return Document(
        id=receipt.document_id,
        account=receipt.account,
        sha256=receipt.sha256,
        size=receipt.size,
        inbox=str(inbox),
        path=receipt.path,
        location=str(inbox / receipt.path),
        filename=receipt.filename,
        invoice_reference=receipt.invoice_reference,
        kind=receipt.kind,
        label=receipt.label,
        rule=receipt.rule,
        first_seen_at=receipt.first_seen_at,
    )


def _told_by(receipt: Receipt, document: Document) -> Document:
    """An unsettled document may have had no reference, or another one, before it was judged anew."""
    return document.evolve(
        invoice_reference=receipt.invoice_reference, kind=receipt.kind, label=receipt.label, rule=receipt.rule
    )


def _imported(document: Document, receipt: Receipt) -> Document:
    return document.evolve(
        state=State.IMPORTED,
        references=receipt.references,
        imported_at=receipt.imported_at,
        key=Key(generation=receipt.generation),
        reason=None,
        next_attempt_at=None,
        waiting_since=None,
        unjudged=False,
    )


def _located(document: Document, receipt_path: Path) -> tuple[Document, Sighting | None]:
    """Where its file lies: beside the receipt; not moved there yet; or elsewhere, where it was told to stay."""
    beside = _beside(receipt_path)
    if beside.exists():
        return document.evolve(location=str(beside), target=None, in_place=False), None
    try:
        file = read(Path(document.location), 0)
    except ReadError:
        return document.evolve(target=None, in_place=True), None
    if file.sha256 != document.sha256 or document.in_place:
        return document.evolve(target=None, in_place=True), None
    sighting = Sighting(document.location, file.size, file.mtime_ns, file.inode)
    return document.evolve(target=str(beside)), sighting


def _beside(receipt_path: Path) -> Path:
    return receipt_path.with_name(receipt_path.name.removesuffix(RECEIPT))


def _forgetful(document: Document, now: datetime) -> Document:
    """A document that was not finished: a later send of it may have been forgotten.

    What has no identity yet, or waits for a person with nothing in doubt, begins anew: it is looked up before its first
    send.
    """
    if document.state in (State.IMPORTED, State.DUPLICATE):
        return document
    doubted = doubted_after_rebuild(document)
    if not document.state.is_on_its_way or document.identity is None:
        return document.evolve(key=doubted.key if document.key.in_doubt else Key())
    return doubted.evolve(tries=0, next_attempt_at=now)
