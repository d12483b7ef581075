"""When a source that delivers regularly has fallen silent: timetable, last delivery and time in, a deadline out.

A timetable speaks of the clock on the wall. Where that is put forward or back, a time may be missing or come twice;
then the doubt is the source's: its day begins with the earlier of the two, and ends with the later one.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

WEEK = 7


@dataclass(frozen=True, slots=True)
class Timetable:
    """Something comes on each of these days, between midnight and a time of the day."""

    days: frozenset[int]
    """0 is Monday, as `date.weekday` counts; at least one."""
    by: time
    """Naive: on the wall."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One day's delivery: from when on it counts, and by when it should be there. Both in UTC."""

    begin: datetime
    deadline: datetime


def last_turn(timetable: Timetable, now: datetime, zone: tzinfo) -> Turn:
    """The latest one whose deadline has passed.

    Args:
        timetable: what is expected.
        now: an aware moment.
        zone: of the clock on the wall.
    """
    today = now.astimezone(zone).date()
    # One day more than a week: an island that goes over the date line leaves a day out.
    days = (today - timedelta(days=back) for back in range(WEEK + 2))
    turns = (_turn(day, timetable.by, zone) for day in days if day.weekday() in timetable.days)
    return next(turn for turn in turns if turn.deadline <= now)


def silent_since(timetable: Timetable, last: datetime | None, now: datetime, zone: tzinfo) -> datetime | None:
    """The deadline that has passed without a delivery; None when all is well. A late delivery ends the silence.

    Args:
        timetable: what is expected.
        last: when the source delivered last; None for never.
        now: an aware moment.
        zone: of the clock on the wall.
    """
    turn = last_turn(timetable, now, zone)
    return turn.deadline if last is None or last < turn.begin else None


def _turn(day: date, by: time, zone: tzinfo) -> Turn:
    return Turn(min(_moments(day, time.min, zone)), max(_moments(day, by, zone)))


def _moments(day: date, at: time, zone: tzinfo) -> tuple[datetime, datetime]:
    """What a time on the wall may mean; in UTC, because a zone's own times cannot be compared across a change."""
    local = datetime.combine(day, at, tzinfo=zone)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
