"""One short schedule with everything in it; `make campaign-postgres` plays hundreds that are drawn."""

from contextlib import closing

import pytest

from importer.sandbox import faults
from tests.fleet.bench import Place
from tests.fleet.schedule import Blow, Schedule, drawn
from tests.postgres import NoPostgres
from tests.supervisor.schedule import Drop

LONG = 10.0
"""Seconds: more than a lease."""


def a_drop(number):
    return Drop(f"RE{number}.pdf", f"invoice {number}", f"RE{number}", "invoice")


SCHEDULE = Schedule(
    seed=1,
    members=3,
    lag=0.0,
    drops=tuple(map(a_drop, range(20001, 20007))),
    # Two uploads that take longer than their senders are awake, or connected
    faults=((faults.delay(after=0.5), {"endpoint": "import", "times": 4}),),
    blows=(
        Blow("stop", 0, 2, 0.0, LONG, ()),
        Blow("cut off", 1, 1, 0.0, LONG, (a_drop(20010), a_drop(20011))),
        Blow("kill", 2, 1, 0.0, 0.0, (a_drop(20012),)),
        Blow("crash server", 2, 1, 0.0, 0.2, (a_drop(20013),)),
    ),
)


def test_a_fleet_loses_and_doubles_nothing_whatever_befalls_its_members():
    try:
        place = Place(hosts=3)
    except NoPostgres as reason:
        pytest.skip(str(reason))
    with closing(place):
        result = place.play(SCHEDULE)
    assert result.violations == []
    assert result.effects == result.documents == 10


def test_a_schedule_is_the_same_for_its_seed():
    assert drawn(7) == drawn(7) != drawn(8)
