"""Where the ledger may only be read, and who has it open."""

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from importer.adapters.ledger import Ledger, LedgerError, sqlite
from importer.adapters.ledger.access import Access, access_to
from importer.adapters.ledger.database import Database
from importer.adapters.ledger.holders import Holder, holders_folder


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "var" / "ledger.db"
    path.parent.mkdir()
    return path


def opened(ledger):
    return Ledger(f"sqlite:///{ledger}")


def holder_files(ledger):
    return sorted(path.name for path in holders_folder(ledger).iterdir())


# ------------------------------------------------------------ holders

HOLD = """
import sys, time
from pathlib import Path
from importer.adapters.ledger.holders import Holder
holder = Holder(Path(sys.argv[1]))
print(holder.name, flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_no_file_for_ever_and_a_living_one_keeps_its_own(ledger):
    folder = holders_folder(ledger)
    started = [
        subprocess.Popen([sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    dead, living = (process.stdout.readline().strip() for process in started)
    started[0].kill()
    started[0].communicate()
    assert holder_files(ledger) == sorted([dead, living])
    with Holder(folder) as mine:
        assert holder_files(ledger) == sorted([living, mine.name])
        assert mine.is_alive(living)
        assert not mine.is_alive(dead)
    started[1].communicate("")
    assert holder_files(ledger) == [living], "it ended without a word; the next one clears up"


def make_many(folder, times, barrier, told):
    barrier.wait()
    lost = 0
    for _ in range(times):
        with Holder(folder) as holder:
            there = folder / holder.name
            lost += not (there.exists() and os.path.samestat(there.stat(), os.fstat(holder._file)))
    told.put(lost)


def test_no_file_is_taken_away_from_under_its_maker(ledger):
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(3), context.Queue()
    many = [context.Process(target=make_many, args=(holders_folder(ledger), 300, barrier, told)) for _ in range(3)]
    for process in many:
        process.start()
    assert [told.get(timeout=60) for _ in many] == [0, 0, 0]
    for process in many:
        process.join()
    assert holder_files(ledger) == []


def test_a_holder_file_that_cannot_be_made_is_told_with_a_remedy(ledger, tmp_path):
    with pytest.raises(LedgerError, match=r"ledger .*/gone/ledger.db: .* cannot be made .*may be written to"):
        Holder(tmp_path / "gone" / "ledger.db.holders")


# ------------------------------------------------------------ a new one


def test_many_may_open_a_new_ledger_at_the_same_moment(tmp_path):
    together = threading.Barrier(4)

    def open_it(ledger):
        together.wait()
        opened(ledger).__exit__()

    with ThreadPoolExecutor(4) as threads:
        for number in range(10):
            list(threads.map(open_it, [tmp_path / f"{number}.db"] * 4))


# ------------------------------------------------------------ only reading


def test_what_may_be_written_is_opened_for_writing(ledger):
    assert access_to(ledger) is Access.WRITE
    opened(ledger).__exit__()
    assert access_to(ledger) is Access.WRITE


def test_what_a_reader_finds_half_there_it_looks_at_again(ledger, monkeypatch):
    opened(ledger).__exit__()
    seen = [LedgerError("the index is gone, and the log is about to go"), Access.READ]

    def look(_):
        now = seen.pop(0) if seen else Access.FROZEN
        if isinstance(now, LedgerError):
            raise now
        return now

    monkeypatch.setattr(sqlite, "access_to", look)
    with closing(Database(f"sqlite:///{ledger}")) as database, database.read():
        assert not seen


@pytest.mark.parametrize(
    ("fault", "tries"), [("SQLITE_CANTOPEN", 2), ("SQLITE_READONLY_RECOVERY", 2), ("SQLITE_BUSY", 1)]
)
def test_a_reader_tries_again_only_what_may_pass(ledger, monkeypatch, fault, tries):
    opened(ledger).__exit__()
    tried, connected = [], sqlite._connected

    def connect(*which):
        tried.append(which)
        if len(tried) == 1:
            error = sqlite3.OperationalError("the first time")
            error.sqlite_errorname = fault
            raise error
        return connected(*which)

    monkeypatch.setattr(sqlite, "access_to", lambda _: Access.FROZEN)
    monkeypatch.setattr(sqlite, "_connected", connect)
    with suppress(LedgerError), closing(Database(f"sqlite:///{ledger}")) as database, database.read():
        pass
    assert len(tried) == tries


def test_after_an_error_of_the_disk_nothing_more_is_written(ledger):
    database = Database(f"sqlite:///{ledger}")
    database._failure = "the disk reports an error"
    with pytest.raises(LedgerError, match="the disk reports an error"):
        database.write(lambda _: pytest.fail("a transaction was begun"))
    with database.read():
        pass
    database.close()
