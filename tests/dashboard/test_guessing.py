"""Whoever guesses tokens is slowed, and nobody is locked out for good."""

import pytest

from importer.dashboard.guessing import (
    FORGOTTEN,
    FREE,
    FREE_OF_ALL,
    HERE,
    KNOWN,
    LONGEST,
    Guessing,
    TooSoon,
    visitor_of,
)


class Log:
    def __init__(self):
        self.lines = []

    def warning(self, event, **fields):
        self.lines.append((event, fields["address"]))

    info = warning


class Hall:
    """Guesses, and a clock that is moved by hand."""

    def __init__(self):
        self.now = 1000.0
        self.log = Log()
        self.guessing = Guessing(lambda: self.now, self.log)
        self.looked_at = 0

    def guess(self, visitor, *, is_right=False):
        def look():
            self.looked_at += 1
            return is_right

        return self.guessing.judge(visitor, look)


def test_a_guesser_waits_longer_and_longer_and_one_line_tells_of_each_change():
    hall = Hall()
    for _ in range(FREE + 1):
        assert hall.guess("203.0.113.9") is False
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        looked_at = hall.looked_at
        for _ in range(3):
            assert hall.guess("203.0.113.9", is_right=True) == TooSoon(pause)
        assert hall.looked_at == looked_at, "it is not even looked at, and asking prolongs nothing"
        hall.now += pause
        assert hall.guess("203.0.113.9") is False
    assert hall.log.lines == [("dashboard.login_slowed", "203.0.113.9")]
    hall.now += LONGEST
    assert hall.guess("203.0.113.9", is_right=True) is True
    assert hall.log.lines[1:] == [("dashboard.login_free", "203.0.113.9")]
    assert hall.guess("203.0.113.9") is False
    assert hall.guess("203.0.113.9", is_right=True) is True


def test_what_is_long_ago_is_forgotten():
    hall = Hall()
    for _ in range(FREE + 1):
        hall.guess("203.0.113.9")
    hall.now += FORGOTTEN + 1
    assert [hall.guess("203.0.113.9") for _ in range(FREE)] == [False] * FREE
    assert [event for event, _ in hall.log.lines] == ["dashboard.login_slowed", "dashboard.login_free"]


def test_many_addresses_together_are_slowed_but_not_whoever_sits_here():
    hall = Hall()
    for number in range(FREE_OF_ALL + 1):
        assert hall.guess(f"203.0.113.{number}") is False
    assert hall.guess("198.51.100.1", is_right=True) == TooSoon(1)
    assert hall.guess(HERE, is_right=True) is True
    assert hall.log.lines == [("dashboard.login_slowed", "*")]
    for number in range(2 * KNOWN):
        hall.now += LONGEST
        hall.guess(f"2001:db8:{number:x}::/64")
        hall.now -= LONGEST / 2
    assert len(hall.guessing._past) <= KNOWN + 1, "memory has an end"


def test_one_address_that_guesses_for_ever_slows_only_itself():
    hall = Hall()
    for _ in range(2 * FREE_OF_ALL):
        assert hall.guess("203.0.113.9") is False
        hall.now += LONGEST
    assert hall.guess("203.0.113.9") is False
    assert hall.guess("198.51.100.1", is_right=True) is True


def test_however_many_guess_nobody_waits_for_them_longer_than_the_longest_pause():
    hall = Hall()
    crowd = (f"203.0.113.{number}" for number in range(250))
    for _ in range(FREE_OF_ALL + 10):  # the pause of all together is at its longest
        while hall.guess(next(crowd)) is not False:
            hall.now += LONGEST
    assert hall.guess("198.51.100.1", is_right=True) == TooSoon(LONGEST)
    # Another one is there first whenever the pause is over
    hall.now += LONGEST
    assert hall.guess(next(crowd)) is False
    assert isinstance(hall.guess(next(crowd), is_right=True), TooSoon)
    assert hall.guess("198.51.100.1", is_right=True) is True


@pytest.mark.parametrize(
    ("peer", "headers", "visitor"),
    [
        ("127.0.0.1", {}, HERE),
        ("::1", {"Cookie": "x"}, HERE),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}, "a proxy"),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}, "203.0.113.9"),
        ("127.0.0.1", {"X-Forwarded-For": "not an address\n"}, "a proxy"),
        ("203.0.113.9", {"X-Forwarded-For": "127.0.0.1"}, "203.0.113.9"),
        ("2001:db8:1:2:3::4", {}, "2001:db8:1:2::/64"),
    ],
)
def test_who_is_counted(peer, headers, visitor):
    assert visitor_of(peer, headers) == visitor
