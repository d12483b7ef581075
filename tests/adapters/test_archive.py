"""Moves, receipts and reasons: nothing is lost, nothing overwritten, and after any crash the move can be repeated."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import unicodedata
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from importer.adapters import archive as acts
from importer.adapters.archive import (
    ArchiveError,
    FileGone,
    How,
    NotDurable,
    Open,
    ReceiptDamaged,
    TargetTaken,
    alone,
    free_target,
    make_folder,
    read_receipt,
    remove_sidecars,
    sync_all,
)
from importer.adapters.archive.whole import can_sync_whole, sync_whole
from importer.core.model import Kind, Reason, Receipt, References, ReferencesFrom, State, digest_of
from importer.core.settle import Signature
from tests.making import document

BYTES = b"%PDF the document's own bytes"
SHA256 = digest_of(BYTES)
OTHER = b"another file's bytes, of another size"


def move(*arguments, **named):
    return alone(acts.move(*arguments, **named))


def write_receipt(*arguments):
    return alone(acts.write_receipt(*arguments))


def write_reason(*arguments):
    return alone(acts.write_reason(*arguments))


@pytest.fixture
def other_file_system(tmp_path):
    """A folder on another device than `tmp_path`."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    folder = shared / f"importer-archive-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["the same file system", "another file system"])
def places(request, tmp_path):
    """A source with the document's bytes, and a target whose folder does not exist yet."""
    source = tmp_path / "inbox" / "RE1.pdf"
    source.parent.mkdir()
    source.write_bytes(BYTES)
    same = request.param == "the same file system"
    top = tmp_path if same else request.getfixturevalue("other_file_system")
    return source, top / "archive" / "2026" / "10" / "RE1.pdf"


def files_below(*folders):
    return sorted(path for folder in folders for path in folder.rglob("*") if not path.is_dir())


def archive_of(target):
    return target.parents[2]


# ------------------------------------------------------------ the plain move


@pytest.mark.parametrize("knows", ["nothing more", "the signature", "the bytes"])
def test_a_file_is_moved_with_its_bytes_and_nothing_else_is_left(places, knows):
    source, target = places
    signature = Signature.of(source.lstat()) if knows == "the signature" else None

    moved = move(source, target, content=BYTES if knows == "the bytes" else None, sha256=SHA256, expected=signature)

    assert (moved.target, moved.source_remains) == (target, False)
    assert moved.how is (How.LINKED if source.parent.stat().st_dev == target.parent.stat().st_dev else How.COPIED)
    assert files_below(source.parent, archive_of(target)) == [target]
    assert target.read_bytes() == BYTES


def test_a_move_that_is_repeated_changes_nothing(places):
    source, target = places
    move(source, target, content=None, sha256=SHA256)
    before = target.lstat()

    again = move(source, target, content=BYTES, sha256=SHA256)

    assert (again.how, again.source_remains) == (How.ALREADY, False)
    assert target.lstat() == before


def test_of_files_that_are_moved_together_each_fares_by_itself(tmp_path):
    for name in ("a.pdf", "c.pdf"):
        (tmp_path / name).write_bytes(BYTES)
    moves = [
        acts.move(tmp_path / name, tmp_path / "archive" / name, content=None, sha256=SHA256)
        for name in ("a.pdf", "gone.pdf", "c.pdf")
    ]

    first, gone, last = acts.together(moves)

    assert isinstance(gone, FileGone)
    assert (first.how, last.how) == (How.LINKED, How.LINKED)
    assert files_below(tmp_path) == [tmp_path / "archive" / "a.pdf", tmp_path / "archive" / "c.pdf"]


def test_a_disk_that_cannot_tell_stops_all_files_that_are_moved_together(tmp_path):
    ended = []

    def unsafe(number):
        reading, writing = os.pipe()
        try:
            yield [Open(writing, tmp_path)]  # a pipe cannot be waited for
        finally:
            os.close(reading)
            os.close(writing)
            ended.append(number)

    with pytest.raises(NotDurable):
        acts.together([unsafe(1), unsafe(2)])
    assert ended == [1, 2]


