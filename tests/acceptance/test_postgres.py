"""A ledger on PostgreSQL: the same verbs, from any number of hosts."""

import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest

from importer import Importer, load_settings
from importer.sandbox import faults
from tests.pgbouncer import PgBouncer
from tests.postgres import Server
from tests.world import pdf

NAMES = [f"RE{number}.pdf" for number in range(20001, 20004)]


@pytest.fixture
def ledger(postgres):
    """The address of a ledger of its own."""
    return postgres.new_url(empty=True)


@pytest.fixture
def world(world, ledger):
    world.environ["IMPORTER_LEDGER__URL"] = ledger
    return world


@pytest.fixture
def query(postgres, ledger):
    return lambda sql: postgres.execute(sql, postgres.database_of(ledger))


@pytest.fixture
def imported(world):
    for name in NAMES:
        world.drop(name)
    world.importer("backfill", exits=0)
    assert len(world.stored()) == 3
    return {document["path"]: document for document in world.documents()}


def uploads(world):
    return sum(request.endpoint == "import" for request in world.sandbox.requests)


def test_every_verb_does_what_it_does_with_sqlite(world, imported, query, tmp_path):
    # A file that nothing is known of, one that is known, and one for a person
    world.drop("RE20001.pdf", pdf("RE20001.pdf"))
    world.importer("backfill", exits=0)
    world.drop("Zettel.pdf")
    world.importer("backfill", exits=3)
    assert [d["state"] for d in sorted(world.documents(), key=lambda d: d["id"])] == [
        *["imported"] * 3,
        "duplicate",
        "rejected",
    ]
    (status,) = world.json("status", exits=3)
    assert status["states"]["imported"] == 3
    assert "did you mean RE20001?" in world.importer("show", "re-20001", exits=1).stderr
    (told,) = world.json("show", "RE20001", exits=0)[:1]
    assert told["communication_reference"]
    assert "D5 will be tried again" in world.importer("retry", "D5", exits=0).stdout
    world.importer("backfill", exits=3)
    world.importer("resolve", "D5", "--dismiss", exits=0)
    world.importer("reconcile", exits=0)
    world.importer("doctor", exits=0)
    world.importer("ledger", "verify", exits=0)
    assert "nothing to do" in world.importer("ledger", "upgrade", exits=0).stdout
    assert uploads(world) == 3
    # The backup is a whole ledger, with which an importer can work
    before = world.documents()
    copy = tmp_path / "copy.db"
    world.importer("ledger", "backup", copy, exits=0)
    world.environ["IMPORTER_LEDGER__URL"] = f"sqlite:///{copy}"
    assert world.documents() == before
    world.importer("ledger", "verify", exits=0)


def test_a_rebuild_keeps_the_old_tables_and_sends_nothing(world, imported, query):
    query("DELETE FROM attempts; DELETE FROM sightings; UPDATE events SET document_id = NULL; DELETE FROM documents")
    world.drop("RE20009.pdf")
    rebuilt = world.importer("ledger", "rebuild", exits=0)
    assert "old ledger: schema before_rebuild_" in rebuilt.stdout
    assert {d["path"]: d["communication_reference"] for d in world.documents()} == {
        path: document["communication_reference"] for path, document in imported.items()
    }
    world.importer("ledger", "verify", exits=0)
    world.importer("backfill", exits=0)
    assert uploads(world) == 4


def test_after_the_ledger_was_replaced_nothing_is_sent(world, imported, postgres):
    world.environ["IMPORTER_LEDGER__URL"] = postgres.new_url(empty=True)
    world.drop("RE20009.pdf")
    assert "importer ledger rebuild" in world.importer("backfill", exits=7).stderr
    assert uploads(world) == 3


def test_a_server_that_has_forgotten_an_upload_is_not_believed(world, imported, ledger, postgres):
    # Given a replica that lags behind by one upload
    postgres.execute(f"CREATE DATABASE lagging TEMPLATE {postgres.database_of(ledger)}")
    world.drop("RE20009.pdf")
    world.importer("backfill", exits=0)
    # When it takes over
    world.environ["IMPORTER_LEDGER__URL"] = postgres.url_of("lagging")
    world.drop("RE20010.pdf")
    assert "older copy" in world.importer("backfill", exits=7).stderr
    assert uploads(world) == 4


def test_a_ledger_moves_to_the_server_and_goes_on_there(world, ledger, query):
    del world.environ["IMPORTER_LEDGER__URL"]
    world.drop("RE20001.pdf")
    world.importer("backfill", exits=0)
    world.drop("copy.pdf", pdf("RE20001.pdf"))
    world.drop("RE20001.pdf", pdf("RE20001.pdf"))
    world.importer("backfill", exits=3)
    before = world.documents()
    world.importer("ledger", "copy", "--to", ledger, exits=0)
    assert "there is a ledger already" in world.importer("ledger", "copy", "--to", ledger, exits=1).stderr
    world.environ["IMPORTER_LEDGER__URL"] = ledger
    assert world.documents() == before
    world.drop("RE20002.pdf")
    world.importer("backfill", exits=0)
    world.importer("ledger", "verify", exits=0)
    assert uploads(world) == 2


