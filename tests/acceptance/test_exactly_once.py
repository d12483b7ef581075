"""Whatever the network and the power do: stored once, or truthfully on its way."""

import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from importer.sandbox import Effect, faults
from tests.world import World, pdf, sandbox

NAME = "Rechnung_RE12345.pdf"


def finish(world, exits=0):
    """Backfills until nothing falls due any more; returns the document."""
    world.importer("backfill", "--wait", "20s", exits=exits)
    return world.document(NAME)


@pytest.mark.parametrize(
    "fault",
    [
        faults.lost_reply(),
        faults.died_before_key(),
        faults.reset_mid_body(),
        faults.reset_before_effect(),
        faults.status(500, effect=True),
        faults.status(500, effect=True, remembered=True),
        faults.status(500, effect=False, remembered=False),
        faults.status(503),
        faults.status(408),
        faults.status(409, effect=True),
        faults.proxy_page(502, effect=True),
        faults.proxy_page(502),
        faults.proxy_page(504, effect=True),
        faults.not_json(),
        faults.no_references(),
        faults.null_references(),
        faults.wrong_types(),
        faults.empty(202),
        faults.empty(204),
        faults.redirect("http://127.0.0.1:9/elsewhere"),
        faults.cut(),
        faults.cut(framed=False),
        faults.repeated_post(),
        faults.stale_keep_alive(),
    ],
    ids=lambda fault: fault.name,
)
def test_a_fault_at_the_first_upload_ends_in_exactly_one(world, fault):
    world.sandbox.fail(fault, endpoint="import", times=1)
    content = pdf()
    world.drop(NAME, content)
    told = finish(world)
    assert told["state"] == "imported"
    (effect,) = world.sandbox.effects
    assert effect.content == content
    assert told["communication_reference"].lstrip("_") == effect.id.lstrip("_")
    assert told["file_reference"].lstrip("_") == effect.file.lstrip("_")
    assert told["voucher_reference"].lstrip("_") == effect.voucher.lstrip("_")


def test_a_remembered_error_gives_way_to_the_next_generation(world):
    world.sandbox.fail(faults.status(500, remembered=True), endpoint="import", times=1)
    world.drop(NAME)
    told = finish(world)
    assert told["state"] == "imported"
    keys = [request.key.rsplit(":")[-1] for request in world.sandbox.requests if request.endpoint == "import"]
    assert keys == ["1", "1", "2"], "once more under the same key, then, proved absent, under the next"
    assert len(world.sandbox.effects) == 1


def test_what_was_imported_by_hand_is_adopted_and_not_sent(world):
    world.drop(NAME, pdf("by hand"))
    world.importer("backfill", exits=0)
    # Given a new ledger that knows nothing of it
    for path in (world.folder / "var").glob("ledger.db*"):
        path.unlink() if path.is_file() else None
    shutil.rmtree(world.folder / "archive")
    world.drop(NAME, pdf("by hand"))
    (told,) = world.json("backfill", "--check-remote", exits=0)
    assert (told["state"], told["references_from"], told["attempts"]) == ("imported", "readback", 0)
    assert len(world.sandbox.effects) == 1
    # and what is not there is sent
    world.environ["IMPORTER_API__CHECK_REMOTE"] = "always"
    world.drop("RE99999.pdf")
    (told,) = world.json("backfill", exits=0)
    assert (told["state"], told["references_from"]) == ("imported", "reply")


def test_two_copies_at_abillify_are_a_persons_to_decide(world):
    stored_twice = replace(faults.lost_reply(), effect=Effect.TWICE, ignores_key=True)
    world.sandbox.fail(stored_twice, endpoint="import", times=1)
    world.drop(NAME)
    told = finish(world, exits=3)
    assert len(world.sandbox.effects) == 2
    assert (told["state"], told["reason"]["code"]) == ("held", "readback_unclear")
    assert len(told["reason"]["details"]["candidates"]) == 2


@pytest.mark.parametrize("after_the_effect", [False, True])
def test_killed_in_the_middle_of_an_upload(world, after_the_effect):
    # Given an upload that hangs at the server, before or after it is stored
    hang = faults.delay(after=None) if after_the_effect else faults.delay(before=None)
    world.sandbox.fail(hang, endpoint="import", times=1)
    world.drop(NAME)
    with world.running() as service:
        assert world.sandbox.wait_until(lambda: any(r.endpoint == "import" for r in world.sandbox.requests), 30)
        # When the importer is killed
        service.kill()
    assert world.document(NAME)["state"] == "sending"
    world.sandbox.release()
    # Then the next one asks before it sends, and it is there once
    told = finish(world)
    assert told["state"] == "imported"
    assert len(world.sandbox.effects) == 1
    assert any(r.endpoint == "readback" for r in world.sandbox.requests)


