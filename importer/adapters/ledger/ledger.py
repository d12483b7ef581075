"""The ledger's few verbs. Every change of a document is one transaction, with its event in it."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, select

from importer.adapters.ledger import statements
from importer.adapters.ledger.database import Database
from importer.adapters.ledger.errors import ClaimLost, InUse, LedgerError, LedgerNeedsPerson
from importer.adapters.ledger.hook_calls import HookCalls
from importer.adapters.ledger.inserts import write_out
from importer.adapters.ledger.line_words import fall_silent, say
from importer.adapters.ledger.meta import get_meta, set_meta
from importer.adapters.ledger.postgres_news import News, tell
from importer.adapters.ledger.prepared import Prepared
from importer.adapters.ledger.reader import LedgerReader, neighbours, seen
from importer.adapters.ledger.resends import Resends, want_after_import
from importer.adapters.ledger.rows import changes, to_document, to_row
from importer.adapters.ledger.shared import (
    NO_CLAIM,
    alone_with_meta,
    enter_alone,
    is_free,
    new_claim,
    present,
    present_to_reader,
)
from importer.adapters.ledger.shared_line import SharedPacer, ask_leave, tell_all
from importer.adapters.ledger.tables import documents
from importer.adapters.ledger.values import Claim, Move, Refusal, Sighting
from importer.adapters.ledger.witness import Witness, identify
from importer.core.hooks import Hook
from importer.core.lifecycle import FILE_GONE
from importer.core.model import Document, State

Admission = Callable[[Document, Sequence[Document]], Document]
"""Decides the state in which a document enters, given the documents that it may collide with."""

Placement = Callable[[Document, Callable[[str], bool]], Document]
"""Gives a settled document the place to which its file is to be moved; asks whether a place is reserved for another."""

NOTHING: Mapping[str, Any] = {}


def leave_in_place(document: Document, is_reserved: Callable[[str], bool]) -> Document:  # noqa: ARG001 - a Placement
    return document


class Ledger(LedgerReader):
    """The record of every document. Safe to share between threads and processes; on PostgreSQL, between hosts.

    Args:
        url: as for `Database`.
        lease: how long a claim holds without a sign of life: longer than any send can take.
        place: where settled documents are to lie.
        witness: the file that notices when the ledger was deleted, restored or replaced; None for none.

    Raises:
        LedgerBusy: the ledger is being rebuilt or upgraded.
        LedgerNeedsPerson: the ledger is corrupt, or of another version.
        LedgerError: it cannot be opened.
    """

    def __init__(
        self,
        url: str,
        *,
        lease: timedelta = timedelta(seconds=125),
        place: Placement = leave_in_place,
        witness: Path | None = None,
    ) -> None:
        super().__init__(Database(url))
        self._holder = self._database.holder()
        self._lease = lease
        self._place = place
        self._witness = Witness(witness, self._database) if witness else None
        if self._witness:
            self._database.vouch = self._witness.vouch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(LedgerError):  # if that fails: a dead one's word counts for nothing
            self._database.write(lambda connection: fall_silent(connection, self._holder.name))
        self._holder.__exit__()
        self._database.close()

    def bind_account(self, account: str, *, new_account: bool = False) -> None:
        """Writes the account at first use; later it must be the same one, because it is part of every identity.

        While the ledger holds no document, nothing depends on it yet, and it may be corrected.

        Raises:
            LedgerNeedsPerson: the ledger belongs to another account.
        """

        def bind(connection: Connection) -> None:
            alone_with_meta(connection)
            known = get_meta(connection, "account")
            is_used = connection.execute(select(documents.c.id).limit(1)).first() is not None
            if known is None or new_account or not is_used:
                set_meta(connection, "account", account)
            elif known != account:
                raise LedgerNeedsPerson(
                    f"ledger {self._database.path}: it belongs to account {known!r}, the configuration says "
                    f"{account!r}; correct api.account, or confirm the change with `importer backfill --new-account`"
                )

        self._database.write(bind)

    def amnesia(self) -> str | None:
        """What the witness knows better than this ledger; None when all is well."""
        self._identify()
        return self._witness.contradiction() if self._witness else None

    def face_witness(self) -> None:
        """To be called before anything is sent; a ledger without a witness gets one.

        Raises:
            LedgerNeedsPerson: the witness knows better; nothing must be sent on the word of this ledger.
        """
        self._identify()
        if self._witness:
            self._witness.face()

    # ------------------------------------------------------------ documents enter

    def admit(self, candidate: Document, sighting: Sighting, now: datetime, admission: Admission) -> Claim | Document:
        """T1 and T2: the document's row, claimed. Found twice at one moment, it gets one row and a duplicate.

        The same bytes at the same place, or of a document whose own file has moved to this place, are no new document:
        then the known one comes back, unclaimed.
        """

        def enter(connection: Connection) -> Claim | Document:
            claim = new_claim(connection, self._holder.name, now, self._lease)
            enter_alone(connection, candidate)
            known = neighbours(connection, candidate)
            if _lies_there(candidate, known):
                write_out(connection)  # whoever was faster may share the transaction
                if same := seen(connection, sighting):
                    return same
            if same := _at_its_place(candidate, known):
                add_sighting(connection, same, sighting, now)
                return self._found_again(connection, same, claim, now) or same
            admitted = self._placed(connection, admission(candidate, known))
            if returned := _returned(connection, admitted, known, now):
                add_sighting(connection, returned, sighting, now)
                return returned
            (row,) = statements.ENTER.rows(connection, to_row(admitted) | claim)
            admitted = admitted.evolve(id=row["id"])
            add_sighting(connection, admitted, sighting, now)
            add_event(connection, admitted, now, f"document.{admitted.state.value}")
            return Claim(admitted, claim["claim_token"])

        return self._database.write(enter)

    def readmit(self, claim: Claim, candidate: Document, now: datetime, admission: Admission) -> Claim:
        """T1 again, for a document that a person has sent back: the same checks, in the same row."""

        def enter_again(connection: Connection) -> Claim:
            enter_alone(connection, candidate)
            admitted = self._placed(connection, admission(candidate, neighbours(connection, candidate)))
            _update(connection, claim, admitted)
            add_event(connection, admitted, now, f"document.{admitted.state.value}")
            return claim.holding(admitted)

        return self._database.write(enter_again)

    def _found_again(
        self, connection: Connection, document: Document, claim: dict[str, Any], now: datetime
    ) -> Claim | None:
        """A settled document whose file was gone when it was to be put away, and lies again where it was."""
        placed = self._placed(connection, document)
        if document.in_place or document.target is not None or placed.target in (None, document.location):
            return None
        if not _update_free(connection, placed, claim):
            return None
        add_event(connection, placed, now, "file.returned", data={"location": printable(placed.location)})
        return Claim(placed, claim["claim_token"])

    # ------------------------------------------------------------ documents move on

    def claim(self, document_id: int, now: datetime, *, early: bool = False) -> Claim | None:
        """T2: the right to act on a document; None when it is claimed, not due (but for `early`), or at rest."""
        if early:
            return self._seize(statements.SEIZE_UNSETTLED, now, its_id=document_id)
        return self._seize(statements.SEIZE_DUE, now, its_id=document_id, now=now)

    def claim_for_person(self, document_id: int, now: datetime) -> Claim | None:
        """The same in any state: a person may decide about what the importer has given up."""
        return self._seize(statements.SEIZE, now, its_id=document_id)

    def _seize(self, query: Prepared, at: datetime, **which: Any) -> Claim | None:
        def seize(connection: Connection) -> Claim | None:
            if not is_free(connection, which["its_id"]):
                return None
            claim = new_claim(connection, self._holder.name, at, self._lease)
            row = query.first(connection, claim | which)
            return Claim(to_document(row), claim["claim_token"]) if row else None

        return self._database.write(seize)

    def intend(self, claim: Claim, sending: Document, now: datetime) -> Claim:
        """T3, the safety point: the attempt and its key are on disk before the first byte is sent.

        Raises:
            ClaimLost: the claim is no longer ours, or its lease is over.
        """
        attempt = {
            "document_id": sending.id,
            "number": sending.attempts,
            "generation": sending.key.generation,
            "key": sending.idempotency_key,
            "started_at": now,
        }

        def intend(connection: Connection) -> None:
            moment = present(connection, now)
            _update(connection, claim, sending, {"claim_until": moment + self._lease}, in_time=moment)
            statements.BEGIN_ATTEMPT.add(connection, attempt)
            data = {"attempt": sending.attempts, "generation": sending.key.generation}
            add_event(connection, sending, now, "upload.intended", data=data)

        self._database.write(intend, vouched=True)
        return claim.holding(sending)

    def confirm_sound(self) -> None:
        """Between an intent and its first byte, when there was time for something to happen.

        Raises:
            LedgerError: the disk has failed meanwhile, and the outcome could not be recorded.
        """
        self._database.confirm_sound()

    def record(
        self,
        claim: Claim,
        document: Document,
        event: str,
        now: datetime,
        *,
        outcome: str | None = None,
        actor: str | None = None,
        data: dict[str, Any] | None = None,
        resend: bool = False,
    ) -> Claim:
        """T4: the outcome, the references and the event, in one transaction; `outcome` ends the attempt under way.

        With `resend`, so is the wish to have the invoice sent again.

        Raises:
            ClaimLost: another importer has taken the document over.
        """

        def record(connection: Connection) -> Claim:
            placed = self._placed(connection, document)
            _update(connection, claim, placed)
            if outcome is not None:
                _end_attempt(connection, placed, now, outcome)
            add_event(connection, placed, now, event, actor=actor, data=data)
            if resend:
                want_after_import(connection, placed, now)
            return claim.holding(placed)

        return self._database.write(record, vouched=document.state is State.IMPORTED)

    def moved(self, moves: Sequence[Move], now: datetime) -> list[Claim | ClaimLost]:
        """T5: the files lie where they should, and the claims have done their work; each by itself, in one commit."""

        def settle(connection: Connection) -> list[Claim | ClaimLost]:
            return [_settled(connection, move, now) for move in moves]

        return self._database.write(settle)

    def release(self, claim: Claim) -> None:
        """Gives a claim back."""
        values = NO_CLAIM | {"its_id": claim.document.id, "its_token": claim.token}

        def give_back(connection: Connection) -> None:
            statements.CHANGE_CLAIMED.run(connection, values)
            tell(connection, News.DOCUMENT, self._holder.name)

        self._database.write(give_back)

    def orphans(self, now: datetime) -> list[Claim]:
        """Claims whose holder is dead or whose lease is over: their documents are anybody's to settle."""
        query = select(documents).where(documents.c.claim_token.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            moment = present_to_reader(connection, now)
        dead = {name for name in {row["claim_holder"] for row in rows} if not self._holder.is_alive(name)}
        return [
            Claim(to_document(row), row["claim_token"])
            for row in rows
            if row["claim_holder"] in dead or row["claim_until"] < moment
        ]

    def take_over(self, orphan: Claim, now: datetime) -> Claim | None:
        """Makes an orphan's claim ours; None when somebody was faster."""
        return self._seize(statements.SEIZE_ORPHAN, now, its_id=orphan.document.id, its_token=orphan.token)

    @property
    def resends(self) -> Resends:
        """What is to be sent again."""
        return Resends(self._database, self._holder, self._lease)

    def hook_calls(self, hook: Hook, lease: timedelta) -> HookCalls:
        """What a hook is to be called for.

        Args:
            hook: which.
            lease: how long one call may take, and more.
        """
        return HookCalls(self._database, self._holder, hook, lease)

    def set_line(self, stopped: dict[str, Any] | None) -> None:
        """Tells other processes whether anything is sent at all, and why not."""

        def leave_word(connection: Connection) -> None:
            say(connection, self._holder.name, stopped, self._holder.is_alive)
            tell_all(connection, stopped)
            tell(connection, News.LINE, self._holder.name)

        self._database.write(leave_word)

    @property
    def are_credentials_refused(self) -> bool:
        """Whether another importer that shares the ledger has found that out, as of our last change."""
        return self._database.are_credentials_refused

    def listen(
        self, ended: threading.Event, heard: Callable[[set[News]], None], told: Callable[[bool, str], None]
    ) -> None:
        """Hears what other importers tell all that share the ledger, until it is to end; see `Listener.listen`.

        `are_credentials_refused` is brought up to date before anybody hears of the line.
        """

        def pass_on(news: set[News]) -> None:
            if News.LINE in news:
                with suppress(LedgerError):  # the next change will show it
                    self._database.ask_line()
            heard(news)

        if listener := self._database.listener(self._holder.name):
            listener.listen(ended, pass_on, told)

    @property
    def is_shared(self) -> bool:
        """Whether importers on other hosts may work with it."""
        return self._database.is_shared

    def leave_to_probe(self, pause: timedelta, *, starting: bool) -> Refusal | None:
        """Leave to try the credentials: None; or another importer's refusal that is to be heeded.

        Args:
            pause: for so long nobody else tries them, should they be refused.
            starting: whether this importer has not tried them yet.
        """
        if not self._database.is_shared:
            return None
        return self._database.write(lambda connection: ask_leave(connection, pause, starting=starting))

    def pacer(self, interval: timedelta, clock: Callable[[], float]) -> SharedPacer | None:
        """Whatever tells the requests of all importers that share the ledger their turns; None where nobody does."""
        return SharedPacer(self._database, interval, clock) if self._database.is_shared else None

    def _identify(self) -> None:
        with self._database.read() as connection:
            if get_meta(connection, "ledger") is not None:
                return

        def identify_first(connection: Connection) -> None:
            alone_with_meta(connection)
            if get_meta(connection, "ledger") is None:  # another process may have been first
                identify(connection)

        self._database.write(identify_first)

    def _placed(self, connection: Connection, document: Document) -> Document:
        if document.state.is_on_its_way:
            return document.evolve(target=None)

        def is_reserved(path: str) -> bool:
            which = {"target": path, "its_id": document.id}
            return statements.RESERVED.first(connection, which) is not None

        return self._place(document, is_reserved)


def printable(text: str) -> str:
    """Text that any terminal and any JSON reader takes, also when it came from a name that is not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _update(
    connection: Connection,
    claim: Claim,
    document: Document,
    also: Mapping[str, Any] = NOTHING,
    *,
    in_time: datetime | None = None,
) -> None:
    """Changes a document that is ours; `in_time`: and whose lease lasts longer than that.

    Only what differs from the claim's document, which nobody else can have changed: each column costs, and each index.
    """
    changed = changes(claim.document, document) or {"attempts": document.attempts}  # one column at least
    values = {**changed, **also, "its_id": claim.document.id, "its_token": claim.token}
    if in_time is None:
        result = statements.CHANGE_CLAIMED.run(connection, values)
    else:
        result = statements.CHANGE_IN_TIME.run(connection, values | {"now": in_time})
    if result.rowcount != 1:
        raise ClaimLost(f"D{claim.document.id}: another importer has taken this document over; its word counts")


def _settled(connection: Connection, move: Move, now: datetime) -> Claim | ClaimLost:
    document = move.claim.document.evolve(location=move.location, target=None)
    try:
        _update(connection, move.claim, document, NO_CLAIM)
    except ClaimLost as error:
        return error  # nothing was changed; the others are no worse for it
    add_event(connection, document, now, move.event, data={"location": printable(move.location)})
    return move.claim.holding(document)


def _lies_there(candidate: Document, known: Sequence[Document]) -> bool:
    return any(d.sha256 == candidate.sha256 and d.location == candidate.location for d in known)


def _at_its_place(candidate: Document, known: Sequence[Document]) -> Document | None:
    """The known document whose file this is: the same bytes at the place where it lies."""
    alike = (d for d in known if d.sha256 == candidate.sha256 and d.location == candidate.location)
    known_here = (d for d in alike if d.state is not State.REJECTED or d.target is not None)
    return next((d for d in known_here if not _waits_for_its_file(d)), None)


def _returned(connection: Connection, admitted: Document, known: Sequence[Document], now: datetime) -> Document | None:
    """The first document, if its file was lost or moved and has come back here; it goes on from here.

    Raises:
        InUse: somebody works on it, and may be about to find that its file is gone.
    """
    first = next((d for d in known if d.id == admitted.duplicate_of), None)
    if first is None or first.target is not None or not _is_missing(first, admitted.location):
        return None
    found = first.evolve(location=admitted.location, inbox=admitted.inbox)
    if not found.state.is_on_its_way:
        state = State.UNCERTAIN if found.key.in_doubt else State.PENDING
        found = found.evolve(state=state, reason=None, next_attempt_at=now)
    if not _update_free(connection, found):
        raise InUse(f"D{found.id} is being worked on")
    add_event(connection, found, now, "file.returned", data={"location": printable(found.location)})
    return found


def _update_free(connection: Connection, document: Document, claim: Mapping[str, Any] = NOTHING) -> bool:
    """Changes a document on which nobody works; whether that was so."""
    values = to_row(document) | dict(claim) | {"its_id": document.id}
    return statements.CHANGE_FREE.run(connection, values).rowcount == 1


def _is_missing(document: Document, found_at: str) -> bool:
    """Whether its file is not where it should be, so that the one found with its bytes is it."""
    expected = document.state.is_on_its_way or _waits_for_its_file(document)
    return expected and (document.location == found_at or not os.path.lexists(document.location))


def _waits_for_its_file(document: Document) -> bool:
    return document.reason is not None and document.reason.code == FILE_GONE


def _end_attempt(connection: Connection, document: Document, now: datetime, outcome: str) -> None:
    message = document.reason.message if document.reason else None
    values = {"its_id": document.id, "ended_at": now, "outcome": outcome, "message": message}
    statements.END_ATTEMPT.run(connection, values)


def add_sighting(connection: Connection, document: Document, sighting: Sighting, now: datetime) -> None:
    values = {
        "document_id": document.id,
        "path": sighting.path,
        "size": sighting.size,
        "mtime_ns": str(sighting.mtime_ns),
        "inode": str(sighting.inode),
        "seen_at": now,
    }
    statements.SIGHT.add(connection, values)


def add_event(
    connection: Connection,
    document: Document,
    now: datetime,
    name: str,
    *,
    actor: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    values = {
        "document_id": document.id,
        "at": now,
        "name": name,
        "actor": actor,
        "data": _facts(document) | (data or {}),
    }
    statements.TELL.add(connection, values)


def _facts(document: Document) -> dict[str, Any]:
    """What an event keeps of its document."""
    facts: dict[str, Any] = {"state": document.state.value}
    if document.reason:
        facts |= {"reason": document.reason.code, "message": document.reason.message}
    if document.references and document.state is State.IMPORTED:
        facts |= {"communication_reference": document.references.communication}
        facts |= {"references_from": document.references.source.value}
    if document.next_attempt_at and document.state.is_on_its_way:
        facts["next_attempt_at"] = document.next_attempt_at.isoformat()
    return facts
