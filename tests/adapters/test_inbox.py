"""The scan finds what is complete; the watcher says when to scan. Real folders, real events."""

import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path, PurePosixPath

import pytest

from importer.adapters.inbox import Scanner, Watcher, choose_mode, elsewhere
from importer.adapters.inbox.mounts import find_type, is_silent
from importer.core.naming import DoneFile, IgnoredNames

SETTLE = 2.0
IGNORE = ["Thumbs.db", ".*", "~$*", "*.part", "*.tmp", "@eaDir", "*.reason.txt", "*.receipt.json"]


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def scanner(inbox, **options):
    return Scanner(inbox, **{"settle": SETTLE, "ignore": IGNORE} | options)


def put(path, content=b"%PDF"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(scan):
    return [file.relative for file in scan.settled]


def settled(scanning, start=0.0):
    scanning.scan(start)
    return scanning.scan(start + SETTLE)


def codes(scan):
    return [problem.code for problem in scan.problems]


# ------------------------------------------------------------ complete or not


def test_a_file_is_handed_out_once_it_has_looked_the_same_for_the_settle_time(inbox):
    file = put(inbox / "RE1.pdf")
    scanning = scanner(inbox)

    first, early, late, later = (scanning.scan(now) for now in (0.0, 1.5, 2.0, 9.0))

    assert (found(first), first.next_look) == ([], 2.0)
    assert (found(early), early.next_look) == ([], 0.5)
    assert [(f.path, f.relative, f.root) for f in late.settled] == [(file, "RE1.pdf", inbox)]
    assert late.settled[0].signature.size == 4
    assert (found(later), later.next_look) == ([], None)


def test_a_file_that_still_grows_is_waited_for(inbox):
    file = put(inbox / "RE1.pdf")
    scanning = scanner(inbox)
    scanning.scan(0.0)

    file.write_bytes(b"%PDF, and more")

    assert found(scanning.scan(2.0)) == []
    assert found(scanning.scan(4.0)) == ["RE1.pdf"]


def test_a_file_that_changes_after_it_was_handed_out_is_handed_out_again(inbox):
    file = put(inbox / "RE1.pdf")
    scanning = scanner(inbox)
    settled(scanning)

    file.write_bytes(b"something else")

    assert found(scanning.scan(10.0)) == []
    assert found(scanning.scan(12.0)) == ["RE1.pdf"]


def test_a_forgotten_file_settles_and_is_handed_out_again(inbox):
    file = put(inbox / "RE1.pdf")
    scanning = scanner(inbox)
    settled(scanning)

    scanning.forget(file)

    assert found(settled(scanning, 10.0)) == ["RE1.pdf"]


def test_a_file_that_goes_and_comes_back_is_a_new_one(inbox, tmp_path):
    file = put(inbox / "RE1.pdf")
    scanning = scanner(inbox)
    settled(scanning)

    file.rename(tmp_path / "aside")
    scanning.scan(10.0)
    (tmp_path / "aside").rename(file)

    assert found(settled(scanning, 20.0)) == ["RE1.pdf"]


def test_an_empty_file_is_handed_out_only_after_five_times_the_settle_time(inbox):
    put(inbox / "RE1.pdf", b"")
    scanning = scanner(inbox)

    assert scanning.scan(0.0).next_look == 10.0
    assert found(scanning.scan(9.0)) == []
    assert found(scanning.scan(10.0)) == ["RE1.pdf"]


def test_the_next_look_is_for_the_file_that_settles_first(inbox):
    put(inbox / "RE1.pdf")
    scanning = scanner(inbox)
    scanning.scan(0.0)
    put(inbox / "RE2.pdf")

    assert scanning.scan(1.5).next_look == 0.5


@pytest.mark.parametrize(
    ("template", "marker"),
    [("{name}.done", "RE1.pdf.done"), ("{stem}.done", "RE1.done"), (".ok", "RE1.pdf.ok"), ("go_{name}", "go_RE1.pdf")],
)
def test_with_a_done_file_a_file_counts_once_its_marker_lies_beside_it(inbox, template, marker):
    put(inbox / "RE1.pdf")
    scanning = scanner(inbox, done_file=template)
    waiting = settled(scanning)

    put(inbox / marker, b"")

    assert (found(waiting), waiting.next_look) == ([], None)
    assert found(scanning.scan(10.0)) == ["RE1.pdf"]
    assert scanning.scan(100.0).settled == []


def test_a_name_that_only_is_the_ending_is_no_marker():
    assert not DoneFile.parse(".done").is_marker(".done")
    assert DoneFile.parse("") is None


# ------------------------------------------------------------ which files


def test_what_is_to_be_ignored_is_matched_on_every_part_of_the_path_whatever_its_case(inbox):
    names = ["THUMBS.DB", ".hidden.pdf", "~$RE1.pdf", "a.PDF.Part", "@eadir/RE1.pdf", "x/.trash/RE1.pdf"]
    for name in [*names, "RE1.pdf.reason.txt", "RE1.pdf.receipt.json", ".importer-abc", "x/RE2.pdf"]:
        put(inbox / name)

    assert found(settled(scanner(inbox))) == ["x/RE2.pdf"]


def test_our_own_unfinished_files_are_ignored_whatever_the_settings_say(inbox):
    put(inbox / ".importer-0123")
    put(inbox / ".seen")

    assert found(settled(scanner(inbox, ignore=[]))) == [".seen"]


def test_an_ignored_name_matches_in_either_composition():
    assert unicodedata.normalize("NFD", "Entwürfe") in IgnoredNames([unicodedata.normalize("NFC", "entwürfe")])
    assert "Entwuerfe" not in IgnoredNames(["entwürfe"])


def test_folders_inside_are_looked_into_only_when_asked_to(inbox):
    put(inbox / "RE1.pdf")
    put(inbox / "Mahnungen" / "2026" / "RE2.pdf")

    assert sorted(found(settled(scanner(inbox)))) == ["Mahnungen/2026/RE2.pdf", "RE1.pdf"]
    assert found(settled(scanner(inbox, recursive=False))) == ["RE1.pdf"]


def test_excluded_folders_are_left_alone(inbox):
    put(inbox / "RE1.pdf")
    put(inbox / "archive" / "RE2.pdf")

    assert found(settled(scanner(inbox, exclude=[inbox / "archive"]))) == ["RE1.pdf"]


@pytest.mark.parametrize(
    "name",
    [b"a\nb.pdf", b"latin-\xe4.pdf", b"x" * 251 + b".pdf", b" .pdf", b"-rf.pdf"],
    ids=["newline", "not UTF-8", "255 bytes", "blank", "option"],
)
def test_hostile_names_travel_byte_for_byte(inbox, name):
    put(inbox / os.fsdecode(name))

    (file,) = settled(scanner(inbox)).settled

    assert os.fsencode(file.relative) == name
    assert file.path.read_bytes() == b"%PDF"


def test_two_forms_of_one_name_are_two_files(inbox):
    for form in ("NFC", "NFD"):
        put(inbox / unicodedata.normalize(form, "Müller.pdf"), form.encode())

    files = settled(scanner(inbox)).settled

    assert sorted(file.path.read_bytes() for file in files) == [b"NFC", b"NFD"]


def test_a_symbolic_link_is_never_followed_and_told_once(inbox, tmp_path):
    outside = put(tmp_path / "outside" / "secret.pdf")
    (inbox / "file.pdf").symlink_to(outside)
    (inbox / "folder").symlink_to(outside.parent)
    (inbox / ".ignored").symlink_to(outside)
    scanning = scanner(inbox)

    first, second = scanning.scan(0.0), scanning.scan(SETTLE)

    assert [(p.code, p.path.name) for p in first.problems] == [("symlink", "file.pdf"), ("symlink", "folder")]
    assert (second.problems, second.settled) == ([], [])


def test_pipes_and_sockets_are_never_opened_and_told_once(inbox):
    os.mkfifo(inbox / "pipe.pdf")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(inbox / "socket.pdf"))  # the system limits the length of this name
        scanning = scanner(inbox)

        assert codes(scanning.scan(0.0)) == ["special_file", "special_file"]
        assert codes(scanning.scan(1.0)) == []


