"""`importer run`: a service that watches, drains and tells."""

import sys

import pytest

from importer.lanes import under_way
from importer.sandbox import faults
from tests.world import eml, pdf

UPLOADS = 8
"""`api.concurrency`, as shipped."""


def test_what_is_dropped_while_it_runs_is_imported(world):
    with world.running() as service:
        service.wait_for("watch.started", mode="events")
        service.wait_for("line.opened")
        world.drop("RE10001.pdf")
        service.wait_for("file.put_away", path="RE10001.pdf")
        world.drop("Mahnungen/2024/1. Mahnung RE10001.pdf")
        service.wait_for("file.put_away", path="Mahnungen/2024/1. Mahnung RE10001.pdf")
        world.drop("E-Mail RE10001.eml", eml())
        service.wait_for("file.put_away", path="E-Mail RE10001.eml")
        assert service.stop() == 0
    assert [kind for _, kind, _ in world.stored()] == ["dunning1", "email", "invoice"]


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_what_is_finished_beyond_doubt_need_not_wait(world):
    # Given an hour for which a file has to look the same
    world.environ["IMPORTER_INBOX__SETTLE"] = "1h"
    world.drop("RE10000.pdf")
    with world.running() as service:
        # Then a PDF that lay there before need not
        service.wait_for("document.imported", path="RE10000.pdf")
        # When half a file is closed, a whole one is still open, and another whole one is closed
        content = pdf("RE10001")
        (world.inbox / "RE10001.pdf").write_bytes(content[: len(content) // 2])
        with (world.inbox / "RE10002.pdf").open("wb") as still_written:
            still_written.write(pdf("RE10002"))
            still_written.flush()
            (world.inbox / "RE10003.pdf").write_bytes(pdf("RE10003"))
            # And when an e-mail is closed, and another one renamed into its place
            (world.inbox / "RE10004.eml").write_bytes(eml("a"))
            world.drop(world.folder / "RE10005.eml", eml("b")).rename(world.inbox / "RE10005.eml")
            # Then only those are taken of which nothing can be missing
            for _ in ("RE10003.pdf", "RE10005.eml"):
                service.wait_for("document.imported")
            taken = [document["path"] for document in world.documents()]
            assert sorted(taken) == ["RE10000.pdf", "RE10003.pdf", "RE10005.eml"]
        service.wait_for("document.imported", path="RE10002.pdf")
        with (world.inbox / "RE10001.pdf").open("ab") as rest:
            rest.write(content[len(content) // 2 :])
        service.wait_for("document.imported", path="RE10001.pdf")


def drop_many(world, count, start=20000):
    """At once, each as by a rename into the inbox."""
    template = pdf("NUMBER")
    for number in range(start, start + count):
        (world.folder / "spool").write_bytes(template.replace(b"NUMBER", b"%06d" % number))
        (world.folder / "spool").rename(world.inbox / f"RE{number}.pdf")


def test_a_fresh_file_waits_only_for_what_is_under_way_already(world):
    # Given an importer that is held up while more is told than it remembers, the fresh file last
    world.sandbox.fail(faults.delay(before=None), endpoint="probe")
    with world.running() as service:
        service.wait_for("watch.started")
        assert world.sandbox.wait_until(lambda: len(world.sandbox.requests) == 1, 60)
        drop_many(world, 6000)
        world.drop("new/RE99999.pdf")
        # When it goes on
        world.sandbox.release()
        service.wait_for("document.imported", path="new/RE99999.pdf")
        service.kill()
    # Then only what was under way came before
    references = [c.reference for c in world.sandbox.effects]
    assert references.index("RE99999") <= 2 * under_way(UPLOADS)


def test_what_has_waited_gets_its_share_while_ever_more_comes(world):
    # Given a backlog that cannot all be under way, and more that comes while they are held up
    drop_many(world, 100, start=10000)
    world.sandbox.fail(faults.delay(before=None), endpoint="probe")
    with world.running() as service:
        service.wait_for("watch.started")
        assert world.sandbox.wait_until(lambda: len(world.sandbox.requests) == 1, 60)
        drop_many(world, 600)
        # When they go on
        world.sandbox.release()
        backlog = {f"RE{number}" for number in range(10000, 10100)}
        while not backlog <= {c.reference for c in world.sandbox.effects}:
            service.wait_for("document.imported")
        service.kill()
    # Then every other one is of the backlog, besides those that were under way
    references = [c.reference for c in world.sandbox.effects]
    last = max(references.index(reference) for reference in backlog)
    assert last <= 2 * len(backlog) + 2 * under_way(UPLOADS)


def test_a_file_that_is_too_large_waits_for_no_more_room_than_others(world):
    world.environ |= {"IMPORTER_DOCUMENTS__MAX_SIZE": "4KiB", "IMPORTER_API__CONCURRENCY": "2"}
    world.sandbox.fail(faults.delay(before=None), reference="RE10001")
    world.drop("RE10001.pdf")
    with world.running() as service:
        assert world.sandbox.wait_until(lambda: any(r.method == "POST" for r in world.sandbox.requests), 60)
        world.drop("RE10002.pdf", pdf("RE10002").ljust(100_000))
        service.wait_for("document.admitted", path="RE10002.pdf", reason="too_large")
        world.sandbox.release()
        assert service.stop() == 0


def test_what_lay_there_before_it_started_is_imported(world):
    world.drop("RE10001.pdf")
    with world.running() as service:
        service.wait_for("document.imported", path="RE10001.pdf")


def test_polling_finds_files_without_events(world):
    world.environ |= {"IMPORTER_INBOX__WATCH": "polling", "IMPORTER_INBOX__RESCAN": "100ms"}
    with world.running() as service:
        service.wait_for("watch.started", mode="polling")
        world.drop("RE10001.pdf")
        service.wait_for("document.imported", path="RE10001.pdf")


def test_a_file_counts_only_once_its_done_file_is_there(world):
    world.environ["IMPORTER_INBOX__DONE_FILE"] = ".done"
    world.drop("RE10001.pdf")
    assert world.json("backfill", exits=0) == []
    world.drop("RE10001.pdf.done", b"")
    (told,) = world.json("backfill", exits=0)
    assert told["state"] == "imported"


def test_a_line_that_is_stopped_opens_by_itself_when_the_password_file_is_corrected(world):
    password_file = world.folder / "password"
    password_file.write_text("wrong\n")
    password_file.chmod(0o600)
    right = world.environ.pop("IMPORTER_API__PASSWORD")
    world.environ["IMPORTER_API__PASSWORD_FILE"] = str(password_file)
    world.drop("RE10001.pdf")
    with world.running() as service:
        service.wait_for("line.stopped", reason="credentials_refused")
        assert world.importer("status", exits=5).stdout.count("credentials") >= 1
        password_file.write_text(right)
        service.wait_for("line.opened")
        service.wait_for("document.imported", path="RE10001.pdf")


def test_an_outage_is_one_line_in_the_log_and_heals_by_itself(world):
    with world.running() as service:
        service.wait_for("line.opened")
        world.sandbox.close()
        for number in range(20):
            world.drop(f"RE{10000 + number}.pdf")
        service.wait_for("line.stopped", reason="unreachable")
        world.sandbox.start()
        service.wait_for("line.opened")
        # some were on their way already when it came back
        while sum('"document.imported"' in line for line in service.log) < 20:
            service.wait_for("document.imported")
        service.stop()
    assert sum('"line.stopped"' in line for line in service.log) == 1
    assert len(set(world.stored())) == len(world.stored()) == 20


def test_the_document_is_on_every_line_about_it(world):
    with world.running() as service:
        world.drop("RE10001.pdf", pdf())
        told = service.wait_for("document.imported")
        assert told["document"] == "D1"
        assert told["invoice_reference"] == "RE10001"
        assert told["communication_reference"]


def test_no_more_requests_are_out_at_once_than_the_settings_want(world):
    # Given an API that keeps every upload waiting
    world.environ |= {"IMPORTER_API__CONCURRENCY": "2"}
    world.sandbox.fail(faults.delay(before=None), endpoint="import", times=None)
    drop_many(world, 12)
    with world.running() as service:
        # When more are ready than may go out
        while sum(document["state"] == "sending" for document in world.documents()) < 4:
            pass

        def are_out():
            return sum(request.target.endpoint == "import" for request in world.sandbox.requests)

        assert world.sandbox.wait_until(lambda: are_out() == 2, 60)
        # Then those wait
        assert not world.sandbox.wait_until(lambda: are_out() > 2, 1)
        world.sandbox.clear()
        world.sandbox.release()
        assert world.sandbox.wait_until(lambda: len(world.sandbox.effects) == 12, 60)
        assert service.stop() == 0
