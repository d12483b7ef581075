"""System calls that fail in the real process: told clearly, with the right exit code; and mended, nothing is lost."""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.faulty import machine
from tests.faulty.ending import documents, holds_in_the_end, posts
from tests.faulty.machine import fails
from tests.world import World, pdf, sandbox

NAME = "RE12345.pdf"
NEVER = 10**9


def struck(world, library, *rules, log=None):
    """A backfill on the faulty machine."""
    sound = world.environ
    world.environ = sound | machine.environ(library, *rules, log=log)
    done = world.importer("--log-format", "json", "backfill", "--wait", "1s")
    world.environ = sound
    assert "Traceback" not in done.stderr, done.stderr
    return done


@dataclass(frozen=True)
class Stop:
    """A fault that ends everything with 1, and these words on standard error."""

    rule: machine.Rule
    told: str
    posts: int = 0
    """How many uploads there were before the end."""


FULL = "the disk is full; make room and start again: nothing was lost"
NOT_DURABLE = "safely to disk: Input/output error; check the disk, then start the importer again"
STOPS = {
    "the ledger's index does not fit": Stop(fails("write", "ledger.db-shm", "ENOSPC"), rf"ledger .*/ledger.db: {FULL}"),
    "the ledger itself does not fit": Stop(fails("write", "ledger.db-jour", "ENOSPC"), rf"ledger .*/ledger.db: {FULL}"),
    "the process's name does not fit": Stop(fails("open", ".holders/", "ENOSPC"), "ledger .*No space .*; make room"),
    "the witness does not fit at the first intent": Stop(
        fails("write", "ledger-witness.json", "ENOSPC"), "witness .*No space left .*make room.* nothing was sent"
    ),
    "the receipt is not durable": Stop(fails("sync", ".importer-", "EIO", times=1), rf"archive/.*: .*{NOT_DURABLE}", 1),
    "the document is not durable": Stop(fails("sync", "inbox/RE", "EIO", times=1), rf"{NAME}: .*{NOT_DURABLE}", 1),
}  # fmt: skip


@pytest.mark.parametrize("case", STOPS.values(), ids=STOPS)
def test_a_fault_that_concerns_everything_ends_with_one_and_a_remedy(world, library, case):
    world.drop(NAME)
    done = struck(world, library, case.rule)
    assert done.returncode == 1, done.stderr
    assert re.search(rf"^importer: .*{case.told}", done.stderr, re.MULTILINE), done.stderr
    assert posts(world) == case.posts
    holds_in_the_end(world, [NAME])


DENIED = "Permission denied; give the importer's user the right to read and write there"
ROOM = "No space left on device; make room on that file system"
ONE_FILES_TROUBLE = {
    "RE10001.pdf": (fails("rename", "RE10001.pdf.receipt", "ENOSPC"), rf"RE10001.pdf.receipt.json: .*{ROOM}"),
    "RE10002.pdf": (fails("link", "/RE10002.pdf", "ENOSPC"), rf"RE10002.pdf: cannot move it .*{ROOM}"),
    "RE10003.pdf": (fails("link", "/RE10003.pdf", "EACCES"), rf"RE10003.pdf: cannot move it .*{DENIED}"),
    "RE10004.pdf": (
        fails("unlink,rename", "inbox/RE10004.pdf", "EROFS"),
        "inbox/RE10004.pdf: .*Read-only file system; mount that file system writable",
    ),
    "RE10005.pdf": (
        fails("read", "inbox/RE10005.pdf", "EIO"),
        r"inbox/RE10005.pdf cannot be read \(Input/output error\): the disk .* reports an error; check it",
    ),
    "RE10006.pdf": (
        fails("open", "inbox/RE10006.pdf", "EACCES"),
        r"inbox/RE10006.pdf cannot be read \(Permission denied\): give the importer's user the right to read it",
    ),
}


def test_one_files_trouble_is_told_and_holds_up_no_other(world, library):
    names = [*ONE_FILES_TROUBLE, NAME]
    for name in names:
        world.drop(name)
    done = struck(world, library, *(rule for rule, _ in ONE_FILES_TROUBLE.values()))
    for _, told in ONE_FILES_TROUBLE.values():
        assert re.search(told, done.stderr), f"{told}\n{done.stderr}"
    assert done.returncode == 3, "two of them could not be read"
    states = {name: (row["state"], row["target"] is None) for name, row in documents(world).items()}
    assert states == dict.fromkeys(names[:4], ("imported", False)) | {NAME: ("imported", True)}
    holds_in_the_end(world, names)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([fails("write", "archive/2", "ENOSPC")], f"receipt.json: cannot write it: {ROOM}"),
        ([fails("open,mkdir", "archive/2", "EACCES")], f"archive/2.*: cannot make the folder: {DENIED}"),
        # Another file system than the inbox's, so that files are copied
        ([fails("link", "inbox/", "EXDEV"), fails("write", "archive/2", "ENOSPC", first=2)], f"{NAME}: .*{ROOM}"),
    ],
    ids=["the receipt does not fit", "the archive is closed", "the copy does not fit"],
)
def test_an_archive_that_takes_nothing_is_told_and_tried_again_later(world, library, rules, told):
    world.drop(NAME)
    done = struck(world, library, *rules)
    assert done.returncode == 4, done.stderr
    assert re.search(told, done.stderr), done.stderr
    holds_in_the_end(world, [NAME])


