"""The two headers of a reply that carry time."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

IMF_FIXDATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d{2}:\d{2}:\d{2} GMT",
    re.ASCII,
)
LONGEST_PAUSE = 3600.0
"""Seconds; what a server asks for beyond that is cut."""


@lru_cache(maxsize=8)  # all replies of one second say the same
def parse_date(text: str | None) -> datetime | None:
    """A moment in UTC, in the one form that RFC 9110 lets a server send (5.6.7); None for all else.

    A year outside 2000 to 2999 is a clock that was never set.
    """
    if text is None or not IMF_FIXDATE.fullmatch(text):
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:  # the 32nd, or 25 o'clock
        return None
    return moment if 2000 <= moment.year < 3000 else None


def parse_retry_after(text: str | None, date: datetime | None) -> float | None:
    """Seconds, from a number or from a moment (RFC 9110, 10.2.3), cut to 0..3600; None when absent or absurd.

    Whether Abillify sends it at all is unspecified.

    Args:
        text: the header's value.
        date: the reply's own `Date`, to which a moment is relative; without it our own clock stands in.
    """
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,18}", text):
        return min(float(text), LONGEST_PAUSE)
    moment = parse_date(text)
    if moment is None:
        return None
    return min(max((moment - (date or datetime.now(UTC))).total_seconds(), 0.0), LONGEST_PAUSE)


class ServerClock:
    """The server's clock, carried on by ours from the last reply that told it. Thread-safe.

    It never goes back: a server whose clock was set back, or of whose machines one is behind, would make old keys young
    again. Of two tellings the later one counts, so that a key is at most taken for older than it is.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told: tuple[datetime, float] | None = None

    def note(self, date: datetime | None) -> None:
        if date is None:
            return
        carried_on = self.now()
        with self._lock:
            if carried_on is None or date >= carried_on:
                self._told = date, self._clock()

    def now(self) -> datetime | None:
        """None before the first reply with a usable `Date`."""
        with self._lock:
            if self._told is None:
                return None
            date, at = self._told
            return date + timedelta(seconds=self._clock() - at)