def test_stopped_in_the_middle_of_an_upload_it_finishes_that_and_begins_nothing_new(world):
    # Given one worker that is at an upload, and another file that waits for it
    world.environ["IMPORTER_API__CONCURRENCY"] = "1"
    world.sandbox.fail(faults.delay(before=None), endpoint="import", times=1)
    world.drop(NAME)
    with world.running() as service:
        assert world.sandbox.wait_until(lambda: any(r.endpoint == "import" for r in world.sandbox.requests), 30)
        world.drop("RE99999.pdf")
        service.wait_for("file.settled", path="RE99999.pdf")
        # When it is stopped
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("service.draining")
        world.sandbox.release()
        assert service.process.wait(60) == 0
    # Then the one is finished, and the other waits for the next start
    assert world.document(NAME)["state"] == "imported"
    assert {document["state"] for document in world.documents() if document["path"] != NAME} <= {"pending"}
    assert (world.inbox / "RE99999.pdf").exists()
    assert len(world.sandbox.effects) == 1


def test_a_file_replaced_before_it_was_sent_is_another_document(world):
    world.environ["IMPORTER_API__BASE_URL"] = "http://127.0.0.1:9/api"
    world.drop(NAME, pdf("one"))
    world.importer("backfill", "--wait", "0s", exits=4)
    world.environ["IMPORTER_API__BASE_URL"] = world.sandbox.base_url
    world.environ["IMPORTER_DOCUMENTS__REVISION"] = "allow"
    second = pdf("two")
    world.drop(NAME, second)
    world.importer("backfill", "--wait", "5s")
    assert {d["state"]: (d["reason"] or {}).get("code") for d in world.documents()} == {
        "rejected": "file_gone",
        "imported": None,
    }
    assert [effect.content for effect in world.sandbox.effects] == [second]


def test_two_importers_on_one_inbox(world):
    for number in range(30):
        world.drop(f"RE{40000 + number}.pdf")
    with world.running() as service:
        service.wait_for("watch.started")
        # one `run` an inbox and a ledger
        second = world.importer("run", exits=6)
        assert "another importer" in second.stderr
        # but a backfill beside it is fine
        world.importer("backfill", "--wait", "20s")
    world.importer("backfill", exits=0)
    assert len(set(world.stored())) == len(world.stored()) == 30


def test_a_ledger_that_is_damaged_stops_everything(world):
    world.drop("RE10001.pdf")
    world.importer("backfill", exits=0)
    (world.folder / "var" / "ledger.db").write_bytes(b"not a database at all" * 500)
    for leftover in (world.folder / "var").glob("ledger.db-*"):
        leftover.unlink()
    world.drop("RE10002.pdf")
    assert world.importer("backfill", exits=7).stderr.count("Traceback") == 0
    assert len(world.sandbox.effects) == 1


@pytest.fixture
def waiting(tmp_path):
    """A document whose invoice is not there yet; its file lies in the inbox."""
    with sandbox(any_invoice=False) as abillify:
        world = World(tmp_path / "importer", abillify)
        world.drop(NAME, pdf("kept"))
        world.importer("backfill", exits=4)
        yield world


def send_at_last(world):
    world.sandbox.add_invoice("RE12345")
    world.importer("retry", "D1", exits=0)
    world.importer("backfill", "--wait", "5s", exits=0)
    assert [effect.content for effect in world.sandbox.effects] == [pdf("kept")]
    assert [d["state"] for d in world.documents()] == ["imported"]


def test_a_file_that_is_exported_again_is_the_same_document(waiting):
    waiting.drop(NAME, pdf("kept"))  # another inode, another time
    waiting.importer("backfill", "--wait", "0s", exits=4)
    send_at_last(waiting)


def test_a_file_that_is_renamed_on_its_way_is_the_same_document(waiting):
    (waiting.inbox / NAME).rename(waiting.inbox / "RE12345.pdf")
    waiting.importer("backfill", "--wait", "0s", exits=4)
    send_at_last(waiting)


def test_a_file_that_was_taken_away_goes_on_when_it_comes_back(waiting):
    (waiting.inbox / NAME).rename(waiting.folder / "aside.pdf")
    waiting.sandbox.add_invoice("RE12345")
    waiting.importer("retry", "D1", exits=0)
    waiting.importer("backfill", "--wait", "1s", exits=3)
    assert waiting.document(NAME)["reason"]["code"] == "file_gone"
    (waiting.folder / "aside.pdf").rename(waiting.inbox / NAME)
    waiting.importer("backfill", "--wait", "5s", exits=0)
    assert [effect.content for effect in waiting.sandbox.effects] == [pdf("kept")]