INTERRUPTED = [
    ("read,open,sync", "inbox/RE"),
    ("open,write,sync", "archive/"),
    ("connect,send", machine.SOCKETS),
    ("open,read,write,truncate", "ledger.db"),
]


def test_an_interrupted_call_is_made_again_and_nobody_notices(world, library):
    world.drop(NAME)
    each = [(call, place) for calls, place in INTERRUPTED for call in calls.split(",")]
    done = struck(world, library, *(fails(call, place, "EINTR", times=2) for call, place in each))
    assert done.returncode == 0, done.stderr
    assert posts(world) == 1
    assert not re.search(r'"level": "(warning|error)"', done.stderr), done.stderr
    holds_in_the_end(world, [NAME])


# ------------------------------------------------------------ the ledger's commits

STATES = {"T1": None, "T3": "pending", "T4": "sending", "T5": "imported"}


@pytest.fixture(scope="module")
def moments(library, tmp_path_factory):
    """For each commit, the number of its first write and of its sync in the write-ahead log: from watching one run."""
    folder = tmp_path_factory.mktemp("watched")
    calls = [("write", "ledger.db-wal"), ("sync", "ledger.db-wal"), ("send", machine.SOCKETS)]
    with sandbox() as abillify:
        world = with_a_ledger(folder, abillify)
        world.drop(NAME)
        watched = [fails(call, place, "EIO", first=NEVER) for call, place in calls]
        assert struck(world, library, *watched, log=folder / "calls").returncode == 0
    return commits([line.split(" ")[:2] for line in (folder / "calls").read_text().splitlines()])


def with_a_ledger(folder, abillify):
    """A world in which the making of the ledger is over, so that every run's commits come in the same order."""
    world = World(folder / "importer", abillify)
    world.environ["IMPORTER_API__CONCURRENCY"] = "1"
    world.drop("RE99999.pdf", pdf("first of all"))
    world.importer("backfill", exits=0)
    return world


def commits(calls):
    """T1 and T3 are the last commits before the upload, T4 and T5 the first ones after it."""
    uploaded = max(at for at, (_, call) in enumerate(calls) if call == "send")
    syncs = [at for at, (_, call) in enumerate(calls) if call == "sync"]
    first_after = next(number for number, at in enumerate(syncs) if at > uploaded)
    found = {}
    for name, number in zip(STATES, range(first_after - 2, first_after + 2), strict=True):
        begun = syncs[number - 1] + 1
        write = next(int(count) for count, call in calls[begun:] if call == "write")
        found[name] = {"write": write, "sync": number + 1}
    return found


@pytest.mark.parametrize(
    ("moment", "call", "code", "told"),
    [
        ("T1", "write", "ENOSPC", FULL),
        ("T3", "write", "ENOSPC", FULL),
        ("T3", "sync", "EIO", "the disk reports an error; check it before the importer is started again"),
        ("T4", "write", "ENOSPC", FULL),
        ("T4", "sync", "EIO", "the disk reports an error; check it before the importer is started again"),
        ("T5", "write", "ENOSPC", FULL),
    ],
)
def test_a_commit_that_fails_stops_everything(world, library, moments, moment, call, code, told):
    # Given a disk that is well again at once
    world = with_a_ledger(world.folder.parent / "made", world.sandbox)
    world.drop(NAME)
    before = posts(world)
    done = struck(world, library, fails(call, "ledger.db-wal", code, first=moments[moment][call], times=1))
    assert done.returncode == 1, done.stderr
    assert re.search(rf"^importer: ledger .*/var/ledger.db: {told}", done.stderr, re.MULTILINE), done.stderr
    # Then it was the commit that is meant, and nothing was sent after it
    assert posts(world) - before == (moment in ("T4", "T5"))
    states = [row["state"] for name, row in documents(world).items() if name == NAME]
    # what could not be synced may be there all the same: a commit without its acknowledgement
    allowed = {STATES[moment]} | ({"sending", "imported"} if call == "sync" else set())
    assert set(states) <= allowed
    assert len(states) == (moment != "T1")
    holds_in_the_end(world, ["RE99999.pdf", NAME])


@pytest.mark.parametrize("number", range(1, 5))
def test_when_a_commit_of_many_fails_nothing_is_sent_without_its_intent(world, library, number):
    world = with_a_ledger(world.folder.parent / "made", world.sandbox)
    names = [f"RE2000{number}.pdf" for number in range(8)]
    for name in names:
        world.drop(name)
    before = posts(world)
    done = struck(world, library, fails("sync", "ledger.db-wal", "EIO", first=number, times=1))
    assert done.returncode == 1, done.stderr
    with closing(sqlite3.connect(world.folder / "var" / "ledger.db")) as ledger:
        (intents,) = ledger.execute("SELECT count(*) FROM attempts WHERE document_id > 1").fetchone()
    assert posts(world) - before <= intents
    holds_in_the_end(world, ["RE99999.pdf", *names])