# ------------------------------------------------------------ what cannot be seen


def test_an_inbox_that_is_gone_is_never_an_empty_one(inbox, tmp_path):
    put(inbox / "RE1.pdf")
    scanning = scanner(inbox)
    settled(scanning)

    inbox.rename(tmp_path / "unmounted")
    gone = [scanning.scan(10.0), scanning.scan(20.0)]
    (tmp_path / "unmounted").rename(inbox)
    back = scanning.scan(30.0)

    assert [codes(scan) for scan in gone] == [["inbox_missing"], ["inbox_missing"]]
    assert str(inbox) in gone[0].problems[0].message
    assert (found(back), codes(back)) == ([], []), "it was known all the time"


def test_an_inbox_that_is_suddenly_empty_on_another_device_is_not_mounted(tmp_path, other_file_system):
    full, empty, inbox = tmp_path / "full", other_file_system / "empty", tmp_path / "inbox"
    put(full / "RE1.pdf")
    empty.mkdir()
    inbox.symlink_to(full)
    scanning = scanner(inbox)
    settled(scanning)

    inbox.unlink()
    inbox.symlink_to(empty)
    unmounted = scanning.scan(10.0)
    put(empty / "RE2.pdf")

    assert codes(unmounted) == ["inbox_missing"]
    assert found(settled(scanning, 20.0)) == ["RE2.pdf"], "with files in it, it is an inbox"