def test_rebuild_and_upgrade_are_alone_but_any_number_may_run(world, imported):
    with world.running() as first:
        first.wait_for("watch.started")
        with world.running() as second:
            second.wait_for("watch.started")
            for verb in ("rebuild", "upgrade"):
                assert "stop" in world.importer("ledger", verb, exits=6).stderr
            world.drop("RE20009.pdf")
            assert world.sandbox.wait_until(lambda: uploads(world) == 4, 30)
            assert first.stop() == second.stop() == 0
    world.importer("ledger", "rebuild", exits=0)
    assert uploads(world) == 4


def test_refused_credentials_are_tried_by_one_service_for_all(world):
    right = world.environ["IMPORTER_API__PASSWORD"]
    password_file = world.folder / "password"
    password_file.write_text("wrong\n")
    password_file.chmod(0o600)
    del world.environ["IMPORTER_API__PASSWORD"]
    world.environ |= {"IMPORTER_API__PASSWORD_FILE": str(password_file), "IMPORTER_SCHEDULE__BACKOFF": "3s..3s"}
    with world.running() as first:
        first.wait_for("line.stopped", reason="credentials_refused")
        with world.running() as second:
            second.wait_for("line.stopped", reason="credentials_refused")
            assert len(world.sandbox.requests) == 1
            password_file.write_text(right)
            for service in (first, second):
                service.wait_for("line.opened")
            world.drop("RE30001.pdf")
            assert world.sandbox.wait_until(lambda: uploads(world) == 1, 30)
            assert first.stop() == second.stop() == 0


def test_the_password_may_come_from_systemd_and_is_never_told(world, postgres, tmp_path):
    postgres.execute("CREATE ROLE secret LOGIN SUPERUSER PASSWORD 'right-pa55word'")
    world.environ["IMPORTER_LEDGER__URL"] = postgres.new_url(empty=True).replace("importer@", "secret@")
    world.environ["CREDENTIALS_DIRECTORY"] = str(tmp_path)
    password = tmp_path / "ledger_password"
    password.write_text("wrong-pa55word")
    refused = world.importer("backfill", exits=1)
    assert "secret:***@" in refused.stderr
    assert "pa55word" not in refused.stdout + refused.stderr
    password.write_text("right-pa55word\n")
    world.drop("RE30001.pdf")
    world.importer("backfill", exits=0)
    # and a program may hand it over without an environment of its own
    with Importer(load_settings(world.config, world.environ), environ=world.environ) as importer:
        assert importer.result_of("D1").is_imported


# ------------------------------------------------------------ faults


SHORT = {"IMPORTER_API__TIMEOUT": "1s", "IMPORTER_API__CONNECT_TIMEOUT": "1s", "IMPORTER_INBOX__RESCAN": "500ms"}
"""A lease of seven seconds, and a look for orphans twice a second."""


def test_many_services_share_an_inbox_and_import_each_file_once(world):
    names = [f"RE{number}.pdf" for number in range(30001, 30041)]
    with world.running() as first, world.running() as second:
        for service in (first, second):
            service.wait_for("line.opened")
        for name in names:
            world.drop(name)
        assert world.sandbox.wait_until(lambda: len(world.sandbox.effects) == len(names), 60)
        assert first.stop() == second.stop() == 0
    assert [told["state"] for told in world.documents()] == ["imported"] * len(names)
    assert len(set(world.stored())) == len(world.stored()) == len(names)
    assert "file.lost" not in "".join(first.log + second.log)


def test_a_service_outlives_a_restart_of_the_server(world):
    server = Server(fast=False)
    world.environ |= {"IMPORTER_LEDGER__URL": server.new_url(empty=True)} | SHORT
    names = [f"RE{number}.pdf" for number in range(30001, 30021)]
    with closing(server), world.running() as service:
        service.wait_for("line.opened")
        for number, name in enumerate(names):
            world.drop(name)
            if number in (5, 10):
                assert world.sandbox.wait_until(lambda: uploads(world) >= number, 30)  # noqa: B023 - at once
                server.stop(signal.SIGQUIT if number == 5 else signal.SIGINT)
                server.start()
        assert world.sandbox.wait_until(lambda: len(world.sandbox.effects) == len(names), 60)
        assert service.stop() == 0
        world.importer("backfill", "--wait", "20s", exits=0)
        assert [told["state"] for told in world.documents()] == ["imported"] * len(names)
        assert len(set(world.stored())) == len(world.stored()) == len(names)


IMPATIENT = """
from importer.adapters.ledger import postgres
from importer import service
from importer.__main__ import main
postgres.PATIENCE, service.OUTAGE = 0.2, 0.2
main()
"""


