"""How much may be where at once, and who goes first."""

from functools import partial

import pytest

from importer.lanes import Lanes
from importer.relay import Runner, Wait
from importer.turnstile import Turnstile


class Guests:
    """Ways through a turnstile that stay inside until they are let out. All on the test's own thread."""

    def __init__(self, place):
        self._place = place
        self._inside = {}
        self.entered = []

    def come(self, name, *how):
        async def way():
            async with self._place(*how):
                self.entered.append(name)
                await Wait(lambda ticket: self._inside.update({name: ticket}))

        Runner(way(), lambda _, error: None).begin()

    def leave(self, name):
        self._inside.pop(name).go_on()


def test_there_is_room_for_so_many_and_no_more():
    guests = Guests(Turnstile(2).place)
    for name in "abc":
        guests.come(name)
    assert guests.entered == ["a", "b"]
    guests.leave("a")
    assert guests.entered == ["a", "b", "c"]


def test_documents_wait_until_their_bytes_have_room_but_a_large_one_may_go_alone():
    guests = Guests(Turnstile(100).place)
    guests.come("60", 0, 60)
    guests.come("40", 0, 40)
    guests.come("1000", 0, 1000)
    guests.come("1", 0, 1)
    guests.leave("60")
    assert guests.entered == ["60", "40"], "the large one is not overtaken for ever by small ones"
    guests.leave("40")
    assert guests.entered == ["60", "40", "1000"]
    guests.leave("1000")
    assert guests.entered == ["60", "40", "1000", "1"]


def test_every_other_place_is_for_whoever_is_in_a_hurry_and_the_rest_for_who_waits_longest():
    guests = Guests(Turnstile(1).place)
    guests.come("there")
    for name, haste in {"first": 0, "second": 0, "third": 0, "news": 1, "latest news": 2}.items():
        guests.come(name, haste)
    for _ in range(5):
        guests.leave(guests.entered[-1])
    assert guests.entered[1:] == ["latest news", "first", "news", "second", "third"]


def test_whoever_fails_inside_gives_the_place_back():
    turnstile = Turnstile(1)
    guests = Guests(turnstile.place)

    async def failing():
        async with turnstile.place():
            raise ValueError

    Runner(failing(), lambda _, error: None).begin()
    guests.come("next")
    assert guests.entered == ["next"]


def test_many_that_leave_at_once_do_not_pile_up():
    turnstile = Turnstile(1)
    through = []

    async def way(number):
        async with turnstile.place():
            through.append(number)

    guests = Guests(turnstile.place)
    guests.come("there")
    for number in range(5000):
        Runner(way(number), lambda _, error: None).begin()
    guests.leave("there")
    assert through == list(range(5000))


def test_each_lane_has_its_room_and_knows_who_is_in_a_hurry():
    lanes = Lanes(uploads=2, memory=100, is_paced=False)
    for lane, room in {lanes.claim: 8, lanes.intent: 4, partial(lanes.holding, 25): 4}.items():
        guests = Guests(lane)
        for number in range(room + 2):
            guests.come(number, 0)
        guests.come("news", 1)
        assert guests.entered == list(range(room))
        guests.leave(0)
        assert guests.entered[room:] == ["news"]


def test_quick_uploads_make_room_for_more_that_are_ready_and_slow_ones_take_it_back():
    guests = Guests((lanes := Lanes(uploads=2, memory=100, is_paced=False)).intent)
    for number in range(100):
        guests.come(number, 0)
    assert len(guests.entered) == 4
    lanes.uploaded(seconds=0.05)
    assert len(guests.entered) == 2 + 32
    lanes.uploaded(seconds=20)
    for number in range(34 - 3):
        guests.leave(number)
    assert len(guests.entered) == 34 + 1


@pytest.mark.parametrize(
    ("uploads", "is_paced", "seconds", "claimed", "intended"),
    [
        (2, False, 0.05, 66, 34),
        (2, False, 0.25, 18, 10),
        (2, False, 20, 8, 4),
        (2, True, 0.05, 8, 4),
        (40, False, 0.05, 128, 80),
    ],
)
def test_the_lanes_are_as_wide_as_the_last_upload_was_quick(uploads, is_paced, seconds, claimed, intended):
    for lane, room in (("claim", claimed), ("intent", intended)):
        lanes = Lanes(uploads=uploads, memory=100, is_paced=is_paced)
        lanes.uploaded(seconds)
        guests = Guests(getattr(lanes, lane))
        for number in range(200):
            guests.come(number, 0)
        assert len(guests.entered) == room
