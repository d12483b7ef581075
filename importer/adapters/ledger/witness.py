"""The witness: a small file beside the archive that knows how far the ledger had come.

A ledger that was deleted, restored from a backup or replaced does not know what it has forgotten. The witness does: it
is written after an upload's intent is on disk and before its first byte, so a ledger that could send something a second
time is always behind it.

The file has two slots that are written in turn, in place: one sync is enough, no name changes. A slot that a crash has
cut in half is told by its hash, and the other one still says what was true before; nothing was sent on the word of
the torn one.
"""

import errno
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, bindparam, select

from importer.adapters.ledger.database import Database
from importer.adapters.ledger.errors import LedgerError, LedgerNeedsPerson
from importer.adapters.ledger.meta import get_meta, set_meta
from importer.adapters.ledger.prepared import Prepared
from importer.adapters.ledger.shared import last_sequence
from importer.adapters.ledger.tables import documents, events
from importer.core.naming import RECEIPT

WITNESS = ".ledger-witness.json"
"""The witness's name in the root of the archive."""

REMEDY = (
    "nothing is sent. Put the right ledger back; if it is lost, `importer ledger rebuild` makes a new one from the "
    "archive's receipts, and looks at Abillify before it sends anything"
)

SLOT = 512
"""Bytes of each of the two slots: a disk's smallest sector."""

_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})


_EVENT = Prepared(
    select(events, documents.c.sha256)
    .outerjoin(documents, documents.c.id == events.c.document_id)
    .where(events.c.id == bindparam("sequence"))
)


@dataclass(frozen=True, slots=True)
class Testimony:
    """How far a ledger had come."""

    ledger: str
    """The ledger's identity, made up with it."""
    epoch: int
    """Counts the rebuilds, from 1."""
    sequence: int
    """The id of the last event; 0 for a ledger without any."""
    hash: str
    """SHA-256 over that event and its document's bytes: a ledger that went on differently has another one there."""

    def reaches(self, other: "Testimony") -> bool:
        """Whether this ledger had come at least as far."""
        return (self.epoch, self.sequence) >= (other.epoch, other.sequence)


def testimony(connection: Connection) -> Testimony:
    """What a ledger can say of itself now."""
    last = last_sequence(connection)
    ledger, epoch = get_meta(connection, "ledger"), get_meta(connection, "epoch")
    return Testimony(ledger or "", epoch or 1, last, _hash_at(connection, last))


def identify(connection: Connection, ledger: str | None = None, epoch: int = 1) -> None:
    """Gives a ledger its identity."""
    set_meta(connection, "ledger", ledger or secrets.token_hex(16))
    set_meta(connection, "epoch", epoch)


