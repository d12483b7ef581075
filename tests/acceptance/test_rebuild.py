"""A rebuild from an archive that somebody has moved, copied or mixed up, and one that is killed on its way."""

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import replace

import pytest

from importer.adapters.archive import alone, read_receipt, write_receipt
from importer.adapters.ledger import LedgerError, back_up
from importer.adapters.ledger.reconstruction import into_one_file
from importer.core.model import References, digest_of
from importer.sandbox import faults

ENDING = ".receipt.json"


@pytest.fixture
def imported(world):
    """Two imported documents and their places in the archive."""
    for name in ("RE20001.pdf", "RE20002.pdf"):
        world.drop(name)
    world.importer("backfill", exits=0)
    return sorted(world.folder / document["location"] for document in world.documents())


def receipt_beside(archived):
    return archived.with_name(archived.name + ENDING)


def delete_ledger(world):
    for path in (world.folder / "var").glob("ledger.db*"):
        if path.is_file():
            path.unlink()


def uploads(world):
    return sum(request.endpoint == "import" for request in world.sandbox.requests)


def test_after_the_archive_was_moved_the_ledger_learns_where_everything_lies(world, imported):
    moved = world.folder / "elsewhere"
    (world.folder / "archive").rename(moved)
    world.environ["IMPORTER_ARCHIVE__IMPORTED"] = "elsewhere/{year}/{month}"
    world.importer("ledger", "verify", exits=7)
    world.importer("ledger", "rebuild", exits=0)
    assert all((world.folder / document["location"]).is_relative_to(moved) for document in world.documents())
    world.importer("ledger", "verify", exits=0)
    world.importer("backfill", exits=0)
    assert uploads(world) == 2


def test_a_copy_of_a_receipt_is_no_second_document(world, imported):
    copy = world.folder / "archive" / "copy of 2026"
    shutil.copytree(imported[0].parent, copy)
    delete_ledger(world)
    world.importer("ledger", "rebuild", exits=0)
    assert [document["state"] for document in world.documents()] == ["imported"] * 2
    world.importer("ledger", "verify", exits=0)


def test_two_receipts_of_one_document_that_differ_are_told(world, imported):
    receipt = read_receipt(receipt_beside(imported[0]))
    other = replace(receipt, references=References("_9", "_8", "_7"))
    alone(write_receipt(imported[0].with_name("z.pdf"), other))
    delete_ledger(world)
    told = world.importer("ledger", "rebuild", exits=3)
    assert "look whether Abillify has it twice" in told.stderr
    assert len(world.documents()) == 2


def test_a_receipt_of_another_account_is_no_document_of_this_one(world, imported):
    """It is kept as what it is, and does not pass for an import of the same bytes under this account."""
    receipt = read_receipt(receipt_beside(imported[0]))
    receipt_beside(imported[0]).unlink()
    alone(write_receipt(imported[0], replace(receipt, account="somebody-else")))
    delete_ledger(world)
    world.importer("ledger", "rebuild", exits=0)
    imported[0].rename(world.inbox / "RE20001.pdf")
    (told,) = world.json("backfill", exits=0)
    assert (told["state"], told["references_from"]) == ("imported", "readback")
    assert uploads(world) == 2


def test_a_rebuild_that_is_killed_can_be_repeated(world, imported):
    first = imported[0]
    receipt = read_receipt(receipt_beside(first))
    many = 100
    for number in range(many):
        content = f"{number}".encode()
        path = first.with_name(f"many-{number}.pdf")
        path.write_bytes(content)
        alone(
            write_receipt(
                path, replace(receipt, document_id=1000 + number, sha256=digest_of(content), size=len(content))
            )
        )
    delete_ledger(world)
    fresh = world.folder / "var" / "ledger.db.rebuilding"
    process = subprocess.Popen(world.command("ledger", "rebuild"), env=world.full_environ, stdout=subprocess.DEVNULL)
    while not fresh.exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (world.folder / "var" / "ledger.db").exists()
    world.importer("ledger", "rebuild", exits=0)
    assert len(world.documents()) == many + 2
    world.importer("ledger", "verify", exits=0)
    assert not list((world.folder / "var").glob("*.rebuilding*"))
    assert uploads(world) == 2


def test_what_lies_in_the_log_is_brought_into_the_file_or_it_is_said(tmp_path):
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE t (x)")
        other.execute("INSERT INTO t VALUES (1)")
        other.commit()
        with pytest.raises(LedgerError):
            into_one_file(path)
    into_one_file(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.db"]


def test_a_backup_goes_where_there_are_no_hard_links_and_overwrites_nothing_there(
    world, imported, tmp_path, monkeypatch
):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    ledger, copy = world.folder / "var" / "ledger.db", tmp_path / "copy.db"
    monkeypatch.setattr(os, "link", refuse)
    back_up(f"sqlite:///{ledger}", copy)
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".db", ".unfinished")] == ["copy.db"]
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (2,)
    with pytest.raises(LedgerError, match="something lies there already"):
        back_up(f"sqlite:///{ledger}", copy)


def test_what_an_older_ledger_thinks_is_rejected_is_what_its_receipt_says(world):
    world.sandbox.fail(faults.status(415), endpoint="import", times=1)
    world.drop("RE12345.pdf")
    world.importer("backfill", exits=3)
    world.importer("ledger", "backup", world.folder / "older.db", exits=0)
    world.importer("retry", "D1", exits=0)
    world.importer("backfill", exits=0)
    delete_ledger(world)
    (world.folder / "older.db").rename(world.folder / "var" / "ledger.db")
    world.importer("backfill", exits=7)
    world.importer("ledger", "rebuild", exits=0)
    (told,) = world.documents()
    assert (told["id"], told["state"]) == ("D1", "imported")
    assert "/archive/" in told["location"]
    assert uploads(world) == 2
