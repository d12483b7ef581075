"""Whether what was begun gets on."""

import threading
from contextlib import contextmanager

import pytest

from importer.heartbeat import pause_between
from importer.progress import Patience, Progress

PATIENCE = Patience(alone=60, in_turn=600)


def test_where_nothing_has_begun_nothing_is_stuck():
    assert Progress(lambda: 1e9).stuck(PATIENCE) is None


class Hanging:
    """A thread that has begun with something, and stays at it until the end of the context."""

    def __init__(self, do):
        self._begun, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=do, args=(self.upload,))

    def upload(self):
        self._begun.set()
        self._end.wait(60)

    def __enter__(self):
        self._thread.start()
        assert self._begun.wait(60)

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()


@contextmanager
def under_way(progress):
    undertaking = progress.begin("take")
    yield
    progress.end(undertaking)


def test_a_document_is_stuck_when_none_has_been_done_for_too_long():
    now = [0.0]
    progress = Progress(lambda: now[0])
    with under_way(progress):
        now[0] = 60.0
        assert progress.stuck(PATIENCE) is None
        now[0] = 60.1
        assert progress.stuck(PATIENCE).what == "take"
    assert progress.stuck(PATIENCE) is None


def test_a_document_may_wait_while_others_are_done_but_not_for_ever():
    now = [0.0]
    progress = Progress(lambda: now[0])
    with under_way(progress):
        now[0] = 600.0
        progress.end(progress.begin("resume"))
        assert progress.stuck(PATIENCE) is None
        now[0] = 600.1
        assert progress.stuck(PATIENCE).what == "take"
    assert progress.done == 2


def test_documents_that_are_done_do_not_hide_a_loop_that_is_stuck():
    now = [0.0]
    progress = Progress(lambda: now[0])
    with Hanging(progress.watched):
        now[0] = 60.1
        progress.end(progress.begin("take"))
        assert progress.stuck(PATIENCE).what == "upload"


def test_a_turn_of_the_loop_is_watched_and_is_no_work():
    progress = Progress(lambda: 0.0)
    assert progress.watched(lambda: 7) == 7
    assert progress.done == 0


def test_a_failure_ends_it_too():
    progress = Progress(lambda: 0.0)
    with pytest.raises(ZeroDivisionError):
        progress.watched(lambda: 1 / 0)
    assert progress.stuck(Patience(alone=-1, in_turn=-1)) is None


def test_the_pause_is_half_of_what_the_watchdog_waits_for_at_most():
    assert pause_between(15.0, None) == 15
    assert pause_between(15.0, 10.0) == 5
    assert pause_between(15.0, 60.0) == 15
    assert pause_between(None, 60.0) == 30
    assert pause_between(None, None) is None