class Witness:
    """The file, and the ledger that it vouches for. Safe to share between threads and processes.

    Args:
        path: in the archive's root; the folder must exist.
        database: the ledger.
    """

    def __init__(self, path: Path, database: Database) -> None:
        self._path = path
        self._database = database

    def contradiction(self) -> str | None:
        """What the witness knows better than the ledger; None when they agree.

        Raises:
            LedgerError: the witness cannot be read.
        """
        with self._database.read() as connection:
            return self._contradiction(connection, read_witness(self._path), testimony(connection))

    def face(self) -> None:
        """Before anything is sent: has the witness know this ledger, if it knows none, or an earlier epoch of it.

        Raises:
            LedgerNeedsPerson: the witness contradicts the ledger.
            LedgerError: the witness cannot be read or written.
        """
        self._vouch(lambda known, own: known.epoch < own.epoch)

    def vouch(self) -> None:
        """Has the witness know the ledger as far as it has come by now; that is on disk afterwards.

        Raises:
            LedgerNeedsPerson: the witness contradicts the ledger.
            LedgerError: the witness cannot be written.
        """
        self._vouch(lambda known, own: not known.reaches(own))

    def _vouch(self, is_behind: Callable[[Testimony, Testimony], bool]) -> None:
        with _explained(self._path), self._alone():
            last = _read(self._path)
            with self._database.read() as connection:
                own = testimony(connection)
                wrong = self._contradiction(connection, last.told if last else None, own)
            if wrong:
                raise LedgerNeedsPerson(f"ledger {self._database.path}: {wrong}; {REMEDY}")
            if last is None:
                _make(self._path, own)
            elif is_behind(last.told, own):
                _write(self._path, own, last.number + 1)

    def _contradiction(self, connection: Connection, known: Testimony | None, own: Testimony) -> str | None:
        if known is None:
            forgotten = own.sequence == 0 and has_receipts(self._path.parent)
            return f"it is empty, but the archive {self._path.parent} holds receipts" if forgotten else None
        if known.ledger != own.ledger:
            return f"it is {'another' if own.sequence else 'a new'} ledger, not the one that {self._path} knows"
        if not own.reaches(known):
            return (
                f"it is an older copy: it ends at event {own.sequence} of epoch {own.epoch}, but {self._path} has seen "
                f"event {known.sequence} of epoch {known.epoch}"
            )
        if known.epoch == own.epoch and known.hash != _hash_at(connection, known.sequence):
            return f"an older copy has gone on by itself: its event {known.sequence} is not the one in {self._path}"
        return None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # The witness itself is replaced with each write, so its lock is another file.
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def read_witness(path: Path) -> Testimony | None:
    """What the witness has seen; None where there is none.

    Raises:
        LedgerNeedsPerson: it is damaged.
        LedgerError: it cannot be read.
    """
    with _explained(path):
        last = _read(path)
    return last.told if last else None


def _testimony(*, ledger: object, epoch: object, sequence: object, hash: object) -> Testimony:  # noqa: A002 - the file's
    if not (isinstance(ledger, str) and type(epoch) is int and type(sequence) is int and isinstance(hash, str)):
        raise TypeError("a field is of the wrong type")
    return Testimony(ledger, epoch, sequence, hash)


def replace_witness(path: Path, database: Database) -> None:
    """Has the witness know a ledger that was rebuilt, whatever it knew before.

    Raises:
        LedgerError: the witness cannot be written.
    """
    with _explained(path), database.read() as connection:
        _make(path, testimony(connection))


def has_receipts(archive: Path) -> bool:
    return next(archive.rglob(f"*{RECEIPT}"), None) is not None


def _hash_at(connection: Connection, sequence: int) -> str:
    row = _EVENT.first(connection, {"sequence": sequence})
    told = json.dumps([str(value) for value in row.values()] if row else None)
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Last:
    """What was written last."""

    number: int
    """Counts what was written; its slot follows from it."""
    told: Testimony


def _read(path: Path) -> _Last | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    whole = [last for start in (0, SLOT) if (last := _from_slot(content[start : start + SLOT]))]
    if not whole:
        raise LedgerNeedsPerson(f"the ledger's witness {path} is damaged; {REMEDY}")
    return max(whole, key=lambda last: last.number)


def _make(path: Path, told: Testimony) -> None:
    """A new file, whatever was there."""
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(_to_slot(_Last(0, told)) + bytes(SLOT))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def _write(path: Path, told: Testimony, number: int) -> None:
    """In the place of what was written before the last time."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, _to_slot(_Last(number, told)), number % 2 * SLOT)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _to_slot(last: _Last) -> bytes:
    """A line of JSON that begins with the hash of the rest."""
    told = json.dumps(asdict(last.told) | {"number": last.number})
    return json.dumps([hashlib.sha256(told.encode()).hexdigest(), told]).encode().ljust(SLOT - 1) + b"\n"


def _from_slot(content: bytes) -> _Last | None:
    """None for one that was never written, or not to its end."""
    try:
        digest, told = json.loads(content)
        if digest != hashlib.sha256(told.encode()).hexdigest():
            return None
        fields = json.loads(told)
        number = fields.pop("number")
        return _Last(number, _testimony(**fields)) if type(number) is int else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on disk, where the file system can tell."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LedgerError(
            f"the ledger's witness {path} cannot be read or written ({error.strerror}); make room, or give the "
            "importer's user the right to write there, and start again: nothing was sent"
        ) from error
