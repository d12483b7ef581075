"""A file system that is really full, and one that is really read-only."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from tests.faulty.ending import holds_in_the_end, posts

NAME = "RE12345.pdf"
FULL = "the disk is full; make room and start again: nothing was lost"


@contextmanager
def mounted(folder, *options):
    """A small file system of its own.

    Skips where that is not allowed.
    """
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("wants root, to mount a small file system")
    folder.mkdir(parents=True, exist_ok=True)
    tried = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"wants the right to mount a small file system: {tried.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def small(folder, size="1m"):
    with mounted(folder, "-t", "tmpfs", "-o", f"size={size},nr_inodes=100", "tmpfs") as disk:
        yield disk


def fill(disk, *, but=0):
    """Leaves room for so many bytes."""
    room = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(room.f_bavail * room.f_frsize - but))
    return ballast


@pytest.mark.parametrize("room", [0, 65536, 262144], ids=["for nothing", "for no tables", "for no document"])
def test_a_ledger_on_a_full_disk_says_so_and_goes_on_when_there_is_room(world, room):
    with small(world.folder / "var") as disk:
        world.drop(NAME)
        ballast = fill(disk, but=room)
        done = world.importer("backfill")
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        assert FULL in done.stderr
        ballast.unlink()
        holds_in_the_end(world, [NAME])


def test_an_archive_on_a_full_disk_is_told_and_the_file_stays_in_the_inbox(world):
    with small(world.folder / "archive") as disk:
        world.drop("RE10001.pdf")
        world.importer("backfill", exits=0)
        world.drop(NAME)
        ballast = fill(disk, but=4096)  # the witness can be written, receipt and copy cannot
        done = world.importer("backfill", "--wait", "1s")
        assert done.returncode in (1, 4), done.stderr
        assert "make room" in done.stderr
        assert (world.inbox / NAME).exists()
        ballast.unlink()
        holds_in_the_end(world, ["RE10001.pdf", NAME])
        assert posts(world) == 2


@contextmanager
def read_only(folder):
    with mounted(folder, "--bind", folder):
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield


def test_a_ledger_on_a_read_only_disk_can_be_read(world):
    world.drop(NAME)
    world.importer("backfill", exits=0)
    verbs = [("list", "--json"), ("status", "--json"), ("show", NAME)]
    before = [world.importer(*verb, exits=0).stdout for verb in verbs]
    with read_only(world.folder):
        assert [world.importer(*verb, exits=0).stdout for verb in verbs] == before
        # but nothing can be written, which is told
        done = world.importer("backfill")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


def test_the_log_of_a_killed_importer_is_read_too_or_its_lack_is_told(world):
    world.drop(NAME)
    with world.running() as service:
        service.wait_for("file.put_away")
        service.kill()
    with read_only(world.folder):
        (told,) = world.json("list", exits=0)
        assert told["state"] == "imported", "which only the log knows"
    (world.folder / "var" / "ledger.db-shm").unlink()
    with read_only(world.folder):
        done = world.importer("list")
        assert done.returncode == 1
        assert "still in ledger.db-wal, and its folder is read-only; copy both" in done.stderr
