"""Every change of a document is one transaction, with its event in it. Here it is said what is to be done in it.

A change is made by `Ledger.write`, alone, or by `Ledger.write_together` with those that others want at the same time.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from importer.adapters.ledger import statements
from importer.adapters.ledger.database import Change
from importer.adapters.ledger.errors import ClaimLost, InUse
from importer.adapters.ledger.inserts import write_out
from importer.adapters.ledger.postgres_news import News, tell
from importer.adapters.ledger.prepared import Prepared
from importer.adapters.ledger.reader import neighbours, seen
from importer.adapters.ledger.resends import want_after_import
from importer.adapters.ledger.rows import changes, to_document, to_row
from importer.adapters.ledger.shared import NO_CLAIM, enter_alone, is_free, new_claim, present
from importer.adapters.ledger.store import Keeper
from importer.adapters.ledger.trail import add_event, add_sighting, printable
from importer.adapters.ledger.values import Claim, Move, Sighting
from importer.core.lifecycle import FILE_GONE
from importer.core.model import Document, State

Admission = Callable[[Document, Sequence[Document]], Document]
"""Decides the state in which a document enters, given the documents that it may collide with."""

Placement = Callable[[Document, Callable[[str], bool]], Document]
"""Gives a settled document the place to which its file is to be moved; asks whether a place is reserved for another."""

NOTHING: Mapping[str, Any] = {}


def leave_in_place(document: Document, is_reserved: Callable[[str], bool]) -> Document:  # noqa: ARG001 - a Placement
    return document


class Changes:
    """What can become of a document, each as one change.

    Args:
        holder: in whose name documents are claimed.
        lease: how long a claim holds without a sign of life.
        place: where settled documents are to lie.
    """

    def __init__(self, holder: Keeper, lease: timedelta, place: Placement) -> None:
        self._holder = holder
        self._lease = lease
        self._place = place

    # ------------------------------------------------------------ documents enter

    def admit(
        self, candidate: Document, sighting: Sighting, now: datetime, admission: Admission
    ) -> Change[Claim | Document]:
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

        return Change(enter)

    def readmit(self, claim: Claim, candidate: Document, now: datetime, admission: Admission) -> Change[Claim]:
        """T1 again, for a document that a person has sent back: the same checks, in the same row."""

        def enter_again(connection: Connection) -> Claim:
            enter_alone(connection, candidate)
            admitted = self._placed(connection, admission(candidate, neighbours(connection, candidate)))
            _update(connection, claim, admitted)
            add_event(connection, admitted, now, f"document.{admitted.state.value}")
            return claim.holding(admitted)

        return Change(enter_again)

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

    def claim(self, document_id: int, now: datetime, *, early: bool = False) -> Change[Claim | None]:
        """T2: the right to act on a document; None when it is claimed, not due (but for `early`), or at rest."""
        if early:
            return self._seize(statements.SEIZE_UNSETTLED, now, its_id=document_id)
        return self._seize(statements.SEIZE_DUE, now, its_id=document_id, now=now)

    def claim_for_person(self, document_id: int, now: datetime) -> Change[Claim | None]:
        """The same in any state: a person may decide about what the importer has given up."""
        return self._seize(statements.SEIZE, now, its_id=document_id)

    def _seize(self, query: Prepared, at: datetime, **which: Any) -> Change[Claim | None]:
        def seize(connection: Connection) -> Claim | None:
            if not is_free(connection, which["its_id"]):
                return None
            claim = new_claim(connection, self._holder.name, at, self._lease)
            row = query.first(connection, claim | which)
            return Claim(to_document(row), claim["claim_token"]) if row else None

        return Change(seize)

    def intend(self, claim: Claim, sending: Document, now: datetime) -> Change[Claim]:
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

        def intend(connection: Connection) -> Claim:
            moment = present(connection, now)
            _update(connection, claim, sending, {"claim_until": moment + self._lease}, in_time=moment)
            statements.BEGIN_ATTEMPT.add(connection, attempt)
            data = {"attempt": sending.attempts, "generation": sending.key.generation}
            add_event(connection, sending, now, "upload.intended", data=data)
            return claim.holding(sending)

        return Change(intend, is_vouched_for=True)

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
    ) -> Change[Claim]:
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

        return Change(record, is_vouched_for=document.state is State.IMPORTED)

    def settle(self, move: Move, now: datetime) -> Change[Claim]:
        """T5: the file lies where it should, and the claim has done its work.

        Raises:
            ClaimLost: another importer has taken the document over.
        """

        def settle(connection: Connection) -> Claim:
            document = move.claim.document.evolve(location=move.location, target=None)
            _update(connection, move.claim, document, NO_CLAIM)
            add_event(connection, document, now, move.event, data={"location": printable(move.location)})
            return move.claim.holding(document)

        return Change(settle)

    def release(self, claim: Claim) -> Change[None]:
        """Gives a claim back."""
        values = NO_CLAIM | {"its_id": claim.document.id, "its_token": claim.token}

        def give_back(connection: Connection) -> None:
            statements.CHANGE_CLAIMED.run(connection, values)
            tell(connection, News.DOCUMENT, self._holder.name)

        return Change(give_back)

    def take_over(self, orphan: Claim, now: datetime) -> Change[Claim | None]:
        """Makes an orphan's claim ours; None when somebody was faster."""
        return self._seize(statements.SEIZE_ORPHAN, now, its_id=orphan.document.id, its_token=orphan.token)

    def _placed(self, connection: Connection, document: Document) -> Document:
        if document.state.is_on_its_way:
            return document if document.target is None else document.evolve(target=None)

        def is_reserved(path: str) -> bool:
            which = {"target": path, "its_id": document.id}
            return statements.RESERVED.first(connection, which) is not None

        return self._place(document, is_reserved)


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
