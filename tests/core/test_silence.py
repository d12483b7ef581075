"""When a source has fallen silent: days of the week, the clock on the wall and its changes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from importer.core.silence import WEEK, Timetable, last_turn, silent_since

BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS = Timetable(frozenset(range(5)), time(18))


def at(text, zone=BERLIN):
    """`2026-11-20 18:00`, on the wall."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("last", "now", "missed"),
    [
        # 20 November 2026 is a Friday
        ("2026-11-19 17:00", "2026-11-20 17:59", None),
        ("2026-11-19 17:00", "2026-11-20 18:00", "2026-11-20 18:00"),
        ("2026-11-20 00:00", "2026-11-20 18:00", None),
        ("2026-11-19 23:59", "2026-11-20 18:00", "2026-11-20 18:00"),
        # nothing is expected at the weekend, and what was missed on Friday is missed still
        ("2026-11-20 09:00", "2026-11-22 20:00", None),
        ("2026-11-19 09:00", "2026-11-22 20:00", "2026-11-20 18:00"),
        ("2026-11-20 09:00", "2026-11-23 17:00", None),
        # a late delivery ends the silence
        ("2026-11-20 18:30", "2026-11-20 18:31", None),
        ("2026-11-22 03:00", "2026-11-22 03:01", None),
        (None, "2026-11-20 17:59", "2026-11-19 18:00"),
    ],
)
def test_a_source_is_silent_from_its_deadline_until_something_comes(last, now, missed):
    assert silent_since(WORKDAYS, last and at(last), at(now), BERLIN) == (missed and at(missed))


@pytest.mark.parametrize(
    ("by", "day", "utc"),
    [
        # 29 March 2026: 02:00 to 03:00 is missing; 25 October 2026: 02:00 to 03:00 comes twice
        ("18:00", "2026-03-28", "2026-03-28T17:00"),
        ("18:00", "2026-03-29", "2026-03-29T16:00"),
        ("02:30", "2026-03-29", "2026-03-29T01:30"),
        ("02:30", "2026-10-25", "2026-10-25T01:30"),
        ("18:00", "2026-10-25", "2026-10-25T17:00"),
    ],
)
def test_the_time_is_that_on_the_wall(by, day, utc):
    daily = Timetable(frozenset(range(WEEK)), time.fromisoformat(by))
    deadline = datetime.fromisoformat(utc).replace(tzinfo=UTC)

    assert last_turn(daily, deadline, BERLIN).deadline == deadline
    assert last_turn(daily, deadline - timedelta(seconds=1), BERLIN).deadline < deadline - timedelta(hours=20)
    assert last_turn(daily, deadline, BERLIN).begin == at(f"{day} 00:00")


TIMETABLES = st.builds(
    Timetable,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.times(timezones=st.none()).map(lambda t: t.replace(fold=0)),
)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana", "Asia/Beirut"]
).map(ZoneInfo)


@given(TIMETABLES, MOMENTS, ZONES)
def test_a_delivery_between_begin_and_now_is_enough_and_none_is_silence(timetable, now, zone):
    turn = last_turn(timetable, now, zone)

    assert turn.begin <= turn.deadline <= now < turn.deadline + timedelta(days=WEEK + 2)
    assert turn.begin.astimezone(zone).date() <= turn.deadline.astimezone(zone).date()
    for enough in (turn.begin, turn.deadline, now):
        assert silent_since(timetable, enough, now, zone) is None
    for too_old in (None, turn.begin - timedelta(microseconds=1)):
        assert silent_since(timetable, too_old, now, zone) == turn.deadline
