"""The ledger's verbs for resends: wanted, intended, recorded. Every change is one transaction, with its event in it."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, or_, select, update

from importer.adapters.ledger import statements
from importer.adapters.ledger.database import Database
from importer.adapters.ledger.errors import ClaimLost
from importer.adapters.ledger.resend_tables import resends
from importer.adapters.ledger.shared import NO_CLAIM, alone_with_invoice, new_claim, present_to_reader
from importer.adapters.ledger.store import Keeper
from importer.core.model import Document, Key
from importer.core.resending import Resend, ResendState, wanted_by_rule

Prepare = Callable[[Resend, Sequence[Resend]], Resend | None]
"""What is to be on disk before the first byte, given all others for the invoice; None: not now."""

Wish = Callable[[Sequence[Resend]], Resend | None]
"""A new intent, given all that are known for the invoice; None for none."""

IN_DOUBT = [state.value for state in ResendState if state.is_in_doubt]
OPEN = [state.value for state in ResendState if state.is_open]


@dataclass(frozen=True, slots=True)
class ResendClaim:
    """A request that was begun, and the right to say what came of it."""

    resend: Resend
    token: str


class Resends:
    """Safe to share between threads and processes.

    Args:
        database: the ledger's.
        holder: who we are, and who else lives.
        lease: how long a request may take.
    """

    def __init__(self, database: Database, holder: Keeper, lease: timedelta) -> None:
        self._database = database
        self._holder = holder
        self._lease = lease

    def want(self, account: str, reference: str, wish: Wish) -> Resend | None:
        """Records an intent, if there is to be one; None when the wish is for none."""

        def record(connection: Connection) -> Resend | None:
            alone_with_invoice(connection, account, reference)
            wanted = wish(of_invoice(connection, reference, account))
            return None if wanted is None else add(connection, wanted)

        return self._database.write(record)

    def intend(self, resend_id: int, prepare: Prepare, now: datetime) -> ResendClaim | Resend | None:
        """The safety point: key and attempt are on disk before the first byte is sent.

        Returns what was prepared if it is not to be sent, and None when nothing may be sent now, or somebody else is at
        work on it.
        """

        def intend(connection: Connection) -> ResendClaim | Resend | None:
            found = _unclaimed(connection, resend_id)
            if not found:
                return None
            known = of_invoice(connection, found[0].invoice_reference, found[0].account)
            changed = prepare(found[0], [other for other in known if other.id != resend_id])
            if changed is None:
                return None
            is_sent = changed.state is ResendState.SENDING
            claim = new_claim(connection, self._holder.name, now, self._lease)
            _put(connection, changed, claim if is_sent else NO_CLAIM)
            _tell(connection, changed, now, "resend.intended" if is_sent else f"resend.{changed.state.value}")
            return ResendClaim(changed, claim["claim_token"]) if is_sent else changed

        return self._database.write(intend, vouched=True)

    def record(self, claim: ResendClaim, resend: Resend, event: str, now: datetime) -> None:
        """The outcome, with its event; gives the claim back.

        Raises:
            ClaimLost: another importer has taken it over.
        """

        def record(connection: Connection) -> None:
            if not _put(connection, resend, NO_CLAIM, resends.c.claim_token == claim.token):
                raise ClaimLost(f"R{resend.id}: another importer has taken this resend over; its word counts")
            _tell(connection, resend, now, event)

        self._database.write(record, vouched=resend.state is ResendState.SENT)

    def settle(
        self, resend_id: int, decide: Callable[[Resend], Resend | str], actor: str, now: datetime
    ) -> Resend | str:
        """A person's decision about one on which nobody works."""

        def settle(connection: Connection) -> Resend | str:
            found = _unclaimed(connection, resend_id)
            decided = decide(found[0]) if found else f"R{resend_id} is being worked on at this moment; try again"
            if isinstance(decided, Resend):
                _put(connection, decided, NO_CLAIM)
                _tell(connection, decided, now, f"person.resend_{decided.state.value}", actor=actor)
            return decided

        return self._database.write(settle)

    def orphans(self, now: datetime) -> list[ResendClaim]:
        """Requests that were begun by somebody who died, or whose lease is over."""
        query = select(resends).where(resends.c.state == ResendState.SENDING.value)
        with self._database.read() as connection:
            moment = present_to_reader(connection, now)
            rows = connection.execute(query).mappings().all()
        return [
            ResendClaim(to_resend(row), row["claim_token"])
            for row in rows
            if row["claim_until"] is None
            or row["claim_until"] < moment
            or not self._holder.is_alive(row["claim_holder"])
        ]

    def due(self, now: datetime, *, among: Container[int] | None = None) -> int | None:
        """The one that has been due for the longest time and that nobody works on: those in doubt first.

        Args:
            now: by our clock.
            among: only those that a rule wanted after the import of one of these documents.
        """
        r = resends.c
        query = select(r.id, r.document_id).where(_waits(), or_(r.next_attempt_at.is_(None), r.next_attempt_at <= now))
        in_doubt_first = query.order_by(r.state.desc(), r.next_attempt_at, r.id)
        with self._database.read() as connection:
            rows = connection.execute(in_doubt_first)
            return next((i for i, document in rows if among is None or document in among), None)

    def next_due_at(self, *, among: Container[int] | None = None) -> datetime | None:
        """When the next one falls due; None when none will."""
        r = resends.c
        query = select(r.document_id, r.next_attempt_at, r.created_at).where(_waits())
        with self._database.read() as connection:
            rows = connection.execute(query)
            moments = [at or created for document, at, created in rows if among is None or document in among]
        return min(moments, default=None)

    def get(self, resend_id: int) -> Resend | None:
        with self._database.read() as connection:
            return next(iter(_rows(connection, resends.c.id == resend_id)), None)


