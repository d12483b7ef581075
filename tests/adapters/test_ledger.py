"""The ledger's verbs: one contract, on a real SQLite file and on a real PostgreSQL."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine

from importer.adapters.ledger import ClaimLost, InUse, Ledger, LedgerError, LedgerNeedsPerson, Move, Sighting
from importer.adapters.ledger.tables import PathName, UtcTime, metadata
from importer.core.admission import AdmissionPolicy, Treatment, admit
from importer.core.model import Reason, State, digest_of
from tests.making import REFERENCES, START, document, made

SIGHTING = Sighting("/inbox/RE12345.pdf", 7, 1_700_000_000_123_456_789, 42)
HOLD = AdmissionPolicy(revision=Treatment.HOLD, same_bytes_elsewhere=Treatment.HOLD)


def by_policy(candidate, known):
    return admit(candidate, known, HOLD)


def as_it_is(candidate, known):
    return candidate


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, sqlite_url):
    if request.param == "sqlite":
        return sqlite_url
    return request.getfixturevalue("postgres").new_url()


@pytest.fixture
def ledger(url):
    with Ledger(url) as opened:
        yield opened


def admitted(ledger, candidate=None, admission=by_policy, sighting=SIGHTING):
    return made(ledger).admit(candidate or document(id=0), sighting, START, admission)


def test_a_story_is_told_in_the_order_in_which_it_happened(ledger):
    claim = admitted(ledger)
    sending = claim.document.evolve(state=State.SENDING, came_from=State.PENDING, attempts=1)
    claim = made(ledger).intend(claim, sending, START)
    imported = sending.evolve(state=State.IMPORTED, references=REFERENCES, imported_at=START)
    made(ledger).record(claim, imported, "document.imported", START, outcome="confirmed", resend=True)

    told = [event.name for event in ledger.events_of(imported)]
    assert told == ["document.pending", "upload.intended", "document.imported", "resend.wanted"]


def test_what_is_recorded_is_there_after_reopening(url):
    with Ledger(url) as ledger:
        claim = admitted(ledger, document(id=0, label="Rechnung", accepted=frozenset({"revision"})))
        sending = claim.document.evolve(state=State.SENDING, came_from=State.PENDING, attempts=1)
        claim = made(ledger).intend(claim, sending, START)
        imported = sending.evolve(state=State.IMPORTED, references=REFERENCES, imported_at=START)
        made(ledger).record(claim, imported, "document.imported", START, outcome="confirmed")
    with Ledger(url) as ledger:
        assert ledger.get(1) == imported
        assert [event.name for event in ledger.events_of(imported)] == [
            "document.pending",
            "upload.intended",
            "document.imported",
        ]
        (attempt,) = ledger.attempts_of(imported)
        assert attempt.key == sending.idempotency_key
        assert attempt.outcome == "confirmed"


def query(url, sql):
    """By a connection of somebody else's."""
    engine = create_engine(url)
    with engine.begin() as connection:
        found = connection.exec_driver_sql(sql)
        rows = [tuple(row) for row in found] if found.returns_rows else []
    engine.dispose()
    return rows


def test_the_intent_is_on_disk_before_anybody_is_told_the_outcome(ledger, url):
    claim = admitted(ledger)
    made(ledger).intend(claim, claim.document.evolve(state=State.SENDING, attempts=1), START)
    assert query(url, "SELECT state FROM documents") == [("sending",)]
    assert query(url, "SELECT count(*) FROM attempts WHERE ended_at IS NULL") == [(1,)]


def test_sqlite_syncs_every_commit(sqlite_url):
    with Ledger(sqlite_url) as ledger, ledger._database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def lying(folder, number):
    """The place of a file that is there."""
    (folder / f"{number}.pdf").touch()
    return str(folder / f"{number}.pdf")