def test_nor_does_any_go_on_when_the_disk_cannot_tell_of_the_folder_that_one_has_made(tmp_path, monkeypatch):
    (tmp_path / "archive").mkdir()
    moves = []
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(BYTES)
        target = tmp_path / "archive" / "2026" / name
        moves.append(acts.move(tmp_path / name, target, content=None, sha256=SHA256))
    fsync, parent = os.fsync, (tmp_path / "archive").stat()

    def failing(descriptor):
        if os.path.samestat(os.fstat(descriptor), parent):
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(NotDurable):
        acts.together(moves)
    assert (tmp_path / "a.pdf").exists()
    assert (tmp_path / "b.pdf").exists()


def test_large_files_are_copied_whole(tmp_path, other_file_system):
    content = os.urandom(3_500_000)
    source, target = tmp_path / "a.pdf", other_file_system / "a.pdf"
    source.write_bytes(content)

    move(source, target, content=None, sha256=digest_of(content))

    assert target.read_bytes() == content
    assert not source.exists()


@pytest.mark.parametrize(
    "name",
    [
        b"a\nb.pdf",
        b"latin-\xe4.pdf",
        b"x" * 251 + b".pdf",
        unicodedata.normalize("NFC", "Müller.pdf").encode(),
        unicodedata.normalize("NFD", "Müller.pdf").encode(),
    ],
    ids=["newline", "not UTF-8", "255 bytes", "NFC", "NFD"],
)
def test_hostile_names_keep_their_bytes(places, name):
    source, target = (path.with_name(os.fsdecode(name)) for path in places)
    places[0].rename(source)

    move(source, target, content=None, sha256=SHA256)

    assert [os.fsencode(path.name) for path in target.parent.iterdir()] == [name]
    assert target.read_bytes() == BYTES


def test_what_we_make_is_closed_to_strangers_and_what_was_there_stays_as_it_is(tmp_path, other_file_system):
    theirs = other_file_system / "archive"
    theirs.mkdir()
    theirs.chmod(0o777)
    source = tmp_path / "RE1.pdf"
    source.write_bytes(BYTES)

    move(source, theirs / "2026" / "RE1.pdf", content=None, sha256=SHA256)

    modes = [path.stat().st_mode & 0o777 for path in (theirs, theirs / "2026", theirs / "2026" / "RE1.pdf")]
    assert modes == [0o777, 0o750, 0o640]


# ------------------------------------------------------------ what is found there


def test_another_file_at_the_target_is_never_overwritten(places):
    source, target = places
    make_folder(target.parent)
    target.write_bytes(OTHER)

    with pytest.raises(TargetTaken, match=r"RE1\.pdf: cannot put the document there: another file has that name"):
        move(source, target, content=BYTES, sha256=SHA256)

    assert target.read_bytes() == OTHER
    assert source.read_bytes() == BYTES


@pytest.mark.parametrize(
    "make", [Path.mkdir, lambda path: path.symlink_to("/nowhere"), os.mkfifo], ids=["folder", "link", "pipe"]
)
def test_nor_is_a_folder_a_dangling_link_or_a_pipe(places, make):
    source, target = places
    make_folder(target.parent)
    make(target)

    with pytest.raises(TargetTaken):
        move(source, target, content=BYTES, sha256=SHA256)

    assert os.path.lexists(target)
    assert source.read_bytes() == BYTES


def test_the_same_bytes_at_both_places_are_reduced_to_one(places):
    source, target = places
    make_folder(target.parent)
    target.write_bytes(BYTES)

    moved = move(source, target, content=None, sha256=SHA256)

    assert moved.how is How.ALREADY
    assert files_below(source.parent, archive_of(target)) == [target]


