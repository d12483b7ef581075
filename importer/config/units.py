"""Durations, sizes, rates and ranges as an operator writes them (design.md section 5), and what they mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

LONGEST_DURATION = timedelta(days=3650)
LARGEST_SIZE = 1024**4


class MalformedError(ValueError):
    """A value that means nothing here: what is wrong with it, and what to write instead."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in every `per`; a count of 0 sets no limit."""

    count: int
    per: timedelta

    @property
    def is_unlimited(self) -> bool:
        return self.count == 0

    @property
    def per_second(self) -> float:
        """The same as a number; 0 when unlimited."""
        return self.count / self.per.total_seconds()

    @property
    def interval(self) -> timedelta:
        """The average time between two of them; zero when unlimited."""
        return timedelta() if self.is_unlimited else self.per / self.count


class BackoffRange(NamedTuple):
    """The first wait and the longest one; in between, waits widen."""

    low: timedelta
    high: timedelta


@dataclass(frozen=True, slots=True)
class Notation:
    """How one kind of quantity is written, and what people write instead.

    `aliases` are in lower case. They are never accepted, only understood well enough to say what to write.
    """

    name: str
    example: str
    units: tuple[str, ...]
    aliases: Mapping[str, str]

    def split(self, value: object) -> tuple[int, str]:
        """A whole number and its unit; a bare 0 counts in the smallest unit.

        Raises:
            MalformedError: the value is not written like this.
        """
        if is_zero(value):
            return 0, self.units[0]
        if not isinstance(value, str):
            raise MalformedError(f"must be {self.name}, in quotes", f'write it like "{self.example}"')
        found = re.fullmatch(rf"([0-9]{{1,15}})({'|'.join(self.units)})", value)
        if not found:
            raise self.malformed(value, self._meant(value))
        return int(found[1]), found[2]

    def malformed(self, text: str, meant: str | None) -> MalformedError:
        remedy = f'write "{meant}"' if meant else f'write it like "{self.example}"'
        return MalformedError(f"{text!r} is not {self.name}", remedy)

    def suggest(self, text: str) -> str | None:
        """What was probably meant, in our notation; None when there is no telling."""
        try:
            self.split(text.strip())
        except MalformedError:
            return self._meant(text)
        return text.strip()

    def _meant(self, text: str) -> str | None:
        found = re.fullmatch(r"\s*([0-9]{1,15})\s*([A-Za-z]+)\.?\s*", text)
        if not found:
            return None
        known = {**{unit.lower(): unit for unit in self.units}, **self.aliases}
        unit = known.get(found[2].lower())
        return f"{found[1]}{unit}" if unit else None


DURATION = Notation(
    "a duration (a whole number with ms, s, m, h or d)",
    "5s",
    ("ms", "s", "m", "h", "d"),
    {
        **dict.fromkeys(("msec", "msecs", "millis", "millisecond", "milliseconds"), "ms"),
        **dict.fromkeys(("sec", "secs", "second", "seconds", "sek"), "s"),
        **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
        **dict.fromkeys(("hr", "hrs", "hour", "hours", "std"), "h"),
        **dict.fromkeys(("day", "days", "tage"), "d"),
    },
)
UNITS_OF_TIME = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
SIZE = Notation(
    "a size (a whole number with B, kB, MB, GB, KiB, MiB or GiB)",
    "20MiB",
    ("B", "kB", "KB", "MB", "GB", "KiB", "MiB", "GiB"),
    {
        **dict.fromkeys(("byte", "bytes"), "B"),
        **dict.fromkeys(("k", "ki"), "KiB"),
        **dict.fromkeys(("m", "mi"), "MiB"),
        **dict.fromkeys(("g", "gi"), "GiB"),
    },
)
BYTES = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
RATE = Notation("a rate (a whole number with /s, /m or /h)", "20/s", ("/s", "/m", "/h"), {})
UNITS_OF_RATE = {"/s": timedelta(seconds=1), "/m": timedelta(minutes=1), "/h": timedelta(hours=1)}


def is_zero(value: object) -> bool:
    return value == "0" or (type(value) is int and value == 0)


def parse_duration(value: object) -> timedelta:
    """`"90s"` and the like: a whole number with ms, s, m, h or d; 0 needs no unit.

    Raises:
        MalformedError: anything else, or more than ten years.
    """
    number, unit = DURATION.split(value)
    if number > LONGEST_DURATION / UNITS_OF_TIME[unit]:
        raise MalformedError(f"{value!r} is longer than ten years", "write a shorter duration")
    return number * UNITS_OF_TIME[unit]


def parse_size(value: object) -> int:
    """Bytes from `"20MiB"` and the like; kB, MB and GB are powers of 1000, KiB, MiB and GiB of 1024.

    Raises:
        MalformedError: anything else, or more than 1024 GiB.
    """
    number, unit = SIZE.split(value)
    if number * BYTES[unit] > LARGEST_SIZE:
        raise MalformedError(f"{value!r} is more than 1024GiB", "write a smaller size")
    return number * BYTES[unit]


def parse_rate(value: object) -> Rate:
    """`"20/s"`, `"600/m"` or `"5000/h"`; 0 sets no limit.

    Raises:
        MalformedError: anything else.
    """
    try:
        number, unit = RATE.split(value)
    except MalformedError:
        if not isinstance(value, str):
            raise
        raise RATE.malformed(value, _meant_rate(value)) from None
    return Rate(number, UNITS_OF_RATE[unit])


def parse_range(value: object) -> BackoffRange:
    """`"30s..1h"`: two durations, the shorter one first; a bare 0 is both.

    Raises:
        MalformedError: anything else.
    """
    if is_zero(value):
        return BackoffRange(timedelta(), timedelta())
    if not isinstance(value, str):
        raise MalformedError("must be a range of two durations, in quotes", 'write it like "30s..1h"')
    low, dots, high = value.partition("..")
    if not dots or not _is_duration(low) or not _is_duration(high):
        meant = _meant_range(value)
        remedy = f'write "{meant}"' if meant else 'write it like "30s..1h"'
        raise MalformedError(f"{value!r} is not a range of two durations", remedy)
    parsed = BackoffRange(parse_duration(low), parse_duration(high))
    if parsed.low > parsed.high:
        raise MalformedError(f"{value!r} begins with the longer duration", f'write "{high}..{low}"')
    return parsed


def _is_duration(text: str) -> bool:
    try:
        DURATION.split(text)
    except MalformedError:
        return False
    return True


def _meant_rate(text: str) -> str | None:
    found = re.fullmatch(r"(.*?)(?:/|per)(.*)", text)
    one = DURATION.suggest(f"{found[1].strip()} {found[2].strip()}") if found else None
    return f"{one[:-1]}/{one[-1]}" if one and re.fullmatch(r"[0-9]+[smh]", one) else None


def _meant_range(text: str) -> str | None:
    halves = [DURATION.suggest(half) for half in re.split(r"\.{2,}|-|…|–|\bto\b|\bbis\b", text)]
    return f"{halves[0]}..{halves[1]}" if len(halves) == 2 and all(halves) else None
