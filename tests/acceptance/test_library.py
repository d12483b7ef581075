"""`from importer import Importer`: the same promise to another program, which is left as it was."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog

from importer import (
    Closed,
    FileVanished,
    Importer,
    ImporterError,
    LedgerNeedsPerson,
    NotImportable,
    State,
    UnknownDocument,
    load_settings,
)
from importer.sandbox import faults
from tests.world import PASSWORD, pdf

HOST = """
import sys
from importer import Importer, load_settings
with Importer(load_settings(sys.argv[1])) as importer:
    print(importer.import_file(sys.argv[2], timeout=20), flush=True)
"""


def opened(world):
    return Importer(load_settings(world.config, world.environ), environ=world.environ)


def outside(world, name, content=None):
    """A file that lies elsewhere than in the inbox."""
    path = world.folder / "erp" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pdf(name) if content is None else content)
    return path


def test_what_becomes_of_a_file(world):
    with opened(world) as importer:
        # An invoice elsewhere is imported and stays; again, nothing is sent
        path = outside(world, "RE10001.pdf")
        first = importer.import_file(path)
        told = world.document("RE10001.pdf")
        assert (first.id, first.state, str(first.location)) == ("D1", State.IMPORTED, told["location"])
        assert first.communication_reference == told["communication_reference"] is not None
        assert (first.file_reference, first.voucher_reference) == (told["file_reference"], told["voucher_reference"])
        assert (first.is_imported, first.needs_person, first.next_step) == (True, False, "Nothing.")
        assert importer.import_file(path) == first
        assert path.exists()
        # The same bytes under another name of the same invoice and kind are a duplicate
        copy = importer.import_file(outside(world, "Rechnung_RE10001.pdf", path.read_bytes()))
        assert (copy.state, copy.duplicate_of) == (State.DUPLICATE, "D1")
        assert importer.result_of(copy.duplicate_of) == first
        # A name that says nothing is rejected, and put away where that is wanted
        rejected = importer.import_file(outside(world, "Preisliste.pdf"), in_place=False)
        assert (rejected.state, rejected.reason.code, rejected.needs_person) == (State.REJECTED, "no_rule", True)
        assert rejected.location == world.folder / "rejected" / "Preisliste.pdf"
        assert "importer retry D3" in rejected.next_step
        # Other bytes for that invoice are a revision: held, and no exception
        held = importer.import_file(outside(world, "neu/RE10001.pdf", pdf("changed")))
        assert (held.state, held.reason.code) == (State.HELD, "revision")
        # What lies in the inbox goes into the archive, with its receipt
        archived = importer.import_file(world.drop("RE10002.pdf"))
        assert archived.location.with_name("RE10002.pdf.receipt.json").is_file()
    assert len(world.stored()) == 2
    world.importer("ledger", "verify", exits=0)


def test_what_must_wait_is_a_state_and_is_followed_for_as_long_as_is_wanted(world):
    path = outside(world, "RE10001.pdf")
    # Given refused credentials: the document is safe, and nothing has been sent
    with Importer(
        load_settings(world.config, world.environ), environ=world.environ | {"IMPORTER_API__PASSWORD": "wrong"}
    ) as importer:
        result = importer.import_file(path)
        assert (result.state, result.blocked.code) == (State.PENDING, "credentials_refused")
        assert "credentials" in result.next_step
    with opened(world) as importer:
        # Given a reply that is lost: uncertain, then found at Abillify
        world.sandbox.fail(faults.lost_reply(), endpoint="import", times=1)
        result = importer.follow(result.id)
        assert (result.state, result.is_on_its_way, result.attempts) == (State.UNCERTAIN, True, 1)
        assert "resolve D1 --imported" in result.next_step
        result = importer.import_file(path, timeout=20)
        assert (result.state, result.references_from, result.attempts) == (State.IMPORTED, "readback", 1)
        # Given an invoice that is not there yet: waiting, then followed
        world.sandbox.fail(faults.status(404), endpoint="import", times=1)
        waiting = importer.import_file(outside(world, "RE10002.pdf"))
        assert waiting.state is State.WAITING
        assert importer.follow(waiting.id, timeout=20).state is State.IMPORTED
    assert len(world.stored()) == 2


def test_a_program_killed_in_the_middle_of_an_upload_sends_nothing_twice(world):
    path = outside(world, "RE10001.pdf")
    world.sandbox.fail(faults.delay(after=None), endpoint="import", times=1)
    command = [sys.executable, "-c", HOST, world.config, path]
    # Given a program that is killed while its upload hangs behind the effect
    program = subprocess.Popen(command, env=world.full_environ)
    try:
        assert world.sandbox.wait_until(lambda: world.sandbox.effects, 30)
    finally:
        program.kill()
        program.wait()
    world.sandbox.release()
    # When the next one has the same file
    with opened(world) as importer:
        result = importer.import_file(path, timeout=20)
    # Then it asks, and does not send
    assert (result.state, result.references_from, result.attempts) == (State.IMPORTED, "readback", 1)
    assert sum(request.endpoint == "import" for request in world.sandbox.requests) == 1


def test_many_threads_one_upload_each(world):
    paths = [outside(world, f"RE{10000 + number}.pdf") for number in range(8)]
    with opened(world) as importer, ThreadPoolExecutor(8) as threads:
        # Each file is wanted by two threads at once
        results = list(threads.map(lambda path: importer.import_file(path, timeout=30), paths * 2))
    assert {result.state for result in results} == {State.IMPORTED}
    assert len({result.id for result in results}) == 8
    assert len(world.stored()) == len(set(world.stored())) == 8


def test_beside_a_running_service(world):
    with world.running() as service, opened(world) as importer:
        service.wait_for("line.opened")
        # Both are after the files in the inbox; what the service has put away is gone for the program
        for number in range(10):
            name = f"RE{10000 + number}.pdf"
            try:
                result = importer.import_file(world.drop(name), timeout=30)
                assert result.state is State.IMPORTED
            except FileVanished:
                service.wait_for("document.imported", path=name)
        assert importer.import_file(outside(world, "RE10020.pdf")).state is State.IMPORTED
        assert service.stop() == 0
    assert len(world.stored()) == len(set(world.stored())) == 11
    world.importer("ledger", "verify", exits=0)


def test_a_rule_that_wants_the_invoice_sent_again(world):
    rules = world.folder / "config" / "rules.toml"
    plain = "[[rule]]\nname = 'plain'\npattern = '{invoice}'\nkind = 'invoice'\nresend = true\n"
    rules.write_text(f"[tokens]\ninvoice = 'RE\\d+'\n{plain}")
    with opened(world) as importer:
        first, second = outside(world, "RE10001.pdf"), outside(world, "RE10002.pdf")
        assert importer.import_file(first).is_imported
        # What is put off is not forgotten because nothing was to be sent for another document
        world.sandbox.fail(faults.status(429), endpoint="resend")
        assert importer.import_file(second).is_imported
        assert len(world.sandbox.resends) == 1
        assert importer.import_file(first).is_imported
        deadline = time.monotonic() + 30
        while len(world.sandbox.resends) < 2:
            assert importer.import_file(second).is_imported
            assert time.monotonic() < deadline, "it was not sent again"
            threading.Event().wait(0.05)
    for document in ("D1", "D2"):
        (story,) = world.json("show", document, exits=0)
        assert [resend["state"] for resend in story["resends"]] == ["sent"]


def test_every_error_has_a_type(world):
    with opened(world) as importer:
        with pytest.raises(FileVanished, match="RE1"):
            importer.import_file(world.folder / "RE1.pdf")
        with pytest.raises(NotImportable, match="folder"):
            importer.import_file(world.inbox)
        with pytest.raises(NotImportable, match=r"inbox\.ignore"):
            importer.import_file(outside(world, "RE10001.part"))
        with pytest.raises(NotImportable, match="where the importer puts files"):
            importer.import_file(world.folder / "held" / "RE10001.pdf")
        link = world.folder / "erp" / "RE10001.pdf"
        link.symlink_to(outside(world, "RE10002.pdf"))
        with pytest.raises(NotImportable, match="link"):
            importer.import_file(link)
        for name in ("D1", "RE10001", "D-1", "Dx", "1", "D99999999999999999999", "D١"):
            with pytest.raises(UnknownDocument, match=name):
                importer.result_of(name)
        assert importer.import_file(outside(world, "RE10002.pdf")).is_imported
        with pytest.raises(UnknownDocument, match="1"):
            importer.follow("1")
    importer.close()
    with pytest.raises(Closed):
        importer.result_of("D1")
    # A ledger that its witness does not know sends nothing
    for path in (world.folder / "var").glob("ledger.db*"):
        path.unlink() if path.is_file() else None
    with pytest.raises(LedgerNeedsPerson):
        opened(world)
    with pytest.raises(ImporterError, match="BASE_URL"):
        load_settings(world.config, {"IMPORTER_API__BASE_URL": "http://elsewhere.example"})
    assert len(world.stored()) == 1


def test_the_program_is_left_as_it_was(world, caplog, capfd, monkeypatch):
    monkeypatch.chdir(world.folder)
    caplog.set_level(logging.INFO, "importer")

    def setting():
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        os.umask(umask := os.umask(0o077))
        root = logging.getLogger()
        return handlers, umask, Path.cwd(), root.level, list(root.handlers), structlog.get_config()

    before = setting()
    with opened(world) as importer:
        outside(world, "RE10001.pdf")
        assert importer.import_file("erp/RE10001.pdf").is_imported
        assert setting() == before
    # What it has to say, it says through the program's own log
    (record,) = [record for record in caplog.records if record.getMessage().startswith("document.imported")]
    assert (record.name, record.levelname, record.importer["document"]) == ("importer", "INFO", "D1")
    assert 'invoice_reference="RE10001"' in record.getMessage()
    assert capfd.readouterr() == ("", "")
    assert PASSWORD not in caplog.text
