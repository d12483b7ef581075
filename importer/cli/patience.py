"""When a backfill has done what it can."""

from datetime import datetime, timedelta

from importer.adapters.ledger import Ledger
from importer.clock import Clock
from importer.core.lifecycle import CREDENTIALS_REFUSED
from importer.core.model import State
from importer.core.settle import EMPTY_PATIENCE
from importer.line import Line
from importer.service import Round, Service

FOLLOWED = (State.PENDING, State.DEFERRED, State.UNCERTAIN)
"""What may fall due within the waiting time; `waiting` documents are left to the next run."""


class Patience:
    """Waits for files to settle and for retries to fall due, and no longer than was asked for.

    Args:
        wait: how long retries are followed once every file has been taken.
        settle: how long a file must be quiet; an empty one is waited for several times as long.
    """

    def __init__(
        self, service: Service, ledger: Ledger, line: Line, clock: Clock, *, wait: timedelta, settle: timedelta
    ) -> None:
        self._service = service
        self._ledger = ledger
        self._line = line
        self._clock = clock
        self._wait = wait
        self._settling = settle * (EMPTY_PATIENCE + 1) + timedelta(seconds=1)
        self._touched = -1
        self._ended = False
        self._since = clock.now()
        self.is_cut_short = False
        """Whether files were left that still change."""

    def end(self) -> None:
        """A signal: what is under way is finished, nothing new is begun."""
        self._ended = True

    def is_over(self, turn: Round) -> bool:
        """Whether the service may stop after this turn."""
        if self._ended:
            self.is_cut_short = True
            return True
        if self._service.is_busy:
            return False
        if self._line.stopped is not None and self._line.stopped.code == CREDENTIALS_REFUSED:
            return True
        if turn.untaken:
            return False
        self._begin_anew_with_news()
        if turn.unsettled:
            self.is_cut_short = self._has_passed(max(self._wait, self._settling))
            return self.is_cut_short
        return self._has_passed(self._wait) or not self._anything_due(self._since + self._wait)

    def _begin_anew_with_news(self) -> None:
        """The waiting time runs from the last file that was taken."""
        if len(self._service.touched) != self._touched:
            self._touched = len(self._service.touched)
            self._since = self._clock.now()

    def _has_passed(self, time: timedelta) -> bool:
        return self._clock.now() >= self._since + time

    def _anything_due(self, deadline: datetime) -> bool:
        if self._service.is_anything_resent_until(deadline):
            return True
        return self._ledger.any_due(deadline, among=self._service.touched, states=FOLLOWED)
