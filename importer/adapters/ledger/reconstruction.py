"""A new ledger beside the old one, filled from what is left, until it takes the old one's place."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Row, Table, func, insert, or_, select, update

from importer.adapters.ledger.database import Database
from importer.adapters.ledger.errors import LedgerError, LedgerNeedsPerson, WrongVersion, told
from importer.adapters.ledger.meta import get_meta, set_meta
from importer.adapters.ledger.resend_tables import resends
from importer.adapters.ledger.resends import doubt_open
from importer.adapters.ledger.rows import to_document, to_row
from importer.adapters.ledger.shared import NO_CLAIM
from importer.adapters.ledger.tables import attempts, documents, events, sightings
from importer.adapters.ledger.trail import add_event, add_sighting
from importer.adapters.ledger.values import Sighting
from importer.adapters.ledger.witness import Testimony, identify, replace_witness, sync_folder
from importer.core.model import Document, Identity, State

SIDE_FILES = ("-wal", "-shm", "-journal")


class Old(Protocol):
    """The ledger that is to be replaced, as far as it can be read."""

    path: str

    def fact(self, name: str) -> Any:
        """A single fact (`meta`), or None."""
        ...

    def carry(self, table: Table, new: Connection) -> None:
        """Takes every row of a table over into the new ledger, without its claims."""
        ...


class OldFile:
    """See `Old`: SQLite's file."""

    def __init__(self, database: Database) -> None:
        self.path = database.path
        self._database = database

    def fact(self, name: str) -> Any:
        try:
            with self._database.read() as connection:
                return get_meta(connection, name)
        except LedgerError:
            return None

    def carry(self, table: Table, new: Connection) -> None:
        known: set[Any] = set(new.execute(select(documents.c.id)).scalars())
        try:
            with self._database.read() as old:
                for row in old.execute(select(table).order_by(table.c.id)):
                    values = _of_known(row, known)
                    if values is not None:
                        new.execute(insert(table).prefix_with("OR IGNORE").values(values))
                        known.update([values["id"]] if table is documents else [])
        except (LedgerError, ValueError):
            return  # a damaged page: what was read so far is kept


class Reconstruction:
    """The new ledger in the making: one transaction."""

    def __init__(self, connection: Connection, old: Old | None) -> None:
        self._connection = connection
        self._old = old

    def carry_over(self, account: str) -> None:
        """Takes every row of the old ledger that can be read.

        Raises:
            LedgerNeedsPerson: the old ledger belongs to another account.
        """
        known = self._of_old("account")
        if self._old is not None and known not in (None, account):
            raise LedgerNeedsPerson(
                f"ledger {self._old.path}: it belongs to account {known!r}, the configuration says {account!r}; "
                "correct api.account, or move that ledger away"
            )
        for table in (documents, attempts, sightings, events, resends):
            if self._old is not None:
                self._old.carry(table, self._connection)
        doubt_open(self._connection)

    def _of_old(self, name: str) -> Any:
        return None if self._old is None else self._old.fact(name)

    def begin_epoch(self, witness: Testimony | None, account: str, now: datetime) -> int:
        """A new epoch of the same ledger. Returns it."""
        epoch = max(witness.epoch if witness else 0, self._of_old("epoch") or 0)
        ledger = witness.ledger if witness else self._of_old("ledger")
        identify(self._connection, ledger, epoch + 1)
        set_meta(self._connection, "account", account)
        set_meta(self._connection, "rebuilt_at", now.isoformat())
        return epoch + 1

    def documents(self) -> list[Document]:
        rows = self._connection.execute(select(documents).order_by(documents.c.id)).mappings()
        return [to_document(row) for row in rows]

    def find(self, identity: Identity) -> Document | None:
        """The one document with this identity that counts."""
        # The index begins with the bytes; with thousands of receipts that counts.
        return self._one(documents.c.sha256 == identity.sha256, documents.c.identity == identity.fingerprint)

    def find_unsettled(self, document_id: int, sha256: str) -> Document | None:
        """The document of this id, if an older ledger thinks that it is rejected, or still to be judged anew."""
        unsettled = or_(documents.c.state == State.REJECTED.value, documents.c.unjudged)
        return self._one(documents.c.id == document_id, documents.c.sha256 == sha256, unsettled)

    def _one(self, *conditions: ColumnElement[bool]) -> Document | None:
        row = self._connection.execute(select(documents).where(*conditions)).mappings().first()
        return to_document(row) if row else None

    def add(self, document: Document, sighting: Sighting | None, event: str, now: datetime) -> None:
        """A document that the old ledger did not know, under its own id where that is free."""
        taken = self._connection.execute(select(documents.c.id).where(documents.c.id == document.id)).first()
        if taken:
            document = document.evolve(id=self._connection.execute(select(func.max(documents.c.id))).scalar_one() + 1)
        self._connection.execute(insert(documents).values(to_row(document) | {"id": document.id}))
        if sighting is not None:
            add_sighting(self._connection, document, sighting, now)
        add_event(self._connection, document, now, event)

    def put(self, document: Document, event: str, now: datetime) -> None:
        """What is known of a document now."""
        query = update(documents).where(documents.c.id == document.id)
        self._connection.execute(query.values(to_row(document)))
        add_event(self._connection, document, now, event)