def test_an_inbox_that_is_a_file_is_a_problem(tmp_path):
    assert codes(scanner(put(tmp_path / "inbox")).scan(0.0)) == ["inbox_missing"]


def test_files_in_a_folder_that_cannot_be_read_are_not_taken_for_vanished(inbox):
    put(inbox / "RE1.pdf")
    put(inbox / "locked" / "deep" / "RE2.pdf")
    told = without_privileges(inbox, READ_LOCKED)

    assert told.splitlines() == [
        "['RE1.pdf', 'locked/deep/RE2.pdf'] []",
        "[] ['folder_unreadable']",
        "[] []",
    ]


READ_LOCKED = """
import sys
from pathlib import Path
from importer.adapters.inbox import Scanner
inbox = Path(sys.argv[1])
scanning = Scanner(inbox, settle=0)
def show(now):
    scan = scanning.scan(now)
    print(sorted(f.relative for f in scan.settled), [p.code for p in scan.problems])
show(0.0)
(inbox / "locked").chmod(0)
show(1.0)
(inbox / "locked").chmod(0o700)
show(2.0)
"""


def can(*command):
    """Whether this machine lets us do that."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def without_privileges(folder, program):
    """Runs a program that permissions stop; root passes them all, unless it gives its capabilities away."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if drop and not can(*drop, "true"):
        pytest.skip("this test runs as root, and there is no setpriv to give its capabilities away")
    done = subprocess.run([*drop, sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def other_file_system(tmp_path):
    """A folder on another device than `tmp_path`."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    folder = shared / f"importer-inbox-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


# ------------------------------------------------------------ named paths


def test_named_files_and_trees_go_through_the_same_door(inbox, tmp_path):
    put(inbox / "Mahnungen" / "RE1.pdf")
    put(inbox / "RE2.pdf")
    tree = put(tmp_path / "old" / ".2025" / "sub" / "RE3.pdf").parents[1]
    single = put(tmp_path / "elsewhere" / "RE4.pdf")
    ignored = put(tmp_path / "elsewhere" / "Thumbs.db")
    paths = [inbox / "Mahnungen", tree, single, single, ignored]

    files = settled(scanner(inbox, paths=paths)).settled

    assert sorted((file.relative, file.root) for file in files) == [
        ("Mahnungen/RE1.pdf", inbox),
        ("RE4.pdf", single.parent),
        ("sub/RE3.pdf", tree),
    ]


def test_a_named_path_that_does_not_exist_is_a_problem(inbox, tmp_path):
    scan = scanner(inbox, paths=[tmp_path / "nowhere.pdf"]).scan(0.0)

    assert codes(scan) == ["path_missing"]
    assert "nowhere.pdf" in scan.problems[0].message


def test_a_named_symbolic_link_is_not_followed(inbox, tmp_path):
    link = tmp_path / "link.pdf"
    link.symlink_to(put(tmp_path / "real.pdf"))

    scan = scanner(inbox, paths=[link]).scan(0.0)

    assert (codes(scan), scan.settled) == (["symlink"], [])


def test_a_named_file_waits_for_its_done_file_too(inbox, tmp_path):
    file = put(tmp_path / "RE1.pdf")
    scanning = scanner(inbox, paths=[file], done_file="{stem}.done")
    waiting = settled(scanning)

    put(tmp_path / "RE1.done")

    assert found(waiting) == []
    assert found(scanning.scan(10.0)) == ["RE1.pdf"]


def test_many_threads_may_forget_while_a_scan_runs(inbox):
    files = [put(inbox / f"RE{number}.pdf") for number in range(200)]
    scanning = scanner(inbox, settle=0)
    stop = threading.Event()

    def forget():
        while not stop.is_set():
            for file in files:
                scanning.forget(file)

    forgetter = threading.Thread(target=forget)
    forgetter.start()
    counts = [len(scanning.scan(float(now)).settled) for now in range(20)]
    stop.set()
    forgetter.join()

    assert counts[0] == 200
    assert max(counts) == 200


# ------------------------------------------------------------ events


def closed_file(folder):
    put(folder / "RE1.pdf")


def moved_in(folder):
    put(folder.parent / "RE1.pdf").rename(folder / "RE1.pdf")


def renamed(folder):
    (folder / "known.part").rename(folder / "RE1.pdf")


def new_folder(folder):
    put(folder.parent / "tree" / "RE1.pdf").parent.rename(folder / "tree")


def rewritten(folder):
    (folder / "known.part").write_bytes(b"more")


@pytest.mark.parametrize("arrival", [closed_file, moved_in, renamed, new_folder, rewritten])
def test_whatever_can_complete_a_file_wakes(inbox, arrival):
    put(inbox / "known.part")
    woken = threading.Event()

    with Watcher(inbox, recursive=True, mode="events", changed=lambda _: woken.set()) as watcher:
        assert watcher.effective_mode == "events"
        arrival(inbox)
        assert woken.wait(30)


def test_elsewhere_than_on_linux_a_library_tells(inbox):
    told = set()
    woken = threading.Event()

    def changed(path):
        told.add(path)
        if path == str(inbox / "sub" / "RE1.pdf"):
            woken.set()

    (inbox / "sub").mkdir()
    events = elsewhere.Events(str(inbox), recursive=True, changed=changed)
    events.start()
    assert events.is_alive()
    put(inbox / "sub" / "RE1.pdf")
    assert woken.wait(30)
    events.stop()
    assert not events.is_alive()


def test_what_happens_in_folders_that_come_and_move_is_told(inbox):
    told = queue.SimpleQueue()
    with Watcher(inbox, recursive=True, mode="events", changed=told.put, renamed=lambda path: told.put((path,))) as it:
        (inbox / "new").mkdir()
        assert told.get(timeout=30) == str(inbox / "new")
        (inbox / "new").rename(inbox / "moved")
        assert told.get(timeout=30) == str(inbox / "moved")
        put(inbox.parent / "RE1.pdf").rename(inbox / "moved" / "RE1.pdf")
        assert told.get(timeout=30) == (str(inbox / "moved" / "RE1.pdf"),)
        (inbox / "moved" / "RE1.pdf").rename(inbox.parent / "RE1.pdf")  # as if it were put away
        (inbox / "moved").rename(inbox.parent / "away")
        put(inbox.parent / "away" / "RE2.pdf")
        put(inbox / "RE3.pdf")
        assert told.get(timeout=30) == str(inbox / "RE3.pdf"), "what has left is nobody's affair"
        assert it.effective_mode == "events"


def test_a_scan_does_not_wake_us_again(inbox):
    read = put(inbox / "sub" / "RE1.pdf")
    last = put(inbox.parent / "RE2.pdf")
    arrived, events = threading.Event(), []

    def changed(path):
        events.append(path)
        if path == str(inbox / last.name):
            arrived.set()

    with Watcher(inbox, recursive=True, mode="events", changed=changed):
        scanner(inbox).scan(0.0)
        read.read_bytes()
        last.rename(inbox / last.name)  # what reading had caused would come before this
        assert arrived.wait(30)

    assert set(events) == {str(inbox / last.name)}


def test_in_polling_mode_nothing_is_watched(inbox):
    before = set(threading.enumerate())

    with Watcher(inbox, recursive=True, mode="polling", changed=lambda _: None) as watcher:
        assert set(threading.enumerate()) == before

    assert watcher.effective_mode == "polling"


def test_after_its_context_a_watcher_has_left_nothing_running(inbox):
    before = set(threading.enumerate())

    with Watcher(inbox, recursive=True, mode="events", changed=lambda _: None):
        assert set(threading.enumerate()) > before

    assert set(threading.enumerate()) == before


def test_a_folder_that_is_missing_is_polled_until_it_comes(tmp_path):
    before = set(threading.enumerate())

    with Watcher(tmp_path / "missing", recursive=True, mode="events", changed=lambda _: None) as watcher:
        assert watcher.effective_mode == "polling"
        assert "No such file" in watcher.why

    assert set(threading.enumerate()) == before


WATCH = """
import os, resource, sys
from pathlib import Path
from importer.adapters.inbox import Watcher
{before}
with Watcher(Path(sys.argv[1]), recursive=True, mode="auto", changed=lambda _: None) as watcher:
    print(watcher.effective_mode, watcher.why)
"""


def test_without_a_free_descriptor_it_polls_and_names_the_limit(inbox):
    program = WATCH.format(
        before="""
free = os.open("/", os.O_RDONLY)
os.close(free)
resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))
"""
    )

    done = subprocess.run([sys.executable, "-c", program, inbox], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("polling ")
    assert "fs.inotify.max_user_instances" in done.stdout


def test_without_a_free_watch_it_polls_and_names_the_sysctl(inbox):
    limited = 'echo 0 > /proc/sys/user/max_inotify_watches && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh"]
    if not can(*command, "true"):
        pytest.skip("no user namespace in which to lower the limit")

    done = subprocess.run(
        [*command, sys.executable, "-c", WATCH.format(before=""), inbox], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("polling ")
    assert "fs.inotify.max_user_watches" in done.stdout


def test_without_a_free_watch_for_a_new_folder_it_says_so_and_names_the_sysctl(inbox):
    limited = 'echo 2 > /proc/sys/user/max_inotify_watches && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh"]
    if not can(*command, "true"):
        pytest.skip("no user namespace in which to lower the limit")
    program = """
