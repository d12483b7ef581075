"""What lies beside a document: its receipt, or the reason why it needs a person."""

import hashlib
import os
from pathlib import Path

from importer.adapters.archive.durable import FILE_MODE, Act, Open, fill, keeping, sync_folder
from importer.adapters.archive.errors import ReceiptDamaged, explained
from importer.adapters.archive.places import make_folder
from importer.core.model import Document, Receipt
from importer.core.naming import REASON, RECEIPT, temporary_prefix
from importer.core.receipts import receipt_from_json, receipt_to_json
from importer.core.wording import reason_text


def write_receipt(target: Path, receipt: Receipt) -> Act[Path]:
    """Writes `<target name>.receipt.json` beside the target, whether or not the document is there yet.

    It is whole on disk before it gets its name; the name is on disk with the next sync of the folder.

    Raises:
        ArchiveError: it cannot be written; NotDurable: the system could not say that it is on disk.
    """
    return _write(_beside(target, RECEIPT), receipt_to_json(receipt))


def read_receipt(path: Path) -> Receipt:
    """What `write_receipt` has written.

    Raises:
        ReceiptDamaged: it is not as it was written.
        ArchiveError: it cannot be read.
    """
    with explained("read the receipt", path):
        content = path.read_bytes()
    try:
        return receipt_from_json(content)
    except ValueError as error:
        remedy = "restore it from a backup, or remove it: the ledger can be rebuilt from a read-back instead"
        raise ReceiptDamaged("use the receipt", path, str(error), remedy) from error


def write_reason(target: Path, document: Document) -> Act[Path]:
    """Writes `<target name>.reason.txt` beside the target, as a receipt: for a clerk, in German and in English.

    Raises:
        ArchiveError: it cannot be written; NotDurable: the system could not say that it is on disk.
        ValueError: the document has no reason.
    """
    if document.reason is None:
        raise ValueError(f"D{document.id} has no reason to write down")
    text = reason_text(document.reason, document)
    return _write(_beside(target, REASON), text.encode("utf-8", "backslashreplace"))


def remove_sidecars(target: Path, *, receipt: bool = False) -> None:
    """Removes the reason beside a document that leaves its folder.

    Args:
        target: where the document lies, or was to lie.
        receipt: also a receipt; otherwise that stays for ever.

    Raises:
        ArchiveError: it cannot be removed.
    """
    for ending in (REASON, RECEIPT) if receipt else (REASON,):
        path = _beside(target, ending)
        with explained("remove the reason or receipt", path):
            if os.path.lexists(path):
                path.unlink(missing_ok=True)
                sync_folder(path.parent)


def keep_names(target: Path) -> Act[None]:
    """Waits until the names of what was written beside the target are on disk; a move there does so as well.

    Raises:
        ArchiveError: the folder cannot be opened; NotDurable: the system could not say that it is on disk.
    """
    with explained("keep what lies beside it", target):
        yield from keeping(target.parent)


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)


def _write(path: Path, content: bytes) -> Act[Path]:
    """Replaces an earlier one at once. Whoever has claimed the document is alone with this name."""
    make_folder(path.parent)
    # The same after a crash, so that the next try cleans up by itself; another content never shares it.
    temporary = path.with_name(temporary_prefix(path.name, hashlib.sha256(content).hexdigest()))
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with explained("write it", path):
        descriptor = os.open(temporary, flags, FILE_MODE)
        try:
            yield from fill(Open(descriptor, temporary), [content])
        finally:
            os.close(descriptor)
        os.replace(temporary, path)  # noqa: PTH105 - Path.replace takes the new path to pieces once more
    return path
