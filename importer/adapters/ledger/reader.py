"""What the ledger knows, and what it says is to be done: questions only, each answered from one consistent view."""

from collections import Counter
from collections.abc import Container, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, exists, func, or_, select

from importer.adapters.ledger import statements
from importer.adapters.ledger.chronicle import Chronicle, chronicle
from importer.adapters.ledger.database import Database
from importer.adapters.ledger.hook_calls import hooks_told
from importer.adapters.ledger.line_words import heard
from importer.adapters.ledger.meta import get_meta
from importer.adapters.ledger.resends import counts as resend_counts, in_state, of_invoice
from importer.adapters.ledger.rows import to_document
from importer.adapters.ledger.tables import attempts, documents, events, sightings
from importer.adapters.ledger.values import Attempt, Ending, Event, Sighting, Standing
from importer.core.hooks import Hook, Progress
from importer.core.lifecycle import FILE_GONE
from importer.core.model import ON_ITS_WAY, Document, State
from importer.core.person import DISMISSED
from importer.core.reference import same_reference
from importer.core.resending import Resend, ResendState

T = TypeVar("T")

PORTION = 500


class LedgerReader:
    """The asking half of the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        self._database.close()

    # ------------------------------------------------------------ what is to be done

    def due(
        self,
        now: datetime,
        *,
        limit: int,
        among: Container[int] | None = None,
        states: Iterable[State] = ON_ITS_WAY - {State.SENDING},
    ) -> list[int]:
        """Ids of documents that nobody works on and whose time has come, longest due first."""
        when = {"states": [state.value for state in states], "now": now}
        with self._database.read() as connection:
            if among is None:
                return list(connection.execute(statements.DUE.limit(limit), when).scalars())
            return [i for i in connection.execute(statements.DUE, when).scalars() if i in among][:limit]

    def is_any_due(self, now: datetime) -> bool:
        """Whether the time of any document has come on which nobody works."""
        with self._database.read() as connection:
            return statements.ANY_DUE.first(connection, {"now": now}) is not None

    def next_due_at(self, *, after: datetime | None = None, among: Container[int] | None = None) -> datetime | None:
        """When the next document falls due, later than `after`; None when none will by itself."""
        query = statements.FALLS_DUE
        when: dict[str, Any] = {"states": [state.value for state in ON_ITS_WAY - {State.SENDING}]}
        if after is not None:
            query, when = statements.FALLS_DUE_AFTER, when | {"after": after}
        with self._database.read() as connection:
            rows = connection.execute(query, when)
            return next((moment for i, moment in rows if among is None or i in among), None)

    def unfinished_moves(self) -> list[Document]:
        """Settled documents whose file is not yet where it should be: the work of a crash, or of a full disk."""
        return self._documents(
            select(documents).where(documents.c.target.is_not(None), documents.c.claim_token.is_(None))
        )

    def seen(self, sighting: Sighting) -> Document | None:
        """The document that was read from exactly this file, if it still lies there."""
        with self._database.read() as connection:
            return seen(connection, sighting)

    # ------------------------------------------------------------ what is known

    def neighbours(self, candidate: Document) -> list[Document]:
        """The documents that decide in which state a candidate would enter."""
        with self._database.read() as connection:
            return neighbours(connection, candidate)

    def get(self, document_id: int) -> Document | None:
        with self._database.read() as connection:
            row = statements.ONE.first(connection, {"its_id": document_id})
        return to_document(row) if row else None

    def with_reference(self, reference: str) -> list[Document]:
        # A name that is not UTF-8 may be a path; no database takes it as text.
        if any("\ud800" <= character <= "\udfff" for character in reference):
            return []
        return self._documents(select(documents).where(documents.c.invoice_reference == reference))

    def references_like(self, reference: str) -> list[str]:
        """References of documents that are the same one otherwise written. Looks at all of them."""
        if not reference.isprintable():
            return []
        column = documents.c.invoice_reference
        written, wanted = func.lower(column), reference.lower()
        for separator in "-_ /.":
            written, wanted = func.replace(written, separator, ""), wanted.replace(separator, "")
        with self._database.read() as connection:
            found = connection.execute(select(column).where(written == wanted).distinct()).scalars().all()
        return sorted(other for other in found if same_reference(other, reference))

    def with_path(self, path: str) -> list[Document]:
        """Documents seen at, lying at, or first named by this path."""
        sighted = exists().where(sightings.c.document_id == documents.c.id, sightings.c.path == path)
        return self._documents(
            select(documents).where(or_(documents.c.path == path, documents.c.location == path, sighted))
        )

    def with_bytes(self, sha256: str) -> list[Document]:
        return self._documents(select(documents).where(documents.c.sha256 == sha256))

    def documents(
        self, *, states: Iterable[State] | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[Document]:
        """Documents in the order in which they were first seen; with a limit, the latest ones."""
        query = select(documents).order_by(documents.c.id.desc()).limit(limit)
        if states is not None:
            query = query.where(documents.c.state.in_([s.value for s in states]))
        if since is not None:
            query = query.where(documents.c.first_seen_at >= since)
        return self._documents(query)

    def in_batch(self, batch: str) -> list[Document]:
        """The documents that are held because of this batch (`importer.core.brake`), oldest first."""
        named = documents.c.reason["details"]["batch"].as_string() == batch
        return self._documents(select(documents).where(documents.c.state == State.HELD.value, named))

    def each(self) -> Iterator[Document]:
        """Every document, oldest first, one at a time: a ledger may be larger than memory."""
        with self._database.read() as connection:
            everything = select(documents).order_by(documents.c.id)
            with connection.execute(everything, execution_options={"yield_per": 1000}) as rows:
                yield from map(to_document, rows.mappings())

    def counts(self) -> dict[State, int]:
        """How many documents are in each state that has any."""
        with self._database.read() as connection:
            rows = connection.execute(select(documents.c.state, func.count()).group_by(documents.c.state)).all()
        return {State(state): count for state, count in rows}

    def oldest_unfinished(self) -> Document | None:
        """The document that has been on its way, or waiting for a person, for the longest time."""
        unfinished = [s.value for s in ON_ITS_WAY | {State.HELD}]
        with self._database.read() as connection:
            return _one(
                connection,
                select(documents)
                .where(documents.c.state.in_(unfinished))
                .order_by(documents.c.first_seen_at, documents.c.id)
                .limit(1),
            )

    def blocked(self) -> list[tuple[State, str, int, int]]:
        """State, reason code, how many documents and one of them, for all that are not where they should be."""
        code = documents.c.reason["code"].as_string()
        stuck = [s.value for s in State if s not in (State.IMPORTED, State.DUPLICATE)]
        query = (
            select(documents.c.state, code, func.count(), func.min(documents.c.id))
            .where(documents.c.reason.is_not(None), documents.c.state.in_(stuck), code != DISMISSED)
            .group_by(documents.c.state, code)
            .order_by(documents.c.state, func.count().desc())
        )
        with self._database.read() as connection:
            return [
                (State(state), reason, count, example) for state, reason, count, example in connection.execute(query)
            ]

    def events_of(self, document: Document) -> list[Event]:
        query = select(events.c.at, events.c.name, events.c.actor, events.c.data).where(
            events.c.document_id == document.id
        )
        with self._database.read() as connection:
            return [Event(*row) for row in connection.execute(query.order_by(events.c.id))]

    def attempts_of(self, document: Document) -> list[Attempt]:
        a = attempts.c
        query = select(a.number, a.key, a.started_at, a.ended_at, a.outcome, a.message)
        with self._database.read() as connection:
            rows = connection.execute(query.where(a.document_id == document.id).order_by(a.id))
            return [Attempt(*row) for row in rows]

    def last_attempt_at(self, document: Document) -> datetime | None:
        """When its last upload ended, or began if that is all that is known; None where it was never sent."""
        tried = self.attempts_of(document)
        return tried[-1].ended_at or tried[-1].started_at if tried else None

    def resends_of(self, reference: str) -> list[Resend]:
        """All that was ever wanted for an invoice, oldest first."""
        if any("\ud800" <= character <= "\udfff" for character in reference):
            return []
        with self._database.read() as connection:
            return of_invoice(connection, reference)

    def resends_in(self, state: ResendState, *, limit: int | None = None) -> list[Resend]:
        """The resends in a state, oldest first."""
        with self._database.read() as connection:
            return in_state(connection, state, limit)

    def resend_counts(self) -> dict[ResendState, int]:
        """How many resends are in each state that has any."""
        with self._database.read() as connection:
            return resend_counts(connection)

    def hooks(self) -> dict[Hook, tuple[Progress, int]]:
        """Of each hook that was ever set, how far it has come, and how many calls were not made yet."""
        with self._database.read() as connection:
            return hooks_told(connection)

    def chronicle(self, begin: datetime, end: datetime) -> Chronicle:
        """What happened from `begin` on, and before `end`."""
        with self._database.read() as connection:
            return chronicle(connection, begin, end)

    def line(self) -> dict[str, Any] | None:
        """Why nothing is sent, and since when; None while the line is open or nobody has said."""
        with self._database.read() as connection:
            return heard(connection, self._database.lives)

    def rebuilt_at(self) -> datetime | None:
        """When it was made from receipts; from then on Abillify may hold documents that it has never heard of."""
        with self._database.read() as connection:
            moment = get_meta(connection, "rebuilt_at")
        return None if moment is None else datetime.fromisoformat(moment)

    def seen_among(self, files: Sequence[Sighting]) -> dict[str, int]:
        """As `seen`, for many files at once: the document's id, by path, of those that are known as they are now."""
        wanted = {(file.path, file.size, str(file.mtime_ns), str(file.inode)) for file in files}
        s, d = sightings.c, documents.c
        query = (
            select(s.path, s.size, s.mtime_ns, s.inode, d.id)
            .join(documents, d.id == s.document_id)
            .where(d.location == s.path, d.reason["code"].as_string().is_distinct_from(FILE_GONE))
            .order_by(d.id)
        )
        found: dict[str, int] = {}
        with self._database.read() as connection:
            for some in _in_portions([file.path for file in files]):
                for *sighting, document_id in connection.execute(query.where(s.path.in_(some))):
                    if tuple(sighting) in wanted:
                        found[sighting[0]] = document_id
        return found

    def each_of(self, ids: Iterable[int]) -> Iterator[Document]:
        """These documents, one at a time: there may be more than fit into memory."""
        for some in _in_portions(ids):
            yield from self._documents(select(documents).where(documents.c.id.in_(some)))

    def standings(self, ids: Iterable[int]) -> Counter[Standing]:
        """How many of these documents stand where; counted in the database, for there may be very many."""
        columns = documents.c.state, documents.c.reason["code"].as_string(), documents.c.target.is_(None)
        query = select(*columns, func.count()).group_by(*columns)
        found: Counter[Standing] = Counter()
        with self._database.read() as connection:
            for some in _in_portions(ids):
                for state, code, is_put_away, count in connection.execute(query.where(documents.c.id.in_(some))):
                    found[Standing(State(state), code or "", is_put_away)] += count
        return found

    def any_due(self, deadline: datetime, *, among: Container[int], states: Iterable[State]) -> bool:
        """Whether any of these documents falls due until then, whoever works on it now."""
        waiting = documents.c.state.in_([state.value for state in states])
        with self._database.read() as connection:
            ids = connection.execute(
                select(documents.c.id).where(waiting, statements.HAS_COME), {"now": deadline}
            ).scalars()
            return any(document_id in among for document_id in ids)

    # ------------------------------------------------------------ what is to be seen from outside

    def standing(self) -> dict[State, tuple[int, int]]:
        """As `counts`, and with each count the id of the first of them; answered from an index alone."""
        query = select(documents.c.state, func.count(), func.min(documents.c.id)).group_by(documents.c.state)
        with self._database.read() as connection:
            return {State(state): (count, first) for state, count, first in connection.execute(query)}

    def reasons(self, states: Iterable[State]) -> list[tuple[State, str, int]]:
        """State, reason code and how many documents; those without a reason are not among them."""
        code = documents.c.reason["code"].as_string()
        among = documents.c.state.in_([state.value for state in states])
        query = select(documents.c.state, code, func.count()).where(among, documents.c.reason.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(documents.c.state, code))
            return [(State(state), reason, count) for state, reason, count in rows]

    def seen_and_entered(self, document_id: int) -> tuple[datetime, datetime] | None:
        """When a document was first seen, and when it came into its state."""
        trail = select(events.c.at, events.c.data["state"].as_string()).where(events.c.document_id == document_id)
        with self._database.read() as connection:
            document = _one(connection, select(documents).where(documents.c.id == document_id))
            if document is None:
                return None
            entered = document.first_seen_at
            for at, state in connection.execute(trail.order_by(events.c.id.desc())):
                if state != document.state:
                    break
                entered = at
        return document.first_seen_at, entered

    def arrivals(
        self, *, since: datetime, after: int = 0
    ) -> Generator[tuple[int, str, str | None, datetime], None, None]:
        """Id, path, kind and time of the documents that were first seen since then, the latest ones first.

        Args:
            since: the first older one ends the answer; nothing before it is looked at.
            after: only documents with a greater id.
        """
        d = documents.c
        query = select(d.id, d.path, d.kind, d.first_seen_at).where(d.id > after).order_by(d.id.desc())
        with self._database.read() as connection:
            for document_id, path, kind, at in connection.execute(query.execution_options(yield_per=1000)):
                if at < since:
                    return
                yield document_id, path, kind, at

    def endings(self, *, since: datetime) -> Generator[Ending, None, None]:
        """The documents that came to their end since then, each once, the latest ones first; `arrivals` says how."""
        d, state = documents.c, events.c.data["state"].as_string()
        query = select(d.id, d.state, state, d.first_seen_at, d.imported_at, events.c.at).select_from(events)
        query = query.join(documents, d.id == events.c.document_id).order_by(events.c.id.desc())
        query = query.where(state.in_([State.IMPORTED.value, State.DUPLICATE.value, State.REJECTED.value]))
        # Of several events in its last state, such as of its file's move, the first one counts.
        ended: dict[int, Ending] = {}
        with self._database.read() as connection:
            rows = connection.execute(query.execution_options(yield_per=1000))
            for document_id, its_state, then, seen, imported, at in rows:
                if at < since:
                    break
                if then == its_state:
                    ended[document_id] = Ending(seen, imported or at, State(its_state))
        yield from (ending for ending in ended.values() if ending.at >= since)

    def with_reason(self, state: State, code: str, *, limit: int | None = None, after: int = 0) -> list[Document]:
        """The documents in a state for this reason, oldest first; only those with a greater id than `after`."""
        named = documents.c.reason["code"].as_string() == code
        query = select(documents).where(documents.c.state == state.value, named, documents.c.id > after)
        return self._documents(query.order_by(documents.c.id).limit(limit))

    def ids_with_reason(self, state: State, code: str) -> list[int]:
        """As `with_reason`, where nothing else is asked."""
        named = documents.c.reason["code"].as_string() == code
        with self._database.read() as connection:
            query = select(documents.c.id).where(documents.c.state == state.value, named)
            return list(connection.execute(query).scalars())

    def with_hash(self, beginning: str, *, limit: int) -> list[Document]:
        """Documents whose SHA-256 begins so, in lower-case digits."""
        digits = documents.c.sha256
        return self._documents(select(documents).where(digits >= beginning, digits < beginning + "g").limit(limit))

    def _documents(self, query: "Select[Any]") -> list[Document]:
        with self._database.read() as connection:
            found = [to_document(row) for row in connection.execute(query).mappings()]
        return sorted(found, key=lambda document: document.id)


def _in_portions(these: Iterable[T]) -> Iterator[list[T]]:
    """As many at once as any database takes in one question."""
    rest = iter(these)
    while some := list(islice(rest, PORTION)):
        yield some


def _one(connection: Connection, query: "Select[Any]") -> Document | None:
    row = connection.execute(query).mappings().first()
    return to_document(row) if row else None


def seen(connection: Connection, sighting: Sighting) -> Document | None:
    """The document that was read from exactly this file, if it still lies there."""
    file = {"path": sighting.path, "size": sighting.size}
    file |= {"mtime_ns": str(sighting.mtime_ns), "inode": str(sighting.inode)}
    row = statements.SEEN.first(connection, file)
    return to_document(row) if row else None


def neighbours(connection: Connection, candidate: Document) -> list[Document]:
    """The documents that an admission must look at."""
    query = statements.SAME_BYTES
    which = {"account": candidate.account, "its_id": candidate.id, "sha256": candidate.sha256}
    if candidate.kind is not None:
        query = statements.NEIGHBOURS
        which |= {"reference": candidate.invoice_reference, "kind": candidate.kind.value}
    return [to_document(row) for row in query.rows(connection, which)]