def test_a_file_that_has_taken_the_sources_place_stays_and_the_archive_is_written_from_memory(places):
    source, target = places
    source.write_bytes(OTHER)

    moved = move(source, target, content=BYTES, sha256=SHA256)

    assert (moved.how, moved.source_remains) == (How.COPIED, True)
    assert source.read_bytes() == OTHER
    assert target.read_bytes() == BYTES


@pytest.mark.parametrize(
    "other", [BYTES[:-1], BYTES + b"x", BYTES.swapcase(), b""], ids=["cut", "longer", "as long", "empty"]
)
def test_nor_is_a_file_taken_for_the_document_that_has_much_in_common_with_it(tmp_path, other):
    source, target = tmp_path / "RE1.pdf", tmp_path / "archive" / "RE1.pdf"
    source.write_bytes(other)

    moved = move(source, target, content=BYTES, sha256=SHA256)

    assert (moved.how, moved.source_remains) == (How.COPIED, True)
    assert (source.read_bytes(), target.read_bytes()) == (other, BYTES)


def test_nor_is_it_removed_when_the_target_is_there_already(places):
    source, target = places
    move(source, target, content=None, sha256=SHA256)
    source.write_bytes(OTHER)

    moved = move(source, target, content=None, sha256=SHA256)

    assert moved.source_remains
    assert source.read_bytes() == OTHER


@pytest.mark.parametrize("instead", ["nothing", "other bytes", "a symbolic link", "a pipe"])
def test_bytes_that_are_nowhere_are_told(places, instead):
    source, target = places
    source.unlink()
    if instead == "other bytes":
        source.write_bytes(OTHER)
    elif instead == "a symbolic link":
        source.symlink_to(__file__)
    elif instead == "a pipe":
        os.mkfifo(source)

    with pytest.raises(FileGone, match=r"inbox/RE1\.pdf: cannot archive it: .* look for it in a backup"):
        move(source, target, content=None, sha256=SHA256)

    assert os.path.lexists(source) is (instead != "nothing")
    assert files_below(archive_of(target)) == []


def test_a_vanished_source_is_written_from_memory(places):
    source, target = places
    source.unlink()

    moved = move(source, target, content=BYTES, sha256=SHA256)

    assert (moved.how, moved.source_remains) == (How.COPIED, False)
    assert target.read_bytes() == BYTES


def test_bytes_in_memory_that_are_not_the_documents_are_not_archived(places):
    source, target = places
    source.unlink()

    with pytest.raises(FileGone):
        move(source, target, content=OTHER, sha256=SHA256)

    assert files_below(archive_of(target)) == []


def test_a_target_that_is_another_name_of_another_file_is_left_alone(tmp_path):
    source, target = tmp_path / "inbox.pdf", tmp_path / "archive.pdf"
    source.write_bytes(OTHER)
    target.hardlink_to(source)

    with pytest.raises(TargetTaken):
        move(source, target, content=BYTES, sha256=SHA256)

    assert (source.read_bytes(), target.read_bytes()) == (OTHER, OTHER)


def test_a_file_that_is_both_source_and_target_by_two_paths_is_not_removed(tmp_path):
    real = tmp_path / "held" / "RE1.pdf"
    real.parent.mkdir()
    real.write_bytes(BYTES)
    (tmp_path / "alias").symlink_to(real.parent)

    moved = move(tmp_path / "alias" / "RE1.pdf", real, content=None, sha256=SHA256)

    assert moved.how is How.ALREADY
    assert real.read_bytes() == BYTES


# ------------------------------------------------------------ many at once


def race(*acts):
    """Lets all of them go at the same moment; returns what each came to."""
    barrier, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(index, act):
        barrier.wait()
        try:
            results[index] = act()
        except ArchiveError as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("round_", range(20))
def test_of_two_documents_that_race_for_one_target_one_wins_and_the_other_stays(places, round_):
    source, target = places
    rival = source.with_name("rival.pdf")
    rival.write_bytes(OTHER)

    results = race(
        lambda: move(source, target, content=None, sha256=SHA256),
        lambda: move(rival, target, content=None, sha256=digest_of(OTHER)),
    )

    (loser,) = (error for error in results if isinstance(error, TargetTaken))
    assert loser.path == target
    assert sorted(path.read_bytes() for path in files_below(source.parent, archive_of(target))) == sorted(
        [BYTES, OTHER]
    )


