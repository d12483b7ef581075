"""Our own time: UTC for the ledger and for schedules, seconds that only grow for intervals."""

import time
from datetime import UTC, datetime
from typing import Protocol

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
