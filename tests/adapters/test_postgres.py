"""What PostgreSQL's ledger must stand beyond the contract: lost connections, lost commits, other hosts."""

import threading
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from importer.adapters.ledger import (
    ClaimLost,
    Database,
    Ledger,
    LedgerBusy,
    LedgerError,
    LedgerUnavailable,
    Move,
    Sighting,
)
from importer.adapters.ledger.meta import set_meta
from importer.core.admission import AdmissionPolicy, Treatment, admit
from importer.core.model import Reason, State, digest_of
from tests.making import REFERENCES, START, document, made
from tests.proxy import Proxy

HOLD = AdmissionPolicy(revision=Treatment.HOLD, same_bytes_elsewhere=Treatment.HOLD)
SIGHTING = Sighting("/inbox/RE12345.pdf", 7, 1, 42)


def by_policy(candidate, known):
    return admit(candidate, known, HOLD)


@pytest.fixture
def url(postgres):
    return postgres.new_url()


@pytest.fixture
def query(postgres, url):
    return lambda sql: postgres.execute(sql, postgres.database_of(url))


def engine_of(ledger):
    return ledger._database._store._engine


def fresh(number, **changes):
    return document(id=0, sha256=digest_of(b"%d" % number), invoice_reference=f"RE{number}", **changes)


def import_one(ledger, number):
    """A document's way, transaction by transaction."""
    claim = made(ledger).admit(fresh(number), SIGHTING, START, by_policy)
    sending = claim.document.evolve(state=State.SENDING, came_from=State.PENDING, attempts=1)
    claim = made(ledger).intend(claim, sending, START)
    imported = sending.evolve(state=State.IMPORTED, references=REFERENCES, imported_at=START)
    claim = made(ledger).record(claim, imported, "document.imported", START, outcome="confirmed")
    made(ledger).settle(Move(claim, f"/archive/{number}"), START)
    return imported


def assert_whole(ledger, imported):
    names = [event.name for event in ledger.events_of(imported)]
    assert names == ["document.pending", "upload.intended", "document.imported", "file.put_away"]
    assert [attempt.outcome for attempt in ledger.attempts_of(imported)] == ["confirmed"]


# ------------------------------------------------------------ connections break


@pytest.fixture
def proxy(postgres):
    with closing(Proxy(postgres.dial)) as proxy:
        yield proxy


@pytest.fixture
def proxied(postgres, url, proxy):
    """The ledger, by way of the proxy."""
    return f"postgresql+psycopg://importer@127.0.0.1:{proxy.port}/{postgres.database_of(url)}"


@pytest.mark.parametrize("answered", [False, True])
def test_a_connection_that_is_lost_at_any_message_changes_nothing(proxy, proxied, answered):
    with Ledger(proxied) as ledger:
        at = 0
        while True:
            at += 1
            proxy.cut_at(at, answered=answered)
            imported = import_one(ledger, at)
            messages = proxy.spare()
            assert_whole(ledger, imported)
            if messages < at:
                break
        assert at > 30, "every statement and every commit of four transactions"
        assert len(ledger.documents()) == at


def test_a_question_that_is_cut_off_is_told_and_can_be_asked_again(proxy, proxied):
    questions = [
        lambda ledger: ledger.counts(),
        lambda ledger: ledger.due(START, limit=5),
        lambda ledger: ledger.orphans(START),
        lambda ledger: ledger.line(),
    ]
    with Ledger(proxied) as ledger, Ledger(proxied) as other:
        made(other).admit(fresh(1), SIGHTING, START, by_policy)
        for ask in questions:
            told = ask(ledger)
            for at in range(1, 9):
                proxy.cut_at(at, answered=True)
                try:
                    assert ask(ledger) == told
                except LedgerUnavailable:
                    proxy.spare()
                    assert ask(ledger) == told
                proxy.spare()


def test_a_server_that_stays_away_is_told_and_comes_back(monkeypatch):
    from tests.postgres import Server

    monkeypatch.setattr("importer.adapters.ledger.postgres.PATIENCE", 0.3)
    server = Server(fast=False)
    try:
        with Ledger(server.new_url()) as ledger:
            import_one(ledger, 1)
            server.stop()
            with pytest.raises(LedgerUnavailable, match="cannot be reached"):
                import_one(ledger, 2)
            with pytest.raises(LedgerUnavailable, match="cannot be reached"):
                ledger.counts()
            server.start()
            import_one(ledger, 2)
            assert ledger.counts() == {State.IMPORTED: 2}
    finally:
        server.close()


