"""Whatever umask the importer is started under, nobody but its user and group gets at what it writes."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from importer.sandbox import faults
from tests.world import World, pdf, sandbox

OTHERS = stat.S_IRWXO


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def fresh(umask, tmp_path):
    """Made by `init` itself, under that umask."""
    with sandbox() as abillify:
        world = World(tmp_path / "template", abillify)
        shutil.rmtree(world.folder)
        world.importer("init", tmp_path / "importer", exits=0)
        world.folder = tmp_path / "importer"
        world.inbox, world.config = world.folder / "inbox", world.folder / "config" / "importer.toml"
        yield world


def open_to_others(world, ours):
    """Files and folders with any right for others, of those that are `ours`."""
    modes = {path: path.lstat().st_mode for path in (world.folder, *world.folder.rglob("*")) if ours(path)}
    assert len(modes) > 10
    return [f"{path} {mode & 0o777:o}" for path, mode in modes.items() if mode & OTHERS]


def is_moved(path):
    """A document that somebody dropped, renamed into a folder of ours: it keeps the rights that it came with."""
    return path.suffix == ".pdf" and path.is_file()


def some_of_everything(world):
    world.sandbox.fail(faults.status(404), endpoint="import", reference="RE99999", times=None)
    for name in ("RE10001.pdf", "sub/RE10002.pdf", "nonsense.pdf", "RE99999.pdf"):
        world.drop(name)
    world.drop("copy of/RE10001.pdf", pdf("RE10001.pdf"))
    (world.folder / "in place").mkdir()
    world.importer("backfill", "--wait", "0s", exits=3)
    world.importer("backfill", world.drop(world.folder / "in place" / "RE10003.pdf"))


def test_nothing_that_is_written_is_open_to_others(fresh):
    some_of_everything(fresh)
    dropped = {fresh.inbox / "sub", fresh.inbox / "copy of", fresh.folder / "in place"}

    def ours(path):
        return not is_moved(path) and path not in dropped

    with fresh.running() as service:  # its log and index lie beside the ledger while it runs
        service.wait_for("watch.started")
        names = {path.name for path in (fresh.folder / "var").rglob("*")}
        assert {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.holders", "ledger.run"} <= names
        assert open_to_others(fresh, ours) == []
    fresh.importer("ledger", "backup", fresh.folder / "elsewhere" / "copy.db", exits=0)
    fresh.importer("ledger", "rebuild", exits=0)
    names = {path.name for path in fresh.folder.rglob("*")}
    assert {"copy.db", ".ledger-witness.json", ".ledger-witness.lock", "RE10001.pdf.receipt.json"} <= names
    assert {"nonsense.pdf.reason.txt"} <= names
    assert open_to_others(fresh, ours) == []


def test_a_moved_file_keeps_its_rights_in_a_folder_that_others_cannot_enter(fresh):
    some_of_everything(fresh)
    moved = [path for path in fresh.folder.glob("*/**/*.pdf") if "in place" not in path.parts]
    assert {path.relative_to(fresh.folder).parts[0] for path in moved} == {"archive", "rejected", "inbox"}
    for path in moved:
        assert path.stat().st_mode & stat.S_IROTH, "as it was dropped"
        inside = path.relative_to(fresh.folder).parents
        assert any(not (fresh.folder / folder).stat().st_mode & OTHERS for folder in inside)


def test_a_copy_is_ours_and_so_are_its_rights(umask, world):
    """Across file systems, or where no hard links are to be had, a file is written anew."""
    archive = Path(f"/dev/shm/importer-test-{os.getpid()}")
    world.environ["IMPORTER_ARCHIVE__IMPORTED"] = f"{archive}/{{year}}"
    if not archive.parent.is_dir() or archive.parent.stat().st_dev == world.inbox.stat().st_dev:
        pytest.skip("wants a second file system that can be written to")
    try:
        world.drop("RE10001.pdf")
        world.importer("backfill", exits=0)
        (copy,) = archive.rglob("*.pdf")
        assert not copy.stat().st_mode & OTHERS
    finally:
        shutil.rmtree(archive, ignore_errors=True)


def test_a_stricter_umask_stays(world):
    before = os.umask(0o077)
    try:
        world.drop("RE10001.pdf")
        world.importer("backfill", exits=0)
    finally:
        os.umask(before)
    written = [world.folder / "var" / "ledger.db", *(world.folder / "archive").rglob("*.json")]
    assert len(written) == 3
    assert not any(path.stat().st_mode & 0o077 for path in written)


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_name_writes_no_line_of_its_own_into_the_log(world, form):
    name = 'x\n{"event": "document.imported"}\r\x1b[2J\x1b]0;owned\x07\x9b31m\u202e.pdf'
    world.drop(name)
    log = world.importer("--log-format", form, "--log-level", "debug", "backfill").stderr
    assert "document.admitted" in log
    lines = log.splitlines()
    assert all(line.isprintable() for line in lines)
    assert all(line.startswith("{") == (form == "json") for line in lines)
    if form == "json":
        (told,) = [told for told in map(json.loads, lines) if told["event"] == "document.admitted"]
        assert told["path"] == name
