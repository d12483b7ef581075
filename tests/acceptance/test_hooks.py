"""`[hooks]`: programs of the operator's are told of documents, and nothing that they do hurts any."""

import json
import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from importer import Importer, load_settings
from importer.adapters.ledger import Ledger
from importer.core.hooks import Hook
from tests.world import PASSWORD, USER, pdf


class Told:
    """A program, and what it was told: a file a call, made when it is done."""

    def __init__(self, folder, before=""):
        self.folder = folder / "told"
        self.folder.mkdir(exist_ok=True)
        self.program = folder / "bin" / "tell"
        self.program.parent.mkdir(exist_ok=True)
        self.write(before)

    def write(self, before=""):
        place = f"{self.folder}/$IMPORTER_HOOK.$IMPORTER_HOOK_CALL"
        new = self.program.with_suffix(".new")  # one that runs goes on reading the former
        new.write_text(
            f"#!/bin/sh\nset -e\ncat > {place}.new\n{before}\nenv > {place}.env\n"
            f'printf "%s\\n" "$@" "$PWD" > {place}.args\nmv {place}.new {place}.$$.json\n'
        )
        new.chmod(0o755)
        new.replace(self.program)

    @property
    def command(self):
        return json.dumps([str(self.program), "--note", "$HOME `id`; x"])

    def files(self, hook, suffix="json"):
        return sorted(self.folder.glob(f"{hook}.*.{suffix}"), key=lambda path: int(path.name.split(".")[1]))

    def documents(self, hook="after_import"):
        return [json.loads(path.read_text()) for path in self.files(hook)]


@pytest.fixture
def told(world):
    found = Told(world.folder)
    world.environ["IMPORTER_HOOKS__AFTER_IMPORT"] = found.command
    return found


def backfill(world, *options):
    return world.importer("backfill", *options)


def warnings_of(done):
    return [event for line in done.stderr.splitlines() if (event := json.loads(line))["event"].startswith("hook.")]


def test_each_document_is_told_once_as_json_and_without_a_secret(world, told):
    # Given what was imported before there was any hook
    before = dict(world.environ)
    world.environ.pop("IMPORTER_HOOKS__AFTER_IMPORT")
    world.drop("RE10000.pdf")
    backfill(world)
    world.environ.clear()
    world.environ |= before | {"IMPORTER_HOOKS__NEEDS_PERSON": told.command, "PGPASSWORD": PASSWORD}
    # When good and bad files come, in two runs
    backfill(world)
    for name in ("RE10001.pdf", "RE10002.pdf", "Preisliste.pdf"):
        world.drop(name)
    backfill(world)
    backfill(world)
    # Then each is told once, as `list --json` has it; what was there before is not
    listed = {document["path"]: document for document in world.documents()}
    assert sorted(document["path"] for document in told.documents()) == ["RE10001.pdf", "RE10002.pdf"]
    assert all(document == listed[document["path"]] for document in told.documents())
    assert [document["path"] for document in told.documents("needs_person")] == ["Preisliste.pdf"]
    # and no shell has seen the arguments, nor the program a secret
    assert told.files("after_import", "args")[0].read_text().splitlines() == [
        "--note",
        "$HOME `id`; x",
        str(world.folder),
    ]
    environ = told.files("after_import", "env")[0].read_text()
    assert PASSWORD not in environ
    assert f"={USER}\n" not in environ
    assert f"IMPORTER_CONFIG={world.config}\n" in environ
    # A decision of a person's is told too, by whoever imports next
    world.importer("retry", listed["Preisliste.pdf"]["id"], exits=0)
    backfill(world)
    assert len(told.documents("needs_person")) == 2


def test_a_program_that_hangs_is_ended_and_holds_nobody_up(world, told):
    told.write(before=f"sleep 1000 & echo $! > {world.folder}/child; echo am stuck >&2; wait")
    world.environ["IMPORTER_HOOKS__TIMEOUT"] = "300ms"
    for number in range(3):
        world.drop(f"RE1000{number}.pdf")
    done = backfill(world)
    assert [document["state"] for document in world.documents()] == ["imported"] * 3
    assert done.returncode == 0
    # One line, not one a document; the child of the program is gone as well
    (line,) = warnings_of(done)
    assert (line["event"], line["hook"], line["level"]) == ("hook.failing", "after_import", "warning")
    assert "ended after 0.3 s" in line["message"]
    child = int((world.folder / "child").read_text())
    assert not _lives(child)
    # `doctor` says so, and warnings do not count
    finding = next(f for f in world.json("doctor", exits=0) if f["check"] == "hooks.after_import")
    assert finding["level"] == "warning"
    assert "3 calls will be tried again" in finding["message"]


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return not Path("/proc/self").exists()


def test_a_program_that_fails_says_why_and_its_call_is_tried_again(world, told):
    told.write(before="echo no route to host >&2; exit 3")
    world.drop("RE10001.pdf")
    (line,) = warnings_of(backfill(world))
    assert line["message"] == "it ended with 3: no route to host"
    settings = load_settings(world.config, world.environ)
    with Ledger(settings.ledger.url.reveal()) as ledger:
        progress, waiting = ledger.hooks()[Hook.AFTER_IMPORT]
    assert ([again.tries for again in progress.again], waiting) == ([1], 0)