@contextmanager
def reconstructing_file(ledger: Path, witness: Path, now: datetime) -> Iterator[tuple[Reconstruction, str | None]]:
    """A new ledger, and where the old one will be kept; at the end of the block it takes the old one's place.

    Whatever stops the block leaves the old ledger where it is. The caller is alone with the ledger.

    Raises:
        WrongVersion: the old ledger is sound, but of another version.
        LedgerError: a file cannot be read or written.
    """
    fresh = ledger.with_name(ledger.name + ".rebuilding")
    _remove(fresh)
    kept = _name_aside(ledger, now) if ledger.exists() else None
    try:
        with closing(Database(f"sqlite:///{fresh}", alone=True)) as database:
            old = _opened(ledger)
            try:
                with database.transaction() as connection:
                    yield Reconstruction(connection, OldFile(old) if old else None), str(kept) if kept else None
            finally:
                if old is not None:
                    old.close()
        into_one_file(fresh)
        _swap(fresh, ledger, kept)
        with closing(Database(f"sqlite:///{ledger}", alone=True)) as database:
            replace_witness(witness, database)
    except OSError as error:
        raise LedgerError(
            f"ledger {ledger}: {error.strerror}: {error.filename}; make room there, and try again"
        ) from error
    finally:
        _remove(fresh)


def _opened(ledger: Path) -> Database | None:
    if not ledger.exists():
        return None
    try:
        return Database(f"sqlite:///{ledger}", alone=True)
    except WrongVersion:
        raise
    except LedgerNeedsPerson:
        return None  # damaged beyond reading


def _of_known(row: Row[Any], known: set[Any]) -> dict[str, Any] | None:
    """A row as it may stand in the new ledger; None when its document could not be read."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    if values.get("document_id") is not None and values["document_id"] not in known:
        return None
    if values.get("duplicate_of") not in known:
        values.pop("duplicate_of", None)
    return values | (NO_CLAIM if "claim_token" in values else {})


def _name_aside(ledger: Path, now: datetime) -> Path:
    return ledger.with_name(f"{ledger.name}.before-rebuild-{now:%Y%m%dT%H%M%S.%fZ}")


def into_one_file(database: Path) -> None:
    """Brings what still lies in the log beside a database into the file itself, durably, and removes the log.

    SQLite does so when the last connection closes, but is silent when it cannot.

    Raises:
        LedgerError: somebody else has it open, or there is no room.
    """
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.Error as error:
        raise told(error, str(database)) from error
    if mode != "delete":
        raise LedgerError(f"ledger {database}: another program has it open; end it, and try again")


def _swap(fresh: Path, ledger: Path, kept: Path | None) -> None:
    """Until the last step the old ledger is where it was: a crash in between only wants the rebuild repeated."""
    if kept is not None:
        try:
            os.link(ledger, kept)
        except OSError:  # no hard links here
            shutil.copy2(ledger, kept)
        for ending in SIDE_FILES:
            beside = ledger.with_name(ledger.name + ending)
            if beside.exists():
                beside.rename(kept.with_name(kept.name + ending))
        sync_folder(ledger.parent)
    fresh.replace(ledger)
    sync_folder(ledger.parent)


def _remove(fresh: Path) -> None:
    for ending in ("", *SIDE_FILES):
        fresh.with_name(fresh.name + ending).unlink(missing_ok=True)
