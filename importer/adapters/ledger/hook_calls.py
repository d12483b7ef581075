"""What a hook is to be called for, read from the trail of events, and how far it has come, kept among the single facts.

Of all importers that share a ledger, one at a time makes the calls of a hook.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, text

from importer.adapters.ledger import statements
from importer.adapters.ledger.database import Database
from importer.adapters.ledger.meta import get_meta, set_meta
from importer.adapters.ledger.shared import is_shared, present
from importer.adapters.ledger.store import Keeper
from importer.adapters.ledger.tables import documents, events, meta
from importer.core.hooks import Again, Call, Hook, Progress

PORTION = 100
"""Calls that are read at once."""

SNAPSHOT = text("SELECT txid_snapshot_xmin(now), txid_snapshot_xmax(now) FROM txid_current_snapshot() AS now")


@dataclass(frozen=True, slots=True)
class Ahead:
    """What comes next."""

    new: tuple[Call, ...]
    horizon: int
    """Up to this event, these are all; where there are `PORTION` of them, up to the last one."""
    is_all: bool
    """Whether nothing has been written beyond the horizon."""


class HookCalls:
    """The calls of one hook. For one thread.

    Args:
        database: the ledger's.
        holder: who we are, and who else lives.
        hook: which.
        lease: how long one call may take, and more.
    """

    def __init__(self, database: Database, holder: Keeper, hook: Hook, lease: timedelta) -> None:
        self._database = database
        self._holder = holder
        self._hook = hook
        self._lease = lease
        self._mark = 0, 0
        """On a shared ledger: an event, and the transaction that came after all that may precede it."""
        self._horizon = 0
        self._found: tuple[Call, ...] = ()
        """Beyond `_after` and up to `_read_to`; what has been read is not read again while they wait."""
        self._after, self._read_to = 0, 0

    def begin(self) -> None:
        """A hook that is set for the first time is told of what happens from now on."""

        def begin(connection: Connection) -> None:
            if get_meta(connection, _name(self._hook)) is None:
                _keep(connection, self._hook, Progress(after=_last(connection)))

        self._database.write(begin)

    def progress(self) -> Progress:
        with self._database.read() as connection:
            return _progress(get_meta(connection, _name(self._hook)))

    def ahead(self, progress: Progress) -> Ahead:
        """The next calls, in the order of the events."""
        with self._database.read() as connection:
            last = _last(connection)
            self._horizon = max(self._horizon, self._settled(connection, last))
            self._read_on(connection, progress.after)
        return Ahead(self._found, self._horizon, is_all=self._horizon >= last)

    def _read_on(self, connection: Connection, after: int) -> None:
        if after < self._after:  # somebody has set it back
            self._found, self._read_to = (), after
        self._after, self._read_to = after, max(self._read_to, after)
        self._found = tuple(call for call in self._found if call.event > after)
        room = PORTION - len(self._found)
        if room and self._read_to < self._horizon:
            rows = connection.execute(_calls(self._hook, self._read_to, self._horizon).limit(room)).all()
            self._found += tuple(Call(event, document, at) for event, document, at in rows)
            self._read_to = rows[-1].id if len(rows) == room else self._horizon

    def take(self, now: datetime) -> Progress | None:
        """The right to make calls, and how far they have come; None while another importer makes them."""

        def take(connection: Connection) -> Progress | None:
            row = connection.execute(
                select(meta.c.value).where(meta.c.name == _name(self._hook)).with_for_update()
            ).scalar()
            moment = present(connection, now)
            if _is_taken(row, self._holder, moment):
                return None
            progress = _progress(row)
            _keep(connection, self._hook, progress, self._claim(moment))
            return progress

        return self._database.write(take)

    def keep(self, progress: Progress, now: datetime, *, given_up: int | None = None) -> None:
        """What has become of a call; the right to make more is kept. Of what is given up, the story tells."""

        def keep(connection: Connection) -> None:
            if given_up is not None:
                # As it is now, whatever a person has decided meanwhile: another state would be a change that never was.
                its_state = select(documents.c.state).where(documents.c.id == given_up).with_for_update()
                state = connection.execute(its_state).scalar_one()
                data = {"state": state, "hook": self._hook.value, "message": progress.failing}
                told = {"document_id": given_up, "at": now, "name": "hook.given_up", "actor": None, "data": data}
                statements.TELL.add(connection, told)
            _keep(connection, self._hook, progress, self._claim(present(connection, now)))

        self._database.write(keep)

    def leave(self, progress: Progress) -> None:
        """Gives the right back."""
        self._database.write(lambda connection: _keep(connection, self._hook, progress))

    def _claim(self, moment: datetime) -> dict[str, Any]:
        return {"holder": self._holder.name, "until": (moment + self._lease).isoformat()}

    def _settled(self, connection: Connection, last: int) -> int:
        """Up to which event no other one can appear any more.

        On a shared ledger an event may be committed after one of a greater number: only when all transactions have
        ended that had begun by then, its forerunners are all there. (Each has changed a row, and so has its place in
        the snapshot, before it adds an event.)
        """
        if not is_shared(connection):
            return last
        oldest, next_one = connection.execute(SNAPSHOT).one()
        event, awaited = self._mark
        if oldest < awaited:
            return 0
        self._mark = last, next_one
        return last if oldest == next_one else event


def hooks_told(connection: Connection) -> dict[Hook, tuple[Progress, int]]:
    """Of each hook that was ever set, how far it has come, and how many calls were not made yet."""
    last, told = _last(connection), {}
    for hook in Hook:
        row = get_meta(connection, _name(hook))
        if row is not None:
            progress = _progress(row)
            waiting = select(func.count()).select_from(_calls(hook, progress.after, last).subquery())
            told[hook] = progress, connection.execute(waiting).scalar_one()
    return told


def _name(hook: Hook) -> str:
    return f"hook:{hook.value}"


def _last(connection: Connection) -> int:
    return connection.execute(select(func.max(events.c.id))).scalar() or 0


def _calls(hook: Hook, after: int, horizon: int) -> Any:
    """The events by which a document has come into one of the hook's states from another one."""
    prior = events.alias("prior")
    state, was = events.c.data["state"].as_string(), prior.c.data["state"].as_string()
    before = (
        select(was)
        .where(prior.c.document_id == events.c.document_id, prior.c.id < events.c.id, was.is_not(None))
        # A sum, so that the few events of the document are sorted: without statistics PostgreSQL would walk through all
        # of the ledger, backwards by their primary key.
        .order_by((prior.c.id + 0).desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(events.c.id, events.c.document_id, events.c.at)
        .where(events.c.id > after, events.c.id <= horizon, events.c.document_id.is_not(None))
        .where(state.in_([each.value for each in hook.states]), before.is_distinct_from(state))
        .order_by(events.c.id)
    )


def _is_taken(row: Mapping[str, Any] | None, we: Keeper, moment: datetime) -> bool:
    if not row or row.get("holder") in (None, we.name):
        return False
    return datetime.fromisoformat(row["until"]) > moment and we.is_alive(row["holder"])


def _keep(connection: Connection, hook: Hook, progress: Progress, claim: Mapping[str, Any] | None = None) -> None:
    again = [
        {
            "event": each.call.event,
            "document": each.call.document,
            "happened": each.call.at.isoformat(),
            "tries": each.tries,
            "since": each.since.isoformat(),
            "at": each.at.isoformat(),
        }
        for each in progress.again
    ]
    row = {"after": progress.after, "again": again, "given_up": progress.given_up, "failing": progress.failing}
    set_meta(connection, _name(hook), row | dict(claim or {}))


def _progress(row: Mapping[str, Any] | None) -> Progress:
    if row is None:
        return Progress(after=0)
    again = (
        Again(
            Call(each["event"], each["document"], datetime.fromisoformat(each.get("happened", each["since"]))),
            each["tries"],
            datetime.fromisoformat(each["since"]),
            datetime.fromisoformat(each["at"]),
        )
        for each in row["again"]
    )
    return Progress(after=row["after"], again=tuple(again), given_up=row["given_up"], failing=row["failing"])
