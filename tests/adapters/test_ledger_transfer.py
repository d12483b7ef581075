"""A ledger in another place: copied, compared, gone on with; and an older one brought to this version."""

import sys
from contextlib import closing

import pytest
from sqlalchemy import create_engine, insert, inspect, select

from importer.adapters.ledger import Database, Ledger, LedgerError, LedgerNeedsPerson, Sighting, is_outdated, transfer
from importer.adapters.ledger.database import migrate
from importer.adapters.ledger.integrity import faults_of
from importer.adapters.ledger.tables import attempts, documents, events, meta, sightings
from importer.core.admission import AdmissionPolicy, Treatment, admit
from importer.core.model import State, digest_of
from tests.making import START, document, made

MODULE = sys.modules["importer.adapters.ledger.transfer"]
HOLD = AdmissionPolicy(revision=Treatment.HOLD, same_bytes_elsewhere=Treatment.HOLD)


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """A place where there is no ledger yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new.db"
    return request.getfixturevalue("postgres").new_url(empty=True)


@pytest.fixture
def filled(sqlite_url, tmp_path):
    """A ledger with documents that point to one another."""
    with Ledger(sqlite_url) as ledger:
        ledger.bind_account("acme")
        ledger.face_witness()
        for number in range(7):
            name = f"M\udcfcller {number}.pdf"
            place = tmp_path / name
            place.touch()
            same = digest_of(b"%d" % (number % 5))
            found = document(id=0, sha256=same, invoice_reference=f"RE{number % 5}", location=str(place), path=name)
            claim = made(ledger).admit(
                found, Sighting(name, 1, 2, 3), START, lambda new, known: admit(new, known, HOLD)
            )
            made(ledger).release(claim)
        assert ledger.counts()[State.DUPLICATE] == 2
    return sqlite_url


def content_of(url):
    """All of it, but for the reasons' details: a path in one is told as well as the database can."""
    with Ledger(url) as ledger:
        return [(document.evolve(reason=None), len(ledger.events_of(document))) for document in ledger.documents()]


def test_a_copy_is_the_same_ledger_and_can_be_gone_on_with(filled, empty_url):
    with closing(Database(filled)) as source, closing(Database(empty_url, alone=True)) as target:
        assert transfer(source, target) == 7
    assert content_of(empty_url) == content_of(filled)
    with Ledger(empty_url) as copy:
        new = document(id=0, sha256=digest_of(b"new"), location="/dev/null/new", invoice_reference="RE9")
        claim = made(copy).admit(new, Sighting("new", 1, 2, 3), START, lambda new, known: new)
        assert claim.document.id == 8
        with pytest.raises(LedgerNeedsPerson, match="other"):
            copy.bind_account("other")


def test_a_copy_that_was_interrupted_goes_on_where_it_was(filled, empty_url, monkeypatch):
    monkeypatch.setattr(MODULE, "PORTION", 3)
    with closing(Database(filled)) as source, closing(Database(empty_url, alone=True)) as target:
        write, left = target.transaction, iter(range(3))

        def interrupted():
            if next(left, None) is None:
                raise LedgerError("the server has gone away")
            return write()

        monkeypatch.setattr(target, "transaction", interrupted)
        with pytest.raises(LedgerError, match="gone away"):
            transfer(source, target)
        monkeypatch.setattr(target, "transaction", write)
        with target.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM documents").scalar() == 6
        # Then it goes on, and only then is it a ledger
        assert transfer(source, target) == 7
    assert content_of(empty_url) == content_of(filled)


def test_a_copy_that_is_not_the_same_is_noticed(filled, empty_url, monkeypatch):
    monkeypatch.setattr(MODULE, "_link_duplicates", lambda old, target: None)
    with (
        closing(Database(filled)) as source,
        closing(Database(empty_url, alone=True)) as target,
        pytest.raises(LedgerError, match="row 6 of documents is not what it was"),
    ):
        transfer(source, target)


def test_a_ledger_is_not_overwritten(filled, empty_url):
    with Ledger(empty_url) as other:
        other.bind_account("acme")
    with (
        closing(Database(filled)) as source,
        closing(Database(empty_url, alone=True)) as target,
        pytest.raises(LedgerError, match="there is a ledger already"),
    ):
        transfer(source, target)


def fill_as_first_version(url, filled):
    """The rows of a ledger, in the tables that the first version had."""
    engine = create_engine(url)
    with engine.begin() as connection, closing(Database(filled)) as source, source.read() as old:
        migrate(connection, to="0001")
        for table in (meta, documents, attempts, sightings, events):
            names = {column["name"] for column in inspect(connection).get_columns(table.name)}
            columns = [column for column in table.columns if column.name in names]
            rows = [dict(row) for row in old.execute(select(*columns)).mappings()]
            if rows:
                connection.execute(insert(table), rows)
            if table is documents:  # duplicates had their identity, too
                first = "SELECT first.identity FROM documents AS first WHERE first.id = documents.duplicate_of"
                connection.exec_driver_sql(f"UPDATE documents SET identity = ({first}) WHERE state = 'duplicate'")
            if connection.dialect.name == "postgresql" and rows and "id" in names:
                connection.exec_driver_sql(f"SELECT setval('{table.name}_id_seq', {rows[-1]['id']})")
    engine.dispose()


def test_a_ledger_of_the_first_version_is_refused_until_it_is_upgraded(filled, empty_url):
    fill_as_first_version(empty_url, filled)
    with pytest.raises(LedgerNeedsPerson, match="importer ledger upgrade"):
        Ledger(empty_url)
    assert is_outdated(empty_url)
    Database(empty_url, alone=True, upgrade=True).close()
    assert not is_outdated(empty_url)
    assert content_of(empty_url) == content_of(filled)
    with closing(Database(empty_url)) as database:
        assert list(faults_of(database)) == []
    with Ledger(empty_url) as ledger:
        # Given what the first version had no room for on PostgreSQL
        large = document(
            id=0, sha256=digest_of(b"new"), location="/dev/null/new", invoice_reference="RE9", size=1 << 40
        )
        claim = made(ledger).admit(large, Sighting("new", 1 << 40, 2, 3), START, lambda new, known: new)
        assert (claim.document.id, ledger.get(8).size) == (8, 1 << 40)
        made(ledger).release(claim)
        assert made(ledger).claim(8, START) is not None
