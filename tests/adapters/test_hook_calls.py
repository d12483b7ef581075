"""Which calls of a hook are to be made: read from the trail once, and cheaply, and not before the file lies well."""

import json
import os
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import NullPool, create_engine, event

from importer.adapters.commands import Command
from importer.adapters.ledger import Ledger, Sighting
from importer.core.hooks import Hook, Progress
from importer.core.model import State, digest_of
from importer.hooks import PUT_AWAY, Hooks
from tests.making import REFERENCES, START, document, made

LEASE = timedelta(minutes=1)


def to_the_archive(settled, is_reserved):
    return settled.evolve(target=f"/archive/{settled.id}")


def import_one(ledger):
    """A document whose file is still to be put away."""
    number = len(ledger.documents()) + 1
    fresh = document(
        id=0, sha256=digest_of(b"%d" % number), invoice_reference=f"RE{number}", location=f"/inbox/{number}"
    )
    claim = made(ledger).admit(
        fresh, Sighting(f"/inbox/{number}", 7, 1, number), START, lambda candidate, known: candidate
    )
    sending = claim.document.evolve(state=State.SENDING, came_from=State.PENDING, attempts=1)
    claim = made(ledger).intend(claim, sending, START)
    imported = sending.evolve(state=State.IMPORTED, references=REFERENCES, imported_at=START)
    made(ledger).record(claim, imported, "document.imported", START, outcome="confirmed")
    return imported.id


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    return request.getfixturevalue("postgres").new_url()


@pytest.fixture
def execute(url):
    """By a connection of somebody else's."""
    engine = create_engine(url)

    def execute(sql):
        with engine.begin() as connection:
            found = connection.exec_driver_sql(sql)
            return [tuple(row) for row in found] if found.returns_rows else []

    yield execute
    engine.dispose()


def test_what_waits_is_read_from_the_trail_once(url, execute):
    with Ledger(url) as ledger:
        calls = ledger.hook_calls(Hook.AFTER_IMPORT, LEASE)
        begin = calls.progress()
        documents = [import_one(ledger), import_one(ledger)]
        found = calls.ahead(begin).new
        assert [(call.document, call.at) for call in found] == [(number, START) for number in documents]
        # When the trail tells nothing any more, which never happens, they still wait; what is new is added
        execute("UPDATE events SET data = '{}'")
        third = import_one(ledger)
        assert [call.document for call in calls.ahead(begin).new] == [*documents, third]
        assert [call.document for call in calls.ahead(begin.passed(found[0])).new] == [documents[1], third]
        # From where it is set back to, it is read anew
        assert [call.document for call in calls.ahead(begin).new] == [third]


def test_what_a_person_decides_while_a_call_is_given_up_stays_as_it_is_told(url, execute):
    with Ledger(url) as ledger:
        calls = ledger.hook_calls(Hook.AFTER_IMPORT, LEASE)
        number = import_one(ledger)
        (call,) = calls.ahead(calls.progress()).new
        execute(f"UPDATE documents SET state = 'held' WHERE id = {number}")
        calls.keep(Progress(after=call.event, given_up=1, failing="no"), START, given_up=number)
        (told,) = execute("SELECT data FROM events WHERE name = 'hook.given_up'")
        data = told[0] if isinstance(told[0], dict) else json.loads(told[0])
        assert data == {"state": "held", "hook": "after_import", "message": "no"}


def test_without_statistics_a_document_s_events_are_found_by_their_document(postgres):
    url = postgres.new_url()
    engine = create_engine(url, poolclass=NullPool)
    with Ledger(url) as ledger, engine.connect() as connection:
        import_one(ledger)
        connection.exec_driver_sql("SET session_replication_role = replica")  # none of the documents is there
        connection.exec_driver_sql(
            "INSERT INTO events (document_id, at, name, data) SELECT n / 4, now(), 'x', (CASE WHEN n %% 1000 = 0 "
            """THEN '{"state": "imported"}' ELSE '{}' END)::json FROM generate_series(1, 50000) AS n"""
        )
        connection.commit()
        asked = []
        listen = ledger._database._store._engine, "before_cursor_execute", lambda *told: asked.append(told[2:4])
        event.listen(*listen)
        ledger.hook_calls(Hook.AFTER_IMPORT, LEASE).ahead(Progress(after=0))
        event.remove(*listen)
        (question,) = [one for one in asked if "prior" in one[0]]
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {question[0]}", question[1]))
        assert "ix_events_document_id" in plan
        assert "Backward" not in plan, plan


class Clock:
    """Stands until it is moved by hand; each look at it is counted."""

    def __init__(self):
        self.time = START
        self.looks = threading.Semaphore(0)

    def now(self):
        self.looks.release()
        return self.time

    def steady(self):
        return 0.0


def test_all_calls_wait_for_their_files_at_once_and_write_nothing_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr("importer.hooks.LOOK", 0.01)
    told, clock = tmp_path / "told", Clock()
    command = Command(["/bin/sh", "-c", f"echo >> {told}"], tmp_path, os.environ, timedelta(seconds=30))
    file = tmp_path / "ledger.db"
    with Ledger(f"sqlite:///{file}", place=to_the_archive) as ledger, closing(sqlite3.connect(file)) as other:
        hooks = Hooks({Hook.AFTER_IMPORT: command}, ledger, clock, structlog.get_logger())
        with hooks:
            for _ in range(3):
                import_one(ledger)
            for _ in range(5):
                assert clock.looks.acquire(timeout=30)
            before = other.execute("PRAGMA data_version").fetchone()
            for _ in range(10):
                assert clock.looks.acquire(timeout=30)
            assert (told.exists(), other.execute("PRAGMA data_version").fetchone()) == (False, before)
            clock.time += PUT_AWAY
        # All of them in the seconds that are left to it at the end
        assert told.read_text() == "\n" * 3