def test_when_all_connections_are_in_use_that_is_said(url):
    with Ledger(url) as ledger, ExitStack() as held:
        engine_of(ledger).pool._timeout = 0.1
        for _ in range(16):
            held.enter_context(ledger._database.read())
        with pytest.raises(LedgerUnavailable, match="all connections"):
            ledger.counts()


def test_no_password_is_ever_told(url, postgres):
    wrong = f"postgresql+psycopg://importer:pa55word@/nothing?host={postgres.folder}"
    with pytest.raises(LedgerError) as told:
        Ledger(wrong)
    assert "nothing" in str(told.value)
    cause = told.value
    while cause is not None:
        assert "pa55word" not in f"{cause}{cause!r}"
        cause = cause.__cause__ or cause.__context__


def test_whoever_listens_may_be_named_and_limited_by_the_url_too(url):
    ended, told = threading.Event(), []
    with Ledger(f"{url}&application_name=accounts&connect_timeout=5") as ledger:
        ledger.listen(ended, lambda _: ended.set(), lambda listens, _: told.append(listens))
    assert told == [True]


def test_importers_that_lock_one_another_out_both_get_through(url):
    together, tries = threading.Barrier(2), []

    def crossing(first, second):
        def make(connection):
            tries.append(first)
            set_meta(connection, first, "locked")
            if len(tries) <= 2:
                together.wait()
            set_meta(connection, second, "locked")
            return "made"

        return make

    with closing(Database(url)) as one, closing(Database(url)) as other:
        for name in ("a", "b"):
            one.write(lambda connection, name=name: set_meta(connection, name, "free"))
        made = at_once(lambda: one.write(crossing("a", "b")), lambda: other.write(crossing("b", "a")))
    assert made == ["made", "made"]
    assert len(tries) == 3, "one of them was sent back"


# ------------------------------------------------------------ many hosts


def at_once(*acts):
    """What each of them returns, begun together."""
    together, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        together.wait()
        results[number] = act()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_what_two_hosts_find_at_one_moment_is_judged_by_both_together(url, tmp_path):
    for name in "ab":
        (tmp_path / name).touch()
    with Ledger(url) as one, Ledger(url) as other:
        for number in range(10):
            same = [fresh(number, location=str(tmp_path / host)) for host in "ab"]
            revisions = [
                document(
                    id=0,
                    sha256=digest_of(b"r%d%d" % (number, host)),
                    invoice_reference=f"R{number}",
                    location=f"/dev/null/r{host}",
                )
                for host in range(2)
            ]
            admitted = [
                (
                    lambda ledger=ledger, found=found: (
                        made(ledger).admit(found, SIGHTING, START, by_policy).document.state
                    )
                )
                for ledger, found in zip((one, other, one, other), (*same, *revisions), strict=True)
            ]
            states = at_once(*admitted)
            assert sorted(states[:2]) == [State.DUPLICATE, State.PENDING]
            assert sorted(states[2:]) == [State.HELD, State.PENDING]


def test_hosts_that_begin_together_agree_on_one_ledger(url, query, tmp_path):
    with Ledger(url, witness=tmp_path / "witness") as one, Ledger(url, witness=tmp_path / "witness") as other:
        together = []

        def meanwhile(connection, cursor, statement, *_):
            if statement.startswith("UPDATE meta") and not together:
                together.append(threading.Thread(target=other.face_witness))
                together[0].start()
                while together[0].is_alive() and not query("SELECT 1 FROM pg_locks WHERE NOT granted"):
                    together[0].join(0.02)

        event.listen(engine_of(one), "before_cursor_execute", meanwhile)
        one.face_witness()
        together[0].join()
        for ledger in (one, other):
            assert ledger.amnesia() is None


def test_each_document_is_claimed_by_one_host(url):
    with Ledger(url) as one, Ledger(url) as other:
        for number in range(20):
            made(one).release(made(one).admit(fresh(number), SIGHTING, START, by_policy))
        claims = at_once(*[
            lambda ledger=ledger: [claim for i in range(1, 21) if (claim := made(ledger).claim(i, START))]
            for ledger in (one, other, one, other)
        ])  # fmt: skip
        claimed = [claim.document.id for each in claims for claim in each]
        assert sorted(claimed) == list(range(1, 21))


def test_leases_are_counted_by_the_databases_clock_and_tokens_grow(url, query):
    with Ledger(url, lease=timedelta(minutes=2)) as ledger:
        claim = made(ledger).admit(fresh(1), SIGHTING, START - timedelta(days=900), by_policy)
        ((left,),) = query("SELECT claim_until - clock_timestamp() FROM documents")
        assert timedelta(minutes=1) < left < timedelta(minutes=3)
        assert ledger.orphans(datetime.now(UTC) + timedelta(days=900)) == []
        made(ledger).release(claim)
        tokens = [claim.token]
        for _ in range(20):
            claim = made(ledger).claim(1, START)
            tokens.append(claim.token)
            made(ledger).release(claim)
        assert tokens == sorted(tokens)
        assert len(set(tokens)) == len(tokens)