@pytest.mark.parametrize("round_", range(20))
def test_two_workers_that_move_one_document_leave_one_copy(places, round_):
    source, target = places

    results = race(*[lambda: move(source, target, content=BYTES, sha256=SHA256)] * 2)

    assert not [result for result in results if isinstance(result, ArchiveError)]
    assert files_below(source.parent, archive_of(target)) == [target]
    assert target.read_bytes() == BYTES


# ------------------------------------------------------------ killed anywhere

MOVE = """
from importer.adapters.archive import alone, move
from importer.core.model import Digest
def work():
    content = None if sys.argv[4] == "-" else bytes.fromhex(sys.argv[4])
    alone(move(Path(sys.argv[1]), Path(sys.argv[2]), content=content, sha256=Digest(sys.argv[3])))
"""
RECEIPT = """
from tests.adapters.test_archive import RECEIPT_VALUE, write_receipt
work = lambda: write_receipt(Path(sys.argv[1]), RECEIPT_VALUE)
"""
STRUCK = """
import json, os, signal, sys
from pathlib import Path
{work}
{strike}
for line in sys.stdin:
    sys.argv[1:] = json.loads(line)
    child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
limit, count, armed = int(sys.argv.pop(1)), 0, False
EVENTS = {{"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.scandir", "os.chmod"}}
def hook(event, arguments):
    global count, armed
    if armed and event in EVENTS:
        count += 1
        if count == limit:
            armed = False
            strike(event, arguments)
            armed = True
# What has no audit event of its own is a boundary as well.
for name in ("fsync", "write", "close", "stat", "fstat", "pread"):
    def traced(*arguments, call=getattr(os, name), **named):
        hook("open", None)
        return call(*arguments, **named)
    setattr(os, name, traced)
sys.addaudithook(hook)
armed = True
work()
armed = False
sys.exit(0 if count < limit else 3)
"""
KILL = """
def strike(*_):
    os.kill(os.getpid(), signal.SIGKILL)
"""
# The one moment in which the system offers no help: between the last look at the source and its removal.
REPLACE = """
def strike(event, arguments):
    if event == "os.remove" and os.fspath(arguments[0]) == sys.argv[1]:
        return
    os.rename(sys.argv[1] + ".new", sys.argv[1])
"""


