"""When a file counts as complete."""

import pytest
from hypothesis import given, strategies as st

from importer.core.settle import EMPTY_PATIENCE, Settled, Settling, Signature, Unsettled

SETTLE = 2.0
SMALL = Signature(size=10, mtime_ns=1, ctime_ns=1, inode=7, device=1)
EMPTY = Signature(size=0, mtime_ns=1, ctime_ns=1, inode=7, device=1)


def test_a_file_that_looks_the_same_for_the_settle_time_is_complete():
    first = Settling(SMALL, since=100.0)

    again = first.seen(SMALL, now=102.0)

    assert again.verdict(102.0, SETTLE) == Settled()


def test_before_that_the_verdict_says_how_long_to_sleep():
    assert Settling(SMALL, since=100.0).verdict(100.5, SETTLE) == Unsettled(1.5)


@pytest.mark.parametrize(
    "changed",
    [
        Signature(11, 1, 1, 7, 1),
        Signature(10, 2, 1, 7, 1),
        Signature(10, 1, 2, 7, 1),
        Signature(10, 1, 1, 8, 1),
        Signature(10, 1, 1, 7, 2),
    ],
    ids=["size", "mtime", "ctime", "inode", "device"],
)
def test_any_change_begins_the_wait_anew(changed):
    settling = Settling(SMALL, since=100.0).seen(changed, now=101.9)

    assert settling.verdict(102.5, SETTLE) == Unsettled(pytest.approx(1.4))
    assert settling.verdict(103.9, SETTLE) == Settled()


def test_an_empty_file_is_waited_for_five_times_as_long_and_then_settles_as_empty():
    empty = Settling(EMPTY, since=0.0)

    assert empty.verdict(SETTLE, SETTLE) == Unsettled(SETTLE * (EMPTY_PATIENCE - 1))
    assert empty.verdict(SETTLE * EMPTY_PATIENCE, SETTLE) == Settled()


def test_an_empty_file_that_gets_content_waits_only_as_long_as_any_other():
    filled = Settling(EMPTY, since=0.0).seen(SMALL, now=9.0)

    assert filled.verdict(9.0 + SETTLE, SETTLE) == Settled()


def test_without_its_done_file_no_wait_helps():
    assert Settling(SMALL, since=0.0).verdict(1000.0, SETTLE, released=False) == Unsettled(None)


def test_with_its_done_file_a_file_that_still_changes_is_not_complete():
    settling = Settling(SMALL, since=0.0).seen(Signature(20, 2, 2, 7, 1), now=10.0)

    assert settling.verdict(10.0, SETTLE, released=True) == Unsettled(SETTLE)


def test_with_a_settle_time_of_zero_the_first_look_suffices_even_for_an_empty_file():
    assert Settling(SMALL, since=5.0).verdict(5.0, 0) == Settled()
    assert Settling(EMPTY, since=5.0).verdict(5.0, 0) == Settled()


@given(
    since=st.floats(0, 1e7),
    passed=st.floats(0, 10),
    settle=st.floats(0, 100),
    size=st.sampled_from([0, 1]),
)
def test_who_sleeps_exactly_as_long_as_told_finds_the_file_settled(since, passed, settle, size):
    settling = Settling(Signature(size, 1, 1, 1, 1), since)
    now = since + passed

    verdict = settling.verdict(now, settle)

    if isinstance(verdict, Unsettled):
        assert verdict.seconds > 0
        assert settling.verdict(now + verdict.seconds, settle) == Settled()


def test_a_signature_is_taken_from_what_the_system_says(tmp_path):
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF")
    status = file.lstat()

    signature = Signature.of(status)

    assert signature == Signature(4, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
