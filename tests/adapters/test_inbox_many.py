"""Many files: a backlog in portions, fresh files first, and looks at single files instead of at everything."""

import os
import tracemalloc

import pytest

from importer.adapters.inbox import Scanner, Watcher
from importer.adapters.inbox.known import Records
from importer.adapters.inbox.look import FRESH
from importer.adapters.inbox.scanner import HINTS

SETTLE = 2.0


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def fill(folder, count, first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        os.close(os.open(folder / f"RE{number:06}.pdf", os.O_CREAT | os.O_WRONLY))


def drop(path, content=b"%PDF"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(scan):
    return sorted(file.relative for file in scan.settled)


def all_of(scanner, now, limit=500):
    """Every portion that can be had now, after one look at everything."""
    portions = [scanner.scan(now, limit)]
    while portions[-1].more:
        portions.append(scanner.gather(now, limit))
    return portions


def look(scanner, now):
    scanner.begin()
    while scanner.go_on(now):
        pass


def test_a_backlog_is_handed_out_in_portions_and_each_file_once(inbox):
    for folder in range(4):
        fill(inbox / str(folder), 1000, 1000 * folder)
    scanner = Scanner(inbox, settle=0)

    portions = all_of(scanner, 0.0)

    assert all(len(scan.settled) - scan.fresh <= 500 for scan in portions)
    assert portions[0].fresh == FRESH
    handed = [file.relative for scan in portions for file in scan.settled]
    assert len(handed) == len(set(handed)) == 4000
    assert scanner.scan(1.0).settled == []
    assert scanner.waiting == 0


def test_a_backlog_settles_like_everything_else(inbox):
    fill(inbox, FRESH + 500)
    for file in inbox.iterdir():
        os.truncate(file, 1)
    scanner = Scanner(inbox, settle=SETTLE)

    first, early = scanner.scan(0.0), scanner.scan(1.5)
    handed = [file for scan in all_of(scanner, 2.0) for file in scan.settled]

    assert (first.settled, first.next_look, early.settled, early.next_look) == ([], 2.0, [], 0.5)
    assert len(handed) == FRESH + 500


def test_a_file_of_the_backlog_that_changes_begins_anew(inbox):
    fill(inbox, FRESH + 500)
    scanner = Scanner(inbox, settle=SETTLE)
    scanner.scan(0.0)
    for file in inbox.iterdir():
        file.write_bytes(b"%PDF")

    assert [file for scan in all_of(scanner, 10.0) for file in scan.settled] == []
    assert sum(len(scan.settled) for scan in all_of(scanner, 12.0)) == FRESH + 500


def test_what_vanishes_from_a_backlog_is_passed_over(inbox):
    fill(inbox, FRESH + 500)
    scanner = Scanner(inbox, settle=0)
    look(scanner, 0.0)
    for file in list(inbox.iterdir())[::2]:
        file.unlink()

    handed = []
    while (scan := scanner.gather(1.0)).settled:
        handed += scan.settled

    assert {file.path for file in handed} == set(inbox.iterdir())


def test_a_hint_brings_a_new_file_before_the_backlog_without_a_look_at_everything(inbox):
    fill(inbox / "old", FRESH + 2000)
    scanner = Scanner(inbox, settle=0)
    scanner.scan(0.0, limit=10)
    fresh = drop(inbox / "RE1.pdf")
    drop(inbox / "RE2.pdf")  # nobody tells of this one

    scanner.hint(str(fresh))
    scan = scanner.gather(1.0, limit=10)

    assert scan.settled[0].path == fresh
    assert (scan.fresh, len(scan.settled), scan.more) == (1, 11, True)


def test_a_hinted_file_settles_as_long_as_any(inbox):
    scanner = Scanner(inbox, settle=SETTLE)
    scanner.scan(0.0)
    file = drop(inbox / "RE1.pdf")
    scanner.hint(str(file))

    first = scanner.gather(1.0)
    file.write_bytes(b"%PDF, and more")
    grown, late = scanner.gather(3.0), scanner.gather(5.0)

    assert (names(first), first.next_look) == ([], 2.0)
    assert (names(grown), grown.next_look) == ([], 2.0)
    assert names(late) == ["RE1.pdf"]


def test_a_hint_of_a_folder_is_a_look_into_it(inbox):
    scanner = Scanner(inbox, settle=0)
    scanner.scan(0.0)
    file = drop(inbox / "new" / "deep" / "RE1.pdf")

    scanner.hint(str(file.parent.parent))
    assert scanner.gather(1.0).settled == []
    assert scanner.is_looking
    while scanner.go_on(1.0):
        pass

    assert names(scanner.gather(1.0)) == ["new/deep/RE1.pdf"]


def test_hints_of_what_does_not_count_are_passed_over(inbox, tmp_path):
    outside = drop(tmp_path / "outside" / "RE1.pdf")
    scanner = Scanner(inbox, settle=0, ignore=["*.part"])
    drop(inbox / "real" / "RE0.pdf")
    scanner.scan(0.0)
    drop(inbox / "RE2.part")
    (inbox / "RE3.pdf").symlink_to(outside)
    (inbox / "real").rename(tmp_path / "real")
    (inbox / "real").symlink_to(outside.parent)

    for name in ("RE2.part", "RE3.pdf", "real/RE1.pdf", "gone.pdf"):
        scanner.hint(str(inbox / name))
    scanner.hint(str(outside))

    assert scanner.gather(1.0).settled == []


def test_more_hints_than_it_can_hold_ask_for_a_look_at_everything(inbox):
    scanner = Scanner(inbox, settle=0)
    scanner.scan(0.0)
    assert not scanner.has_lost_track

    fill(inbox, HINTS + 1)
    for file in inbox.iterdir():
        scanner.hint(str(file))

    assert scanner.has_lost_track
    assert sum(len(scan.settled) for scan in all_of(scanner, 1.0)) == HINTS + 1
    assert not scanner.has_lost_track


def test_of_more_hints_than_it_can_hold_the_latest_are_looked_at_first(inbox):
    scanner = Scanner(inbox, settle=0)
    scanner.scan(0.0)
    fill(inbox, HINTS + 10)
    for number in range(HINTS + 10):
        scanner.hint(str(inbox / f"RE{number:06}.pdf"))
    last = drop(inbox / "new" / "deep" / "RE1.pdf")  # a folder that nobody has looked into yet
    scanner.hint(str(last.parent))
    scanner.hint(str(last))

    first, second = scanner.gather(1.0, 0, fresh_limit=3), scanner.gather(1.0, 0, fresh_limit=2)

    latest = [f"RE{number:06}.pdf" for number in range(HINTS + 9, HINTS + 5, -1)]
    assert [file.relative for file in first.settled + second.settled] == ["new/deep/RE1.pdf", *latest]
    assert first.more_fresh
    handed = [file for scan in all_of(scanner, 1.0) for file in scan.settled]
    assert len(handed) == HINTS + 6, "none is forgotten, and none handed out twice"


def test_what_a_first_look_has_not_come_to_yet_is_handed_out_at_a_hint_and_once(inbox):
    fill(inbox, 3000)
    last = [entry.name for entry in os.scandir(inbox)][-1]
    scanner = Scanner(inbox, settle=0)
    scanner.begin()
    scanner.go_on(1.0)
    scanner.hint(str(inbox / last))

    scan = scanner.gather(1.0, limit=10)
    while scanner.go_on(1.0):
        pass
    rest = [scanner.gather(1.0) for _ in range(3)]

    assert scan.settled[0].relative == last
    assert (scan.fresh, len(scan.settled), scan.more) == (1, 11, True)
    handed = [file.relative for each in (scan, *rest) for file in each.settled]
    assert len(handed) == len(set(handed)) == 3000


@pytest.mark.parametrize("limit", [10, 2700, 3700])
def test_a_backlog_is_handed_out_beside_a_look_but_for_the_folder_that_it_is_in(inbox, limit):
    for folder in "ab":
        fill(inbox / folder, 4500)
    scanner = Scanner(inbox, settle=0)
    handed = scanner.scan(0.0, limit).settled
    for folder in "ab":  # in the middle of what waits: the look writes down anew what is known of the folder
        listed = [entry.name for entry in os.scandir(inbox / folder)]
        for name in (listed[1300], listed[3500]):
            (inbox / folder / name).unlink()
    scanner.begin()
    during = []

    while scanner.go_on(1.0):
        during += scanner.gather(1.0, limit=300).settled
    rest = [scanner.gather(1.0) for _ in range(10)]

    assert during
    handed += during + [file for scan in rest for file in scan.settled]
    assert len(handed) == len({file.path for file in handed}) >= 2 * 4498


def test_a_new_folder_stays_known_through_a_look_that_has_not_come_to_it(inbox):
    for folder in range(3):
        fill(inbox / str(folder), 1)
    scanner = Scanner(inbox, settle=0)
    all_of(scanner, 0.0)
    scanner.begin()
    scanner.go_on(1.0)  # the inbox itself was listed
    fresh = drop(inbox / "new" / "RE1.pdf")
    scanner.hint(str(fresh))

    during = scanner.gather(1.0)
    while scanner.go_on(1.0):
        pass

    assert names(during) == ["new/RE1.pdf"]
    assert names(scanner.gather(1.0)) == names(scanner.scan(2.0)) == []


def test_what_is_known_takes_sixteen_bytes_a_file(inbox):
    for folder in range(10):
        fill(inbox / str(folder), 1000, 1000 * folder)
    scanner = Scanner(inbox, settle=0)
    tracemalloc.start()
    all_of(scanner, 0.0, limit=100)
    # Python's own table of interned names grows when it likes.
    ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/adapters/inbox/*")])
    tracemalloc.stop()

    assert sum(found.size for found in ours.statistics("filename")) < 10_000 * 32


def test_all_that_lies_there_is_told_and_nothing_remembered(inbox):
    fill(inbox, FRESH + 500)
    scanner = Scanner(inbox, settle=SETTLE)

    assert len(list(scanner.files())) == len(list(scanner.files())) == FRESH + 500
    assert scanner.waiting == 0


def test_records_are_found_wherever_they_are():
    records = Records()
    marks = [hash((number, "x")) for number in range(5000)]
    for mark in marks:
        records.append(mark, 0.0)

    assert [records.find(mark) for mark in marks] == list(range(5000))
    assert [records.find(mark, near) for near, mark in enumerate(marks)] == list(range(5000))
    assert records.find(hash("another")) == -1
    records.append(hash("another"), 0.0)
    assert records.find(hash("another")) == 5000
    for number in range(50_000):
        records.append(hash((number, "y")), 0.0)
    assert records.find(hash((49_999, "y"))) == 55_000


def test_an_inbox_that_goes_and_comes_back_is_watched_again(inbox, tmp_path):
    told = []
    with Watcher(inbox, recursive=True, mode="events", changed=told.append) as watcher:
        inbox.rename(tmp_path / "aside")
        watcher.keep_watching()  # nothing can be done yet
        inbox.mkdir()
        told.clear()
        watcher.keep_watching()
        assert None in told, "what came meanwhile is to be looked for"
        drop(inbox / "RE1.pdf")
        wait_until(lambda: str(inbox / "RE1.pdf") in told)


def test_an_inbox_that_is_made_anew_at_once_is_watched_again(inbox):
    told = []
    with Watcher(inbox, recursive=True, mode="events", changed=told.append) as watcher:
        inbox.rmdir()
        inbox.mkdir()  # as a rule the system gives it the same inode
        wait_until(lambda: watcher.keep_watching() or None in told)
        drop(inbox / "RE1.pdf")
        wait_until(lambda: str(inbox / "RE1.pdf") in told)


def test_a_burst_is_told_whole(inbox):
    told = set()
    with Watcher(inbox, recursive=True, mode="events", changed=told.add):
        fill(inbox, 5000)
        wait_until(lambda: None in told or len(told) >= 5000)


def wait_until(is_so, tries=3000):
    import time

    for _ in range(tries):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


@pytest.mark.parametrize("is_known", [True, False])
def test_news_of_a_new_folder_that_there_is_no_room_for_is_found_by_the_look_into_it(inbox, is_known):
    scanner = Scanner(inbox, settle=0)
    if is_known:
        scanner.scan(0.0)
    else:
        scanner.begin()
    fill(inbox / "new", 4000)
    for number in range(4000):
        scanner.hint(str(inbox / "new" / f"RE{number:06}.pdf"))
    scanner.hint(str(inbox / "new"))

    handed = scanner.gather(1.0, limit=0, fresh_limit=0).settled
    while scanner.go_on(1.0):
        handed += scanner.gather(1.0, fresh_limit=FRESH).settled
    while portion := scanner.gather(1.0).settled:
        handed += portion

    assert len(handed) == len({file.path for file in handed}) == 4000
    assert scanner.waiting == 0


def test_a_fresh_file_that_went_with_the_backlog_for_want_of_room_is_not_handed_out_again(inbox):
    fill(inbox, FRESH)
    scanner = Scanner(inbox, settle=0)
    look(scanner, 0.0)

    handed = scanner.gather(0.0, fresh_limit=10).settled
    handed += scanner.gather(0.1).settled

    assert len(handed) == len({file.path for file in handed}) == FRESH