@contextmanager
def striking(work, strike):
    """Runs the work any number of times, in a process of its own that is struck right before its nth system call.

    What is yielded returns its exit code: 0 where it has not so many calls.
    """
    program = [sys.executable, "-c", STRUCK.format(work=work, strike=strike)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forking:

        def struck_at(limit, *arguments):
            forking.stdin.write(json.dumps([str(limit), *map(str, arguments)]) + "\n")
            forking.stdin.flush()
            return int(forking.stdout.readline())

        yield struck_at
        forking.stdin.close()
        assert forking.wait(60) == 0


@pytest.mark.parametrize("situation", ["plain", "in memory", "replaced"])
def test_a_move_that_is_killed_at_any_system_call_is_finished_by_the_next_one(places, situation):
    source, target = places
    content = None if situation == "plain" else BYTES
    at_source = OTHER if situation == "replaced" else BYTES
    expected_files = [source, target] if situation == "replaced" else [target]
    with striking(MOVE, KILL) as struck_at:
        for limit in range(1, 100):
            shutil.rmtree(archive_of(target), ignore_errors=True)
            source.write_bytes(at_source)

            code = struck_at(limit, source, target, SHA256, content.hex() if content else "-")
            assert code in (0, -signal.SIGKILL)
            survivors = {path.read_bytes() for path in files_below(source.parent, archive_of(target))}
            assert at_source in survivors, f"lost when killed at {limit}"

            move(source, target, content=content, sha256=SHA256)
            there = sorted(files_below(source.parent, archive_of(target)))
            assert there == sorted(expected_files), f"killed at {limit}"
            assert target.read_bytes() == BYTES
            assert situation != "replaced" or source.read_bytes() == OTHER
            if code == 0:
                break
    assert 10 < limit < 99, "the boundaries were not seen, or it never came to its end"


def test_a_file_that_takes_the_sources_place_at_any_system_call_is_not_lost(places):
    source, target = places
    newer = source.with_name("RE1.pdf.new")
    with striking(MOVE, REPLACE) as struck_at:
        for limit in range(1, 200):
            shutil.rmtree(archive_of(target), ignore_errors=True)
            source.write_bytes(BYTES)
            newer.write_bytes(OTHER)

            code = struck_at(limit, source, target, SHA256, BYTES.hex())

            assert code in (0, 3)
            assert target.read_bytes() == BYTES, f"replaced at {limit}"
            assert OTHER in {path.read_bytes() for path in files_below(source.parent)}, f"lost when replaced at {limit}"
            assert set(files_below(archive_of(target))) == {target}
            if code == 0:
                break
    assert 10 < limit < 199, "the boundaries were not seen, or it never came to its end"


def test_a_receipt_is_there_whole_or_not_at_all_wherever_its_writer_is_killed(tmp_path):
    target = tmp_path / "archive" / "RE1.pdf"
    with striking(RECEIPT, KILL) as struck_at:
        for limit in range(1, 100):
            shutil.rmtree(target.parent, ignore_errors=True)

            code = struck_at(limit, target)
            assert code in (0, -signal.SIGKILL)
            path = target.with_name("RE1.pdf.receipt.json")
            assert not path.exists() or read_receipt(path) == RECEIPT_VALUE

            write_receipt(target, RECEIPT_VALUE)
            assert files_below(tmp_path) == [path], f"killed at {limit}"
            if code == 0:
                break
    assert 5 < limit < 99, "the boundaries were not seen, or it never came to its end"


# ------------------------------------------------------------ what the system refuses


def can(*command):
    """Whether this machine lets us do that."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def in_child(program, *arguments, wrapped=()):
    command = [*wrapped, sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


TOLD = """
import sys
from pathlib import Path
from importer.adapters.archive import ArchiveError, alone, move
from importer.core.model import Digest
{before}
try:
    alone(move(Path(sys.argv[1]), Path(sys.argv[2]), content=None, sha256=Digest(sys.argv[3])))
except ArchiveError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("locked", ["target", "source"])
def test_a_folder_without_permission_is_named_with_what_to_do(tmp_path, locked):
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if drop and not can(*drop, "true"):
        pytest.skip("this test runs as root, and there is no setpriv to give its capabilities away")
    source, target = tmp_path / "inbox" / "RE1.pdf", tmp_path / "archive" / "RE1.pdf"
    for folder in (source.parent, target.parent):
        folder.mkdir()
    source.write_bytes(BYTES)
    folder = (source if locked == "source" else target).parent
    folder.chmod(0o500)

    told = in_child(TOLD.format(before=""), source, target, SHA256, wrapped=drop)
    folder.chmod(0o700)

    assert told.startswith("ArchiveError ")
    assert str(folder) in told
    assert "give the importer's user the right to read and write there" in told
    assert source.read_bytes() == BYTES
    move(source, target, content=None, sha256=SHA256)
    assert files_below(tmp_path) == [target]


def test_a_full_file_system_is_told_and_leaves_nothing_behind(tmp_path, other_file_system):
    # A limit on the size of files gives the same refusal in the middle of a write.
    before = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
"""
    source, target = tmp_path / "RE1.pdf", other_file_system / "RE1.pdf"
    source.write_bytes(BYTES)

    told = in_child(TOLD.format(before=before), source, target, SHA256)

    assert told.startswith("ArchiveError ")
    assert "File too large" in told
    assert files_below(tmp_path, other_file_system) == [source]


def test_no_room_is_told_with_what_to_do(tmp_path):
    tiny = tmp_path / "tiny"
    tiny.mkdir()
    if not can("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", tiny):
        pytest.skip("no right to mount a small file system")
    source, content = tmp_path / "RE1.pdf", b"x" * 100_000
    source.write_bytes(content)
    try:
        with pytest.raises(ArchiveError, match="No space left on device; make room on that file system"):
            move(source, tiny / "RE1.pdf", content=None, sha256=digest_of(content))
        assert files_below(tiny) == []
    finally:
        subprocess.run(["umount", tiny], check=True)
    assert source.read_bytes() == content


def test_a_read_only_archive_is_told_with_what_to_do(tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    if not can("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", archive):
        pytest.skip("no right to mount a read-only file system")
    source = tmp_path / "RE1.pdf"
    source.write_bytes(BYTES)
    try:
        with pytest.raises(ArchiveError, match="Read-only file system; mount that file system writable"):
            move(source, archive / "2026" / "RE1.pdf", content=None, sha256=SHA256)
    finally:
        subprocess.run(["umount", archive], check=True)
    assert source.read_bytes() == BYTES


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path):
    (tmp_path / "archive").write_bytes(b"")

    with pytest.raises(ArchiveError, match="archive: cannot make the folder"):
        make_folder(tmp_path / "archive" / "2026")


def test_a_failed_fsync_is_told_once_and_never_retried(tmp_path):
    # A system call filter would be needed to make the disk fail; the child's own os.fsync stands in for it.
    before = """
import errno, os
def fsync(descriptor):
    print("asked", end=" ")
    raise OSError(errno.EIO, "Input/output error")
os.fsync = fsync
"""
    source, target = tmp_path / "RE1.pdf", tmp_path / "RE1-archived.pdf"
    source.write_bytes(BYTES)

    told = in_child(TOLD.format(before=before), source, target, SHA256)

    assert told.startswith(f"asked {NotDurable.__name__} ")
    assert "check the disk" in told
    assert source.read_bytes() == BYTES


def test_where_there_are_no_hard_links_a_file_is_copied_and_still_never_overwritten(tmp_path):
    before = """
import errno, os
def link(*_, **__):
    raise OSError(errno.EPERM, "Operation not permitted")
os.link = link
"""
    source, target = tmp_path / "inbox" / "RE1.pdf", tmp_path / "archive" / "RE1.pdf"
    for path, content in ((source, BYTES), (target, OTHER)):
        path.parent.mkdir()
        path.write_bytes(content)

    refused = in_child(TOLD.format(before=before), source, target, SHA256)
    target.unlink()
    in_child(TOLD.format(before=before), source, target, SHA256)

    assert refused.startswith("TargetTaken ")
    assert files_below(tmp_path) == [target]
    assert target.read_bytes() == BYTES


# ------------------------------------------------------------ names


def nobody(_):
    return False


def test_the_first_free_name_is_taken(tmp_path):
    promised = {tmp_path / "RE1~4.pdf"}
    assert free_target(tmp_path, "RE1.pdf", nobody) == tmp_path / "RE1.pdf"

    for name in ("RE1.pdf", "RE1~2.pdf.receipt.json"):
        (tmp_path / name).touch()
    (tmp_path / "RE1~3.pdf").symlink_to("/nowhere")

    assert free_target(tmp_path, "RE1.pdf", promised.__contains__) == tmp_path / "RE1~5.pdf"


def test_a_folder_that_does_not_exist_yet_has_every_name_free(tmp_path):
    assert free_target(tmp_path / "2026" / "10", "RE1.pdf", nobody) == tmp_path / "2026" / "10" / "RE1.pdf"


@pytest.mark.parametrize(
    "name",
    ["x" * 251 + ".pdf", "ü" * 125 + ".pdf", "x." + "y" * 253, os.fsdecode(b"\xe4" * 251 + b".pdf")],
    ids=["ASCII", "two bytes a letter", "endless extension", "not UTF-8"],
)
def test_a_long_name_is_cut_so_that_its_sidecars_fit_too(tmp_path, name):
    for _ in range(3):
        target = free_target(tmp_path, name, nobody)
        target.touch()
        target.with_name(target.name + ".receipt.json").touch()
        assert name.endswith(target.suffix) or len(name.rpartition(".")[2]) > 16

    assert len(files_below(tmp_path)) == 6


@pytest.mark.parametrize(
    ("name", "second"),
    [("README", "README~2"), (".pdf", ".pdf~2"), ("a.tar.gz", "a.tar~2.gz"), ("1. Mahnung.pdf", "1. Mahnung~2.pdf")],
)
def test_the_number_stands_before_the_extension(tmp_path, name, second):
    (tmp_path / name).touch()

    assert free_target(tmp_path, name, nobody).name == second


# ------------------------------------------------------------ receipts

RECEIPT_VALUE = Receipt(
    document_id=17,
    account="acme",
    sha256=SHA256,
    size=len(BYTES),
    path="Mahnungen/Mahnung1 Müller_RE12345.pdf",
    filename="Mahnung1 Müller_RE12345.pdf",
    invoice_reference="RE12345",
    kind=Kind.DUNNING1,
    label="Mahnung1 RE12345",
    rule="kind then number",
    generation=2,
    references=References("_12345", "_67890", "_1234", ReferencesFrom.READBACK),
    first_seen_at=datetime(2026, 10, 1, 8, 0, 0, 250_000, tzinfo=UTC),
    imported_at=datetime(2026, 10, 1, 10, 0, 5, tzinfo=timezone(timedelta(hours=2))),
)


@pytest.mark.parametrize(
    "receipt",
    [
        RECEIPT_VALUE,
        replace(RECEIPT_VALUE, rule=None, label=""),
        replace(RECEIPT_VALUE, path=os.fsdecode(b"latin-\xe4/a\nb.pdf")),
    ],
    ids=["whole", "with gaps", "with a hostile path"],
)
def test_a_receipt_comes_back_as_it_was_written(tmp_path, receipt):
    path = write_receipt(tmp_path / "2026" / "RE1.pdf", receipt)

    assert path == tmp_path / "2026" / "RE1.pdf.receipt.json"
    assert read_receipt(path) == receipt
    assert path.stat().st_mode & 0o777 == 0o640
    content = path.read_bytes()
    pretty = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    assert content == f"{pretty}\n".encode("utf-8", "backslashreplace")


def test_a_receipt_reads_well_without_any_of_our_programs(tmp_path):
    text = write_receipt(tmp_path / "RE1.pdf", RECEIPT_VALUE).read_text(encoding="utf-8")

    fields = json.loads(text)
    assert "Müller" in text
    assert text.count("\n") == len(fields) + 2
    assert fields["communication_reference"] == "_12345"
    assert fields["references_from"] == "readback"
    assert (fields["first_seen_at"], fields["imported_at"]) == ("2026-10-01T08:00:00.250000Z", "2026-10-01T08:00:05Z")


def test_a_receipt_can_be_written_again(tmp_path):
    write_receipt(tmp_path / "RE1.pdf", RECEIPT_VALUE)
    path = write_receipt(tmp_path / "RE1.pdf", replace(RECEIPT_VALUE, generation=3))

    assert read_receipt(path).generation == 3
    assert files_below(tmp_path) == [path]


def without_size(text):
    return re.sub(r'  "size": \d+,\n', "", text)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("RE12345", "RE12346"),
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: "{}",
        lambda text: re.sub('"receipt_sha256": "[^"]*"', '"receipt_sha256": null', text),
        without_size,
    ],
    ids=["changed", "cut", "empty", "a list", "no fields", "no seal", "a field missing"],
)
def test_a_damaged_receipt_is_told(tmp_path, damage):
    path = write_receipt(tmp_path / "RE1.pdf", RECEIPT_VALUE)
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")

    with pytest.raises(ReceiptDamaged, match=r"RE1\.pdf\.receipt\.json: cannot use the receipt: .*; restore it"):
        read_receipt(path)


def test_a_receipt_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ArchiveError, match="No such file"):
        read_receipt(tmp_path / "RE1.pdf.receipt.json")


def test_a_time_without_a_zone_never_gets_into_a_receipt(tmp_path):
    naive = RECEIPT_VALUE.imported_at.replace(tzinfo=None)

    with pytest.raises(ValueError, match="has no time zone"):
        write_receipt(tmp_path / "RE1.pdf", replace(RECEIPT_VALUE, imported_at=naive))

    assert files_below(tmp_path) == []


# ------------------------------------------------------------ reasons


def test_the_reason_lies_beside_the_file_and_goes_with_it(tmp_path):
    refused = document(id=17, state=State.REJECTED, reason=Reason("no_rule", "No rule matches."))

    path = write_reason(tmp_path / "rejected" / "RE1.pdf", refused)

    assert path == tmp_path / "rejected" / "RE1.pdf.reason.txt"
    assert "importer retry D17" in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o640

    remove_sidecars(tmp_path / "rejected" / "RE1.pdf")
    remove_sidecars(tmp_path / "rejected" / "RE1.pdf")
    assert files_below(tmp_path) == []


def test_a_receipt_is_never_removed(tmp_path):
    path = write_receipt(tmp_path / "RE1.pdf", RECEIPT_VALUE)

    remove_sidecars(tmp_path / "RE1.pdf")

    assert path.exists()


def test_a_document_without_a_reason_has_nothing_to_write_down(tmp_path):
    with pytest.raises(ValueError, match="D1 has no reason"):
        write_reason(tmp_path / "RE1.pdf", document())


def test_an_error_about_a_hostile_name_stays_on_one_line(tmp_path):
    with pytest.raises(FileGone) as told:
        move(tmp_path / os.fsdecode(b"a\nb\xe4.pdf"), tmp_path / "c.pdf", content=None, sha256=SHA256)

    assert r"a\nb\udce4.pdf: cannot archive it" in str(told.value)


# ------------------------------------------------------------ many waits in one


@pytest.fixture
def asked(monkeypatch):
    """The descriptors that the system was asked about one by one."""
    descriptors, fsync = [], os.fsync

    def counted(descriptor):
        descriptors.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    return descriptors


@contextmanager
def files_open(folder, count):
    with ExitStack() as stack:
        paths = [folder / str(number) for number in range(count)]
        yield [Open(stack.enter_context(path.open("wb")).fileno(), path) for path in paths]


def test_a_document_and_its_folder_are_waited_for_one_by_one_and_many_together(tmp_path, asked):
    with files_open(tmp_path, 20) as files:
        sync_all(files[:2])
        assert asked == [file.descriptor for file in files[:2]]
        sync_all(files)
        assert len(asked) == (2 if can_sync_whole(tmp_path.stat().st_dev) else 22)


def test_a_folder_into_which_many_files_go_is_waited_for_once(tmp_path, asked):
    folders = [os.open(tmp_path, os.O_RDONLY) for _ in range(20)]
    sync_all([Open(folder, tmp_path) for folder in folders])
    assert len(asked) == 1
    for folder in folders:
        os.close(folder)


def test_where_nobody_can_say_it_of_all_each_is_waited_for(asked):
    # A pipe's device is no file system of ours.
    pipes = [os.pipe() for _ in range(5)]
    assert not can_sync_whole(os.fstat(pipes[0][0]).st_dev)
    with pytest.raises(NotDurable, match="cannot bring it safely to disk"):
        sync_all([Open(end, Path("pipe")) for end, _ in pipes])
    assert len(asked) == 1, "and the first no ends it"
    for end in (end for pipe in pipes for end in pipe):
        os.close(end)


def test_the_system_cannot_say_it_of_what_is_not_open(tmp_path):
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync_whole(-1)