def test_the_same_document_twice_is_a_duplicate_of_the_first(ledger, tmp_path):
    first = admitted(ledger, document(id=0, location=lying(tmp_path, 1)))
    second = admitted(ledger, document(id=0, path="copy.pdf", location="/inbox/copy.pdf"))
    assert second.document.state is State.DUPLICATE
    assert second.document.duplicate_of == first.document.id


def test_a_document_whose_file_has_moved_while_somebody_works_on_it_is_not_doubled(ledger):
    first = admitted(ledger)  # there is no file
    moved = document(id=0, location="/inbox/renamed.pdf")
    with pytest.raises(InUse, match="D1"):
        admitted(ledger, moved)
    made(ledger).release(first)
    found = admitted(ledger, moved)
    assert (found.id, found.location) == (first.document.id, moved.location)


def test_the_same_document_at_the_same_moment_from_many_threads_is_admitted_once(url, tmp_path):
    places = [lying(tmp_path, number) for number in range(8)]
    with Ledger(url) as ledger:
        together = threading.Barrier(8)
        states = []

        def find(number):
            together.wait()
            states.append(admitted(ledger, document(id=0, location=places[number])).document.state)

        threads = [threading.Thread(target=find, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(states) == [State.DUPLICATE] * 7 + [State.PENDING]


def test_the_database_itself_refuses_a_second_row_of_one_identity(ledger):
    admitted(ledger)
    with pytest.raises(LedgerError):
        admitted(ledger, document(id=0, location="/inbox/copy.pdf"), admission=as_it_is)


def test_an_identity_is_free_again_for_whom_a_person_lets_pass(ledger):
    copy = document(id=0, location="/inbox/copy.pdf")
    # Given a document that was refused, so that its copy counts
    first = admitted(ledger)
    refused = first.document.evolve(state=State.REJECTED, reason=Reason("encrypted", "locked"))
    claim = made(ledger).record(first, refused, "document.rejected", START)
    second = admitted(ledger, copy, admission=as_it_is)
    # Then it cannot come back as long as the copy counts
    with pytest.raises(LedgerError):
        made(ledger).readmit(claim, first.document, START, as_it_is)
    # But once that is refused
    made(ledger).record(second, second.document.evolve(state=State.REJECTED), "document.rejected", START)
    made(ledger).readmit(claim, first.document, START, as_it_is)
    with pytest.raises(LedgerError):
        admitted(ledger, copy, admission=as_it_is, sighting=replace(SIGHTING, inode=1))


def test_the_same_bytes_at_the_same_place_are_no_new_document(ledger):
    first = admitted(ledger)
    assert admitted(ledger) == first.document
    assert len(ledger.documents()) == 1


def test_a_document_whose_file_has_moved_goes_on_from_there(ledger, tmp_path):
    first = admitted(ledger, document(id=0, location=str(tmp_path / "gone.pdf")))
    made(ledger).release(first)
    returned = admitted(ledger, document(id=0, path="renamed.pdf", location=str(tmp_path / "renamed.pdf")))
    assert returned.id == first.document.id
    assert ledger.get(1).location == str(tmp_path / "renamed.pdf")


def test_rejected_rows_lie_outside_the_unique_index(ledger):
    rejected = document(id=0, state=State.REJECTED, reason=Reason("encrypted", "locked"))
    for inode in (1, 2):
        again = replace(SIGHTING, inode=inode)
        assert admitted(ledger, rejected, sighting=again).document.state is State.REJECTED
    assert admitted(ledger).document.state is State.PENDING


def test_a_file_that_was_rejected_is_not_rejected_anew_while_it_lies_there_as_it_was(ledger):
    rejected = document(id=0, state=State.REJECTED, reason=Reason("encrypted", "locked"))
    first = admitted(ledger, rejected)
    assert admitted(ledger, rejected) == first.document


def test_only_one_can_claim(ledger):
    claim = admitted(ledger)
    assert made(ledger).claim(claim.document.id, START) is None
    made(ledger).release(claim)
    assert made(ledger).claim(claim.document.id, START) is not None


def test_a_lost_claim_records_nothing(ledger):
    claim = admitted(ledger)
    assert made(ledger).take_over(claim, START) is not None
    with pytest.raises(ClaimLost):
        made(ledger).record(claim, claim.document.evolve(state=State.IMPORTED), "document.imported", START)
    assert ledger.get(1).state is State.PENDING


def test_of_several_files_put_away_in_one_commit_only_the_lost_claim_records_nothing(ledger):
    claims = [
        admitted(ledger, document(id=0, sha256=digest_of(bytes([number])), invoice_reference=f"RE{number}"))
        for number in range(3)
    ]
    made(ledger).take_over(claims[1], START)
    moves = [Move(claim, f"/archive/{claim.document.id}") for claim in claims]
    first, lost, last = ledger.write_together([ledger.changes.settle(move, START) for move in moves])
    assert (first.document.location, last.document.location) == ("/archive/1", "/archive/3")
    assert isinstance(lost, ClaimLost)
    assert ledger.get(2) == claims[1].document
    assert [len(ledger.events_of(claim.document)) for claim in claims] == [2, 1, 2]


def test_no_intent_after_the_lease_is_over(url):
    with Ledger(url, lease=-timedelta(seconds=1)) as ledger:
        claim = admitted(ledger)
        with pytest.raises(ClaimLost):
            made(ledger).intend(claim, claim.document.evolve(state=State.SENDING), START)
        assert ledger.attempts_of(claim.document) == []


def test_a_claim_whose_lease_is_over_is_an_orphan(url):
    with Ledger(url) as ledger:
        admitted(ledger)
        assert ledger.orphans(START) == []
    with Ledger(url, lease=-timedelta(seconds=1)) as ledger:
        other = admitted(ledger, document(id=0, sha256=digest_of(b"2"), invoice_reference="RE2"))
        assert other.document.id in [orphan.document.id for orphan in ledger.orphans(START)]


def test_on_one_host_leases_are_counted_by_its_clock(sqlite_url):
    with Ledger(sqlite_url) as ledger:
        claim = admitted(ledger)
        assert [orphan.document.id for orphan in ledger.orphans(START + timedelta(hours=1))] == [1]
        with pytest.raises(ClaimLost):
            made(ledger).intend(claim, claim.document.evolve(state=State.SENDING), START + timedelta(hours=40))


CLAIMS_AND_WAITS = """
import sys
from importer.adapters.ledger import Ledger, Sighting
from tests.making import START, document, made
ledger = Ledger(sys.argv[1])
made(ledger).admit(document(id=0), Sighting("/inbox/x", 1, 2, 3), START, lambda candidate, known: candidate)
print("claimed", flush=True)
sys.stdin.read()
"""


def test_the_claims_of_a_killed_process_are_orphans_at_once_but_not_those_of_a_living_one(sqlite_url):
    # Given another process that holds a claim
    command = [sys.executable, "-c", CLAIMS_AND_WAITS, sqlite_url]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "claimed\n"
    with Ledger(sqlite_url) as ledger:
        assert ledger.orphans(START) == []
        # When it is killed
        os.kill(other.pid, signal.SIGKILL)
        other.communicate()
        # Then its claim is anybody's, once
        (orphan,) = ledger.orphans(START)
        assert made(ledger).take_over(orphan, START) is not None
        assert made(ledger).take_over(orphan, START) is None


def test_due_are_those_whose_time_has_come_and_that_nobody_holds(ledger):
    later = START + timedelta(minutes=5)
    for number, moment in enumerate([None, START, later]):
        claim = admitted(ledger, document(id=0, sha256=digest_of(bytes([number])), invoice_reference=f"RE{number}"))
        made(ledger).record(claim, claim.document.evolve(next_attempt_at=moment), "document.deferred", START)
        made(ledger).release(claim)
    assert ledger.due(START, limit=9) == [1, 2]
    assert ledger.due(later, limit=9) == [1, 2, 3]
    assert ledger.due(later, limit=9, among=[2]) == [2]
    assert ledger.due(later, limit=1) == [1]
    assert ledger.next_due_at() == START
    assert ledger.next_due_at(among=[3]) == later


def test_names_that_are_not_utf8_come_back_byte_for_byte(ledger):
    claim = admitted(ledger, document(id=0, path="M\udcfcller.pdf", location="/inbox/M\udcfcller.pdf"))
    assert ledger.get(claim.document.id).path == "M\udcfcller.pdf"
    assert ledger.with_path("/inbox/M\udcfcller.pdf") == [claim.document]


def test_a_file_is_known_by_its_path_size_time_and_inode(ledger):
    candidate = document(id=0, location=SIGHTING.path)
    claim = admitted(ledger, candidate)
    assert ledger.seen_among([SIGHTING]) == {SIGHTING.path: claim.document.id}
    assert ledger.seen_among([Sighting(SIGHTING.path, 7, SIGHTING.mtime_ns + 1, 42)]) == {}
    made(ledger).settle(Move(claim, "/archive/RE12345.pdf"), START)
    assert ledger.seen_among([SIGHTING]) == {}, "another file lies there now"


def test_a_place_is_promised_to_one_document_only(url):
    def place(candidate, is_reserved):
        return candidate.evolve(target="/b" if is_reserved("/a") else "/a")

    with Ledger(url, place=place) as ledger:
        rejected = [document(id=0, state=State.REJECTED, location=place) for place in ("/inbox/1", "/inbox/2")]
        assert [admitted(ledger, each).document.target for each in rejected] == ["/a", "/b"]


def test_naive_times_are_refused(ledger):
    with pytest.raises(Exception, match="naive"):
        admitted(ledger, document(id=0, first_seen_at=START.replace(tzinfo=None)))


def test_the_account_is_written_once(ledger):
    ledger.bind_account("typo")
    ledger.bind_account("acme")  # nothing depends on it yet
    admitted(ledger)
    ledger.bind_account("acme")
    with pytest.raises(LedgerNeedsPerson, match="--new-account"):
        ledger.bind_account("other")
    ledger.bind_account("other", new_account=True)


def test_a_ledger_of_another_version_is_refused(url):
    Ledger(url).__exit__()
    query(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerNeedsPerson, match="9999"):
        Ledger(url)


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"this is a letter to a debtor, not a database" * 50)
    with pytest.raises(LedgerNeedsPerson, match=r"ledger\.url"):
        Ledger(f"sqlite:///{tmp_path}/ledger.db")


def test_damage_that_is_met_only_while_rows_are_read_is_told(tmp_path):
    # Given rows so long that each goes on in pages of its own
    path, page = tmp_path / "ledger.db", 4096
    with Ledger(f"sqlite:///{path}") as ledger:
        for number in range(4):
            found = document(
                id=0, state=State.REJECTED, kind=None, label="x" * (2 * page), location=f"/{number}", path=f"{number}"
            )
            made(ledger).release(admitted(ledger, found, as_it_is, Sighting(f"/{number}", 7, number, number)))
    # When the last one's leads nowhere
    content = bytearray(path.read_bytes())
    rests = [at for at in range(0, len(content), page) if content[at + 4 : at + page] == b"x" * (page - 4)]
    content[rests[-1] : rests[-1] + 4] = (999_999).to_bytes(4)
    path.write_bytes(content)
    with Ledger(f"sqlite:///{path}") as ledger, pytest.raises(LedgerNeedsPerson, match="damaged"):
        ledger.neighbours(document(id=0, kind=None))


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(ledger, url):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def same_storage(context, inspected, column, inspected_type, kind):
        return False if isinstance(kind, UtcTime | PathName) else None

    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": same_storage})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
