"""What is known of the line when several importers say something about it."""

import sqlite3

import pytest

from importer.adapters.ledger import Ledger

REFUSED = {"code": "credentials_refused", "message": "no", "since": "2026-10-01T09:00:00+00:00"}
UNREACHABLE = {"code": "unreachable", "message": "no", "since": "2026-10-01T08:00:00+00:00"}


@pytest.fixture
def opened(tmp_path):
    """Makes an importer's ledger; each has a holder of its own, as each process has."""
    return lambda: Ledger(f"sqlite:///{tmp_path}/ledger.db")


def test_the_worst_that_the_living_say_counts(opened):
    with opened() as one, opened() as other, opened() as reader:
        assert reader.line() is None
        one.set_line(None)
        other.set_line(UNREACHABLE)
        assert reader.line() == UNREACHABLE
        one.set_line(REFUSED)
        assert reader.line() == REFUSED, "this one a person must mend"
        one.set_line(None)
        assert reader.line() == UNREACHABLE


def test_whoever_has_ended_says_nothing_beside_the_living(opened):
    with opened() as one, opened() as reader:
        one.set_line(None)
        with opened() as other:
            other.set_line(REFUSED)
        assert reader.line() is None
    with opened() as reader:
        assert reader.line() is None, "the word of the one that ended last"


def test_the_last_word_counts_when_nobody_lives_who_has_said_one(opened):
    with opened() as one:
        one.set_line(REFUSED)
    with opened() as silent:
        assert silent.line() == REFUSED
    with opened() as reader:
        assert reader.line() == REFUSED


def test_a_dead_importers_word_is_ignored_and_cleared_away(opened, tmp_path):
    dead = opened()
    with opened() as one, opened() as reader:
        one.set_line(None)
        dead.set_line(REFUSED)
        assert reader.line() == REFUSED
        dead._holder.__exit__()  # as the system does it for a process that is killed
        dead.close()
        assert reader.line() is None
        one.set_line(UNREACHABLE)
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        words = database.execute("SELECT name FROM meta WHERE name LIKE 'line%'").fetchall()
    assert words == [("line",)]