def test_whoever_slept_past_his_lease_records_nothing(url, query):
    with Ledger(url) as asleep, Ledger(url) as awake:
        claim = made(asleep).admit(fresh(1), SIGHTING, START, by_policy)
        sending = claim.document.evolve(state=State.SENDING, came_from=State.PENDING, attempts=1)
        claim = made(asleep).intend(claim, sending, START)
        assert awake.orphans(START) == [], "its lease is not over"
        query("UPDATE documents SET claim_until = clock_timestamp() - interval '1 second'")
        (orphan,) = awake.orphans(START)
        assert made(awake).take_over(orphan, START) is not None
        with pytest.raises(ClaimLost):
            made(asleep).record(claim, sending.evolve(state=State.PENDING), "document.deferred", START)


def test_a_holder_that_has_ended_leaves_no_word_and_its_claims_to_everybody(url, query):
    with Ledger(url) as one:
        with Ledger(url) as other:
            made(other).admit(fresh(1), SIGHTING, START, by_policy)
            assert one.orphans(START) == []
            assert query("SELECT count(*) FROM holders") == [(2,)]
        assert [orphan.document.id for orphan in one.orphans(START)] == [1]


def test_who_may_not_be_alone_keeps_nobody_out_not_even_for_a_moment(url):
    with Ledger(url) as at_work, closing(Database(url, alone=True, as_it_is=True)) as upgrade:
        event.listen(upgrade._store._engine, "after_cursor_execute", lambda *_: at_work.bind_account("acme"))
        with pytest.raises(LedgerBusy, match="importers are at work"), upgrade.transaction():
            pass


# ------------------------------------------------------------ what a server takes


def test_any_text_and_any_size_can_be_kept(url):
    with Ledger(url) as ledger:
        reason = Reason("odd", "a \0 and a half \udcfc", {"name": "\0\udcfc"})
        odd = fresh(1, label="NUL \0", state=State.HELD, reason=reason, size=1 << 40)
        claim = made(ledger).admit(odd, SIGHTING, START, lambda candidate, known: candidate)
        kept = ledger.get(claim.document.id)
        assert (kept.label, kept.size) == ("NUL \ufffd", 1 << 40)
        assert kept.reason.code == "odd"
        assert ledger.blocked() == [(State.HELD, "odd", 1, 1)]


# ------------------------------------------------------------ one line for all

REFUSED = {"code": "credentials_refused", "message": "no", "since": "2026-10-01T09:00:00+00:00"}
PAUSE = timedelta(minutes=10)


def test_one_importer_tries_refused_credentials_for_all(url, query):
    def leave(ledger, *, starting=False):
        refusal = ledger.leave_to_probe(PAUSE, starting=starting)
        return "may" if refusal is None else round(refusal.wait)

    with Ledger(url) as one, Ledger(url) as other, Ledger(url) as third:
        assert [leave(ledger, starting=True) for ledger in (one, other, third)] == ["may"] * 3, "nothing is known yet"
        one.set_line(None)
        one.set_line(REFUSED)
        assert leave(third, starting=True) <= 1
        assert third.are_credentials_refused, "as of its last change"
        query("UPDATE line SET probe_at = clock_timestamp()")
        assert sorted(
            str(each) for each in at_once(*(lambda each=each: leave(each) for each in (one, other, third)))
        ) == ["600", "600", "may"]
        query("UPDATE line SET refused_at = clock_timestamp() - interval '2 minutes'")
        assert (leave(other), leave(other, starting=True)) == (600, "may"), "a person has started it"
        other.set_line(None)
        assert leave(one) == leave(third) == "may"
        assert not third.are_credentials_refused


def test_many_importers_together_keep_the_rate(url):
    interval, number = timedelta(milliseconds=20), 60
    taken = []

    def go_on(ledger):
        pacer = ledger.pacer(interval, time.monotonic)
        while len(taken) < number:
            taken.append(pacer._turn())

    with Ledger(url) as one, Ledger(url) as other:
        began = time.monotonic()
        at_once(*(lambda ledger=ledger: go_on(ledger) for ledger in (one, one, other, other)))
    turns = sorted(taken)
    assert turns[0] < began, "some may go out at once"
    assert turns[-1] - turns[0] > (len(turns) - 1) * interval.total_seconds() - 0.1