def test_calls_wait_for_a_program_that_is_not_there(world, told):
    told.program.rename(told.program.with_suffix(".away"))
    world.drop("RE10001.pdf")
    done = backfill(world)
    assert (done.returncode, world.document("RE10001.pdf")["state"]) == (0, "imported")
    (line,) = warnings_of(done)
    assert "cannot be started" in line["message"]
    finding = next(f for f in world.json("doctor", exits=0) if f["check"] == "hooks.after_import")
    assert (finding["level"], "is not there" in finding["message"]) == ("warning", True)
    with Ledger(load_settings(world.config, world.environ).ledger.url.reveal()) as ledger:
        assert ledger.hooks()[Hook.AFTER_IMPORT][1] == 1
    # When it is put there, it is called for what it has missed
    told.program.with_suffix(".away").rename(told.program)
    backfill(world)
    assert [document["path"] for document in told.documents()] == ["RE10001.pdf"]


def test_a_call_survives_kill_9_and_the_end_of_the_importer(world, told):
    gate = world.folder / "gate"
    os.mkfifo(gate)
    told.write(before=f"cat {gate} > /dev/null")
    world.drop("RE10001.pdf")
    with world.running() as service:
        # Given a service that is killed while the program is at work
        service.wait_for("file.put_away", path="RE10001.pdf")
        _await(lambda: list(told.folder.glob("*.new")))
        service.kill()
    # and a backfill that ends before the program does
    done = backfill(world, "--wait", "100ms")
    assert (done.returncode, told.documents(), warnings_of(done)) == (0, [], [])
    # When the way is free, the same call is made again
    told.write()
    backfill(world)
    assert [document["path"] for document in told.documents()] == ["RE10001.pdf"]
    assert len({path.name.split(".")[1] for path in told.folder.glob("after_import.*")}) == 1
    with gate.open("w"):
        pass  # for the program that has outlived its service


def _await(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        threading.Event().wait(0.02)


def test_importers_beside_one_another_make_each_call_once(world, told):
    names = [f"RE{10000 + number}.pdf" for number in range(6)]
    with world.running() as service:
        service.wait_for("service.ready")
        with Importer(load_settings(world.config, world.environ), environ=world.environ) as importer:
            for name in names[:3]:
                path = world.folder / "erp" / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(pdf(name))
                assert importer.import_file(path).is_imported
        for name in names[3:]:
            service.wait_for("file.put_away", path=world.drop(name).name)
        assert service.stop() == 0
    backfill(world)
    assert sorted(document["path"] for document in told.documents()) == names


def test_whoever_closes_the_importer_it_is_closed_when_the_calls_are_made(world, told):
    gate = world.folder / "gate"
    os.mkfifo(gate)
    told.write(before=f"cat {gate} > /dev/null")
    importer = Importer(load_settings(world.config, world.environ), environ=world.environ)
    assert importer.import_file(world.drop("RE10001.pdf")).is_imported
    _await(lambda: list(told.folder.glob("*.new")))
    threads = [threading.Thread(target=importer.close) for _ in range(2)]
    for thread in threads:
        thread.start()
    threads[1].join(0.2)
    assert all(thread.is_alive() for thread in threads)
    with gate.open("w"):
        pass
    for thread in threads:
        thread.join()
    with Ledger(load_settings(world.config, world.environ).ledger.url.reveal()) as ledger:
        progress, waiting = ledger.hooks()[Hook.AFTER_IMPORT]
    assert (len(told.documents()), progress.failing, waiting) == (1, None, 0)


def test_on_a_shared_ledger_no_call_is_passed_over_that_is_committed_late(postgres, world, told):
    psycopg = pytest.importorskip("psycopg")
    url = world.environ["IMPORTER_LEDGER__URL"] = postgres.new_url(empty=True)
    backfill(world)
    world.drop("RE10001.pdf")
    backfill(world)
    assert [document["path"] for document in told.documents()] == ["RE10001.pdf"]
    address = url.replace("+psycopg", "")
    with Ledger(url) as ledger, psycopg.connect(address) as late, psycopg.connect(address, autocommit=True) as other:
        calls = ledger.hook_calls(Hook.AFTER_IMPORT, lease=timedelta(seconds=60))
        progress = calls.progress()
        # Given an import that is not committed yet, and an event of a greater number that is
        _happens(late, "pending")
        number = _happens(late, "imported")
        assert (
            other.execute("INSERT INTO events (at, name, data) VALUES (now(), 'x', '{}') RETURNING id").fetchone()[0]
            > number
        )
        # Then nothing beyond it counts, however often one looks
        assert max(calls.ahead(progress).horizon for _ in range(3)) < number
        late.commit()
        _await(lambda: calls.ahead(progress).is_all)
        assert (number, 1) in [(call.event, call.document) for call in calls.ahead(progress).new]


def _happens(connection, state):
    told = json.dumps({"state": state})
    query = "INSERT INTO events (document_id, at, name, data) VALUES (1, now(), 'test.told', %s) RETURNING id"
    # As the ledger does it: the transaction has written before it tells
    connection.execute("UPDATE documents SET label = label WHERE id = 1")
    return connection.execute(query, [told]).fetchone()[0]
