"""Our own time: UTC for the ledger and for schedules, seconds that only grow for intervals, the clock on the wall."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

# Counts on while the machine is suspended, where the system can: a suspended process must not think itself young.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What the time is; another one can be put in its place to let days pass at once."""

    def now(self) -> datetime:
        """An aware moment in UTC."""
        ...

    def steady(self) -> float:
        """Seconds since some fixed point; never set back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> float:
        return time.clock_gettime(_STEADY)


LOCALTIME = Path("/etc/localtime")


def local_zone(environ: Mapping[str, str]) -> tzinfo:
    """The machine's time zone with its changes of the clock: `$TZ`, then `/etc/localtime`; UTC where neither says."""
    named = environ.get("TZ", "").removeprefix(":")
    try:
        if named.startswith("/"):
            return _zone_of(Path(named))
        return ZoneInfo(named) if named else _zone_of(LOCALTIME)
    except (OSError, ValueError, KeyError):  # an unknown name is a KeyError
        return UTC


def _zone_of(file: Path) -> ZoneInfo:
    with file.open("rb") as content:
        return ZoneInfo.from_file(content)