import sys, threading
from pathlib import Path
from importer.adapters.inbox import Watcher
inbox, seen = Path(sys.argv[1]), threading.Semaphore(0)
with Watcher(inbox, recursive=True, mode="auto", changed=lambda _: seen.release()) as watcher:
    for name in ("first", "second"):
        (inbox / name).mkdir()
        assert seen.acquire(timeout=30)
        print(watcher.effective_mode, watcher.why)
"""

    done = subprocess.run([*command, sys.executable, "-c", program, inbox], capture_output=True, text=True, check=True)

    first, second = done.stdout.splitlines()
    assert first.startswith("events ")
    assert second.startswith("polling ")
    assert "fs.inotify.max_user_watches" in second


# ------------------------------------------------------------ which file system

MOUNTINFO = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /srv rw,relatime shared:1 - xfs /dev/vdb rw
31 30 0:41 / /srv/scan\\040ner rw,relatime shared:2 master:3 - cifs //nas/scan rw
32 22 0:42 / /mnt rw - ext4 /dev/vdc rw
33 22 0:43 / /mnt rw - fuse.sshfs host:/ rw
"""


@pytest.mark.parametrize(
    ("path", "file_system", "silent"),
    [
        ("/home/x", "ext4", False),
        ("/srv/scan", "xfs", False),
        ("/srv/scan ner/inbox", "cifs", True),
        ("/mnt/inbox", "fuse.sshfs", True),
    ],
)
def test_the_innermost_and_latest_mount_gives_the_file_system(path, file_system, silent):
    assert find_type(PurePosixPath(path), MOUNTINFO) == file_system
    assert is_silent(file_system) is silent


def test_a_local_folder_is_watched_and_says_why(inbox):
    mode, why = choose_mode(inbox, "auto")

    assert mode == "events"
    assert str(inbox) in why


@pytest.mark.parametrize("mode", ["events", "polling"])
def test_a_mode_that_was_set_is_obeyed(inbox, mode):
    assert choose_mode(inbox, mode) == (mode, f'inbox.watch = "{mode}"')