def test_a_service_outlives_an_outage_in_the_middle_of_an_upload(world):
    server = Server(fast=False)
    world.environ |= {"IMPORTER_LEDGER__URL": server.new_url(empty=True)} | SHORT
    command = world.command
    world.command = lambda *arguments: [sys.executable, "-c", IMPATIENT, *command(*arguments)[3:]]
    world.sandbox.fail(faults.delay(after=0.7), endpoint="import", times=1)
    with closing(server), world.running() as service:
        service.wait_for("line.opened")
        world.drop("RE30001.pdf")
        assert world.sandbox.wait_until(lambda: uploads(world) == 1, 30)
        # Given a ledger that is gone when the reply comes, and a file that comes meanwhile
        server.stop()
        service.wait_for("ledger.unavailable", at="worker")
        world.drop("RE30002.pdf")
        service.wait_for("ledger.unavailable", at="turn")
        server.start()
        # Then the one is looked up once its lease is over, and the other one is sent
        for _ in range(2):
            service.wait_for("file.put_away")
        assert "document.interrupted" in "".join(service.log)
        assert service.stop() == 0
        assert world.document("RE30001.pdf")["references_from"] == "readback"
    assert uploads(world) == 2


def test_a_service_that_was_suspended_past_its_lease_gives_way_to_another(world):
    world.environ |= SHORT
    world.sandbox.fail(faults.delay(after=None), endpoint="import", times=1)
    with world.running() as asleep:
        asleep.wait_for("line.opened")
        world.drop("RE30001.pdf")
        assert world.sandbox.wait_until(lambda: uploads(world) == 1, 30)
        asleep.process.send_signal(signal.SIGSTOP)
        with world.running() as awake:
            awake.wait_for("document.interrupted", path="RE30001.pdf")
            awake.wait_for("document.imported", path="RE30001.pdf")
            world.sandbox.release()
            asleep.process.send_signal(signal.SIGCONT)
            asleep.wait_for("claim.lost")
            assert asleep.stop() == awake.stop() == 0
    (told,) = world.documents()
    assert (told["state"], told["references_from"], told["attempts"]) == ("imported", "readback", 1)
    assert uploads(world) == 1


def test_behind_pgbouncer_in_transaction_mode_all_is_as_without(world, postgres, ledger, tmp_path):
    with closing(PgBouncer(postgres, tmp_path)) as pooler:
        world.environ["IMPORTER_LEDGER__URL"] = pooler.url_of(postgres.database_of(ledger))
        names = [f"RE{number}.pdf" for number in range(30001, 30021)]
        with world.running() as first, world.running() as second:
            for service in (first, second):
                service.wait_for("ledger.not_listening")
                service.wait_for("line.opened")
            for name in names:
                world.drop(name)
                if name == names[10]:
                    postgres.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    )
            assert world.sandbox.wait_until(lambda: len(world.sandbox.effects) == len(names), 60)
            assert "stop" in world.importer("ledger", "upgrade", exits=6).stderr
            assert first.stop() == second.stop() == 0
        told = "".join(first.log + second.log)
        assert told.count("ledger.not_listening") == 2, "once each"
        world.importer("backfill", exits=0)
        world.importer("ledger", "verify", exits=0)
        assert [told["state"] for told in world.documents()] == ["imported"] * len(names)
        assert len(set(world.stored())) == len(world.stored()) == len(names)


def test_idle_services_hear_at_once_that_the_line_is_open_and_what_a_person_decides(world, imported, query):
    # Given two services that would look around in an hour, credentials that were refused, and a revision
    world.drop(NAMES[0], pdf("revised"))
    world.importer("backfill", exits=3)
    right, password_file = world.environ.pop("IMPORTER_API__PASSWORD"), world.folder / "password"
    password_file.write_text("wrong")
    password_file.chmod(0o600)
    hour = {"IMPORTER_INBOX__RESCAN": "1h", "IMPORTER_SCHEDULE__BACKOFF": "1h..1h"}
    world.environ |= hour | {"IMPORTER_API__PASSWORD_FILE": str(password_file)}
    with world.running() as first, world.running() as second:
        services = (first, second)
        for service in services:
            service.wait_for("line.stopped", reason="credentials_refused")
        # When they are corrected, and another importer finds that out
        password_file.write_text(right)
        query("UPDATE line SET refused_at = clock_timestamp() - interval '2 minutes'")
        world.importer("backfill", exits=0)
        # Then both go on; and, after their connections were lost, with what a person decides
        for service in services:
            service.wait_for("line.opened")
        query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN importer'")
        for service in services:
            service.wait_for("ledger.not_listening")
            service.wait_for("ledger.listening")
        world.importer("resolve", "D4", "--accept", exits=0)
        assert world.sandbox.wait_until(lambda: uploads(world) == 4, 30)
        assert first.stop() == second.stop() == 0


def test_an_invoice_is_sent_again_once_by_however_many_ask_at_once(world, imported):
    command = world.command("resend", "RE20001")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    together = [subprocess.Popen(command, env=world.full_environ, **quiet) for _ in range(3)]
    assert 0 in {process.wait(60) for process in together}
    assert [request.reference for request in world.sandbox.resends] == ["RE20001"]
    world.importer("resend", "RE20001", exits=3)
    world.importer("report", "--month", f"{datetime.now(UTC):%Y-%m}", exits=0)
