"""Many changes in one commit: each has its own result, or its own error."""

import threading
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen

from importer.adapters.ledger import Change, Database, Ledger, LedgerError, Sighting, statements
from importer.adapters.ledger.inserts import MOST
from importer.adapters.ledger.meta import get_meta, set_meta
from importer.adapters.ledger.tables import events
from importer.core.model import Reason, State
from tests.making import START, document


class Interrupted(BaseException):
    """Nobody's ordinary error."""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def database(url):
    with closing(Database(url)) as opened:
        yield opened


def kept(database):
    with database.read() as connection:
        return {str(number): get_meta(connection, str(number)) for number in range(100)}


def put(number):
    def make(connection):
        set_meta(connection, str(number), number)
        return number

    return make


def at_once(database, makes):
    """The outcomes of changes that share a commit."""
    return database.write_together([Change(make) for make in makes])


def test_changes_that_share_a_commit_get_their_own_results_in_their_order(database):
    commits = []
    with database.read() as connection:
        listen(connection.engine, "commit", commits.append)
    assert at_once(database, [put(number) for number in range(20)]) == list(range(20))
    assert len(commits) == 1
    assert [kept(database)[str(number)] for number in range(20)] == list(range(20))


def test_a_change_that_fails_leaves_nothing_behind_and_does_not_disturb_the_others(database):
    def fail(connection):
        set_meta(connection, "1", "half done")
        raise ValueError("mine")

    outcomes = at_once(database, [put(0), fail, put(2)])
    assert outcomes[::2] == [0, 2]
    assert isinstance(outcomes[1], ValueError)
    assert (kept(database)["0"], kept(database)["1"], kept(database)["2"]) == (0, None, 2)


def test_a_row_that_the_database_refuses_is_its_authors_trouble_alone(database):
    def twice(connection):
        connection.exec_driver_sql("INSERT INTO meta VALUES ('0', '0')")

    outcomes = at_once(database, [put(0), twice, put(2)])
    assert outcomes[::2] == [0, 2]
    assert isinstance(outcomes[1], LedgerError)


def test_rows_that_waited_for_the_end_are_written_together_and_one_that_is_refused_is_its_authors_alone(database):
    def tell(name, document_id=None):
        event = {"document_id": document_id, "at": datetime.now(UTC), "name": name, "actor": None, "data": {}}

        def make(connection):
            statements.TELL.add(connection, event)
            return name

        return make

    names = [f"{number:03}" for number in range(60)]
    assert at_once(database, [tell(name) for name in names]) == names
    no_such_document = tell("refused", document_id=999)
    outcomes = at_once(database, [tell("before"), no_such_document, put(2), tell("after")])
    with database.read() as connection:
        told = list(connection.execute(select(events.c.name).order_by(events.c.id)).scalars())

    assert (outcomes[0], outcomes[2], outcomes[3]) == ("before", 2, "after")
    assert isinstance(outcomes[1], LedgerError)
    assert told == [*names, "before", "after"]


def test_a_file_that_is_found_twice_at_one_moment_gets_one_row_whatever_is_thought_of_it(url):
    def refused(candidate, known):
        return candidate.evolve(state=State.REJECTED, reason=Reason("no_rule", "No rule matches."), in_place=True)

    with Ledger(url) as ledger:
        sighting = Sighting("/inbox/RE12345.pdf", 7, 1, 42)
        change = ledger.changes.admit(document(id=0), sighting, START, refused)
        ledger.write_together([change, change])
        assert len(ledger.documents()) == 1


def test_of_any_number_of_rows_only_so_many_wait(database):
    with database.transaction() as connection:
        for number in range(200):
            event = {"document_id": None, "at": datetime.now(UTC), "name": f"{number}", "actor": None, "data": {}}
            statements.TELL.add(connection, event)
        written = list(connection.execute(select(events.c.name).order_by(events.c.id)).scalars())
    with database.read() as connection:
        told = list(connection.execute(select(events.c.name).order_by(events.c.id)).scalars())

    assert written == told[: 200 - 200 % MOST]
    assert told == [f"{number}" for number in range(200)]


def test_a_commit_that_fails_fails_for_all_and_nothing_is_kept(database):
    def without_parent(connection):
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql("INSERT INTO events VALUES (1, 999, '2026-10-01', 'x', NULL, '{}')")

    with pytest.raises(LedgerError):
        at_once(database, [put(0), without_parent, put(2)])
    assert set(kept(database).values()) == {None}
    assert database.write(put(5)) == 5, "the next ones are not concerned"


def test_whoever_dies_in_the_middle_takes_the_group_along_but_not_the_next_one(database):
    def die(_):
        raise Interrupted

    with pytest.raises(Interrupted):
        at_once(database, [put(0), die, put(2)])
    assert set(kept(database).values()) == {None}
    assert database.write(put(5)) == 5


def test_what_is_vouched_for_is_vouched_for_once_after_the_commit_and_before_anybody_returns(database, url):
    seen = []

    def vouch():
        with closing(Database(url)) as other:
            seen.append(kept(other)["1"])

    database.vouch = vouch
    database.write(put(0))
    assert seen == []
    assert database.write(put(1), vouched=True) == 1
    assert seen == [1]


def test_without_the_witness_only_those_fail_that_need_it(database):
    def vouch():
        raise LedgerError("no witness")

    database.vouch = vouch
    with pytest.raises(LedgerError, match="no witness"):
        database.write(put(0), vouched=True)
    assert database.write(put(1)) == 1


def test_what_others_have_committed_is_seen_by_those_behind_them_in_the_same_group(database):
    def look(connection):
        return get_meta(connection, "0")

    assert at_once(database, [put(0), look]) == [0, 0]


def test_many_threads_for_a_while_lose_nothing(database):
    counted = threading.Lock()
    done = []

    def work(first):
        for number in range(first, 100, 10):
            database.write(put(number))
            with counted:
                done.append(number)

    threads = [threading.Thread(target=work, args=[number]) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(100))
    assert kept(database) == {str(number): number for number in range(100)}