def test_several_backfills_at_once_lose_and_double_nothing(tmp_path):
    with sandbox(any_invoice=False) as abillify:
        world = World(tmp_path / "importer", abillify)
        names = [f"RE{50000 + number}.pdf" for number in range(15)]
        for name in names:
            world.drop(name)
        command = world.command("backfill", "--wait", "0s")
        together = [subprocess.Popen(command, env=world.full_environ, stderr=subprocess.DEVNULL) for _ in range(3)]
        assert {process.wait(60) for process in together} == {4}
        for name in names:
            abillify.add_invoice(name.removesuffix(".pdf"))
        world.importer("retry", "--state", "waiting", exits=0)
        world.importer("backfill", "--wait", "10s", exits=0)
        assert [d["state"] for d in world.documents()] == ["imported"] * 15
        assert len(set(world.stored())) == len(world.stored()) == 15


def test_what_another_importer_has_just_put_away_is_no_second_document(world):
    for number in range(60):
        world.drop(f"RE{50000 + number}.pdf")
    command = world.command("backfill")
    together = [
        subprocess.Popen(command, env=world.full_environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    with ThreadPoolExecutor() as readers:  # side by side: none may wait for whoever reads what it says
        for process, (_, told) in zip(together, readers.map(subprocess.Popen.communicate, together), strict=True):
            assert process.returncode in (0, 4), told  # some may still be in the hands of another one
    assert [document["state"] for document in world.documents()] == ["imported"] * 60
    assert len(set(world.stored())) == len(world.stored()) == 60


def test_a_document_in_doubt_cannot_be_dismissed_and_forgotten(world):
    stored_twice = replace(faults.lost_reply(), effect=Effect.TWICE, ignores_key=True)
    world.sandbox.fail(stored_twice, endpoint="import", times=1)
    world.drop(NAME)
    told = finish(world, exits=3)
    assert told["state"] == "held"
    assert "may already be at Abillify" in world.importer("resolve", told["id"], "--dismiss", exits=2).stderr
    assert "is at Abillify" in world.importer("resolve", told["id"], "--not-imported", exits=2).stderr


def test_an_importer_that_is_killed_leaves_nothing_that_only_a_service_could_free(world):
    world.sandbox.fail(faults.delay(before=None), endpoint="import", times=1)
    world.drop(NAME)
    with world.running() as service:
        assert world.sandbox.wait_until(lambda: any(r.endpoint == "import" for r in world.sandbox.requests), 30)
        service.kill()
    world.sandbox.release()
    world.importer("retry", "D1", exits=0)
    assert world.document(NAME)["state"] == "uncertain"


def test_a_server_that_keeps_failing_is_a_persons_to_ask_about(world):
    world.environ["IMPORTER_SCHEDULE__BACKOFF"] = "0s..0s"
    world.sandbox.fail(faults.status(500, remembered=True), endpoint="import", times=None)
    world.drop(NAME)
    told = finish(world, exits=3)
    assert (told["state"], told["reason"]["code"]) == ("held", "keeps_failing")
    assert world.sandbox.effects == ()


def test_a_file_that_is_gone_when_it_is_to_be_archived_is_archived_when_it_comes_back(world):
    world.sandbox.fail(faults.lost_reply(), endpoint="import", times=1)
    path = world.drop("RE12345.pdf")
    world.importer("backfill", "--wait", "0s", exits=4)
    content = path.read_bytes()
    path.unlink()
    world.json("backfill")
    assert world.document("RE12345.pdf")["state"] == "imported"
    world.drop("RE12345.pdf", content)
    world.importer("backfill", exits=0)
    told = world.document("RE12345.pdf")
    assert "/archive/" in told["location"]
    assert Path(told["location"]).read_bytes() == content
    assert not path.exists()
    assert len(world.sandbox.effects) == 1


def test_a_document_held_for_its_file_goes_on_when_that_comes_back_to_its_place(world):
    world.sandbox.fail(faults.status(500), endpoint="import", times=1)
    path = world.drop("RE12345.pdf")
    world.importer("backfill", "--wait", "0s", exits=4)
    content = path.read_bytes()
    path.unlink()
    world.importer("backfill", exits=3)
    assert world.document("RE12345.pdf")["reason"]["code"] == "file_gone"
    world.drop("RE12345.pdf", content)
    world.importer("backfill", exits=0)
    assert world.document("RE12345.pdf")["state"] == "imported"
    assert len(world.sandbox.effects) == 1
