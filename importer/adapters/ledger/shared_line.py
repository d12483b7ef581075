"""One line to Abillify for all importers of a shared ledger: one of them tries refused credentials, all keep one rate.

With SQLite each process has a line of its own; there, nothing of this does anything.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, extract, func, or_, select, update

from importer.adapters.ledger.database import Database
from importer.adapters.ledger.shared import is_shared
from importer.adapters.ledger.tables import line
from importer.adapters.ledger.values import Refusal
from importer.core.lifecycle import CREDENTIALS_REFUSED

BURST = timedelta(seconds=1)
"""So much of the rate may go out at once after a pause."""

JUST_NOW = timedelta(minutes=1)
"""An importer that has been started heeds a refusal so fresh; a later one is a person's wish to try again."""

_NOW = func.clock_timestamp()


def tell_all(connection: Connection, word: dict[str, Any] | None) -> None:
    """That the credentials were refused, or that all is well."""
    if not is_shared(connection):
        return
    if word is None:
        connection.execute(update(line).where(line.c.probe_at.is_not(None)).values(refused=None, probe_at=None))
    elif word["code"] == CREDENTIALS_REFUSED:
        # Whoever has just tried them has said for how long nobody shall; after a refused upload a try is due soon.
        probe_at = func.greatest(line.c.probe_at, _NOW + timedelta(seconds=1))
        connection.execute(update(line).values(refused=word, refused_at=_NOW, probe_at=probe_at))


def ask_leave(connection: Connection, pause: timedelta, *, starting: bool) -> Refusal | None:
    """Leave to try the credentials: None, and the others wait for `pause`; or the refusal that is to be heeded."""
    may = or_(line.c.refused.is_(None), line.c.probe_at <= _NOW)
    if starting:
        may = or_(may, line.c.refused_at < _NOW - JUST_NOW)
    if connection.execute(update(line).where(may).values(probe_at=_NOW + pause)).rowcount:
        return None
    word, wait = connection.execute(select(line.c.refused, _seconds_to(line.c.probe_at))).one()
    return Refusal(word["message"], max(0.0, float(wait)))


def _seconds_to(moment: Any) -> Any:
    return extract("epoch", moment) - extract("epoch", _NOW)


class SharedPacer:
    """Spreads the requests of all importers over time; takes as many turns at once as there are threads that wait.

    Args:
        database: of the shared ledger.
        interval: between two requests of them all.
        clock: seconds that only grow.
    """

    def __init__(self, database: Database, interval: timedelta, clock: Callable[[], float]) -> None:
        self._database = database
        self._interval = interval
        self._clock = clock
        self._waiting = 0
        self._count = threading.Lock()
        self._reserving = threading.Lock()
        self._turns: deque[float] = deque()

    @property
    def is_limited(self) -> bool:
        return True

    def wait(self, unless: threading.Event | None = None) -> None:
        """Returns when the next request may go out.

        Args:
            unless: nobody waits once this is set.

        Raises:
            LedgerError: the ledger cannot be asked.
        """
        wait = self._turn() - self._clock()
        if wait > 0:
            (unless or threading.Event()).wait(wait)

    def _turn(self) -> float:
        with self._count:
            self._waiting += 1
        with self._reserving:
            try:
                if not self._turns:
                    self._turns.extend(self._reserved(self._waiting))
                return self._turns.popleft()
            finally:
                with self._count:
                    self._waiting -= 1

    def _reserved(self, number: int) -> list[float]:
        def reserve(connection: Connection) -> float:
            first = func.greatest(line.c.next_at, _NOW - max(timedelta(0), BURST - self._interval))
            query = update(line).values(next_at=first + number * self._interval).returning(_seconds_to(line.c.next_at))
            return float(connection.execute(query).scalar_one())

        last = self._clock() + self._database.write(reserve)
        return [last - (number - n) * self._interval.total_seconds() for n in range(number)]