def want_after_import(connection: Connection, document: Document, now: datetime) -> None:
    """In the transaction that records the import: neither is there without the other."""
    wanted = wanted_by_rule(document, now)
    alone_with_invoice(connection, wanted.account, wanted.invoice_reference)
    if not _rows(connection, resends.c.key.startswith(f"{wanted.seed}:", autoescape=True)):
        add(connection, wanted)


def add(connection: Connection, wanted: Resend) -> Resend:
    row = connection.execute(insert(resends).values(to_row(wanted)).returning(resends.c.id))
    added = wanted.evolve(id=row.scalar_one())
    _tell(connection, added, added.created_at, "resend.wanted", actor=added.actor)
    return added


def of_invoice(connection: Connection, reference: str, account: str | None = None) -> list[Resend]:
    """All that was ever wanted for an invoice, oldest first."""
    is_this = resends.c.invoice_reference == reference
    return _rows(connection, is_this if account is None else and_(is_this, resends.c.account == account))


def in_state(connection: Connection, state: ResendState, limit: int | None) -> list[Resend]:
    query = select(resends).where(resends.c.state == state.value).order_by(resends.c.id).limit(limit)
    return [to_resend(row) for row in connection.execute(query).mappings()]


def counts(connection: Connection) -> dict[ResendState, int]:
    query = select(resends.c.state, func.count()).group_by(resends.c.state)
    return {ResendState(state): count for state, count in connection.execute(query)}


def doubt_open(connection: Connection) -> None:
    """In a ledger that was made anew: what was open may have been sent since, and its key is of unknown age."""
    for resend in _rows(connection, resends.c.state.in_(OPEN)):
        message = (
            "The ledger was rebuilt, and may have forgotten that this went out. Ask Abillify, then "
            f"`importer resend {resend.invoice_reference} --was-sent` or `--was-not-sent`."
        )
        changed = resend.evolve(state=ResendState.HELD, message=message, next_attempt_at=None)
        _put(connection, changed, NO_CLAIM)


def _waits() -> ColumnElement[bool]:
    """Open, nobody works on it, and no other one for the invoice is in doubt."""
    waiting = resends.c.state.in_([ResendState.PENDING.value, ResendState.UNCERTAIN.value])
    other = resends.alias("other")
    is_blocked = exists().where(
        other.c.id != resends.c.id,
        other.c.invoice_reference == resends.c.invoice_reference,
        other.c.account == resends.c.account,
        other.c.state.in_(IN_DOUBT),
    )
    return and_(waiting, resends.c.claim_token.is_(None), ~is_blocked)


def _unclaimed(connection: Connection, resend_id: int) -> list[Resend]:
    """The one on which nobody works; nobody begins with it before the end of the transaction."""
    for resend in _rows(connection, resends.c.id == resend_id):
        alone_with_invoice(connection, resend.account, resend.invoice_reference)
    return _rows(connection, resends.c.id == resend_id, resends.c.claim_token.is_(None))


def _rows(connection: Connection, *conditions: ColumnElement[bool]) -> list[Resend]:
    query = select(resends).where(*conditions).order_by(resends.c.id)
    return [to_resend(row) for row in connection.execute(query).mappings()]


def _put(connection: Connection, resend: Resend, claim: Mapping[str, Any], *conditions: ColumnElement[bool]) -> bool:
    query = update(resends).where(resends.c.id == resend.id, *conditions)
    return connection.execute(query.values(to_row(resend) | dict(claim))).rowcount == 1


def _tell(connection: Connection, resend: Resend, now: datetime, name: str, actor: str | None = None) -> None:
    """The event also moves the ledger's sequence on, by which the witness knows it."""
    data = {
        "resend": resend.id,
        "invoice_reference": resend.invoice_reference,
        "resend_state": resend.state.value,
        "message": resend.message,
        "job": resend.job,
    }
    told = {field: value for field, value in data.items() if value is not None}
    values = {"document_id": resend.document_id, "at": now, "name": name, "actor": actor, "data": told}
    statements.TELL.add(connection, values)  # as all events are written, or their order would be another one


def to_row(resend: Resend) -> dict[str, Any]:
    use = resend.use
    same = ("account", "invoice_reference", "created_at", "sent_at", "next_attempt_at", "attempts", "tries")
    told = ("forbidden", "outcome", "message", "job", "result", "resultcode", "actor", "document_id")
    return {name: getattr(resend, name) for name in same + told} | {
        "key": resend.idempotency_key,
        "key_born_at": use.born_at,
        "key_last_sent_at": use.last_sent_at,
        "key_in_doubt": use.in_doubt,
        "key_answer": use.answer,
        "key_sealed": use.sealed,
        "state": resend.state.value,
    }


def to_resend(row: Mapping[Any, Any]) -> Resend:
    seed, _, generation = row["key"].rpartition(":")
    same = ("id", "account", "invoice_reference", "created_at", "sent_at", "next_attempt_at", "attempts", "tries")
    told = ("forbidden", "outcome", "message", "job", "result", "resultcode", "actor", "document_id")
    use = Key(
        generation=int(generation),
        born_at=row["key_born_at"],
        last_sent_at=row["key_last_sent_at"],
        in_doubt=row["key_in_doubt"],
        answer=row["key_answer"],
        sealed=row["key_sealed"],
    )
    return Resend(seed=seed, use=use, state=ResendState(row["state"]), **{name: row[name] for name in same + told})
