"""What the service does again and again beside its work: it listens for silent sources, and has its figures written."""

import threading
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from importer.adapters.ledger import LedgerError
from importer.census import Sparing
from importer.clock import Clock
from importer.report import timestamp
from importer.silence import Ear, Heard

PATIENCE = 600.0
"""Seconds after which the sources are listened for even while some files were not taken: they may never settle."""


class Rounds:
    """For a thread of its own (`importer.helpers`): neither the work nor the watchdog waits for it.

    Args:
        ear: hears of the sources.
        is_taken: whether what lay in the inbox at the start is in the ledger; before that, nobody can be called silent.
        every: seconds between two rounds.
    """

    def __init__(
        self, ear: Ear, is_taken: Callable[[], bool], *, every: float, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._listen = Sparing(lambda: ear.listen(clock.now()), clock.steady, pause=0.0)
        self._is_taken = is_taken
        self._is_listening = False
        self._steady = clock.steady
        self._listens_at = clock.steady() + PATIENCE
        self._every = every
        self._log = log
        self.heard: Sequence[Heard] = ()
        """The sources as they were last heard of."""
        self.on_round: Callable[[], None] = lambda: None
        """Called in each round, by its thread."""

    def go(self, ended: threading.Event) -> None:
        """Until the event is set."""
        while True:
            self._hear()
            self.on_round()
            if ended.wait(self._every):
                return

    def _hear(self) -> None:
        """One line in the log for each change."""
        self._is_listening = self._is_listening or self._is_taken() or self._steady() >= self._listens_at
        if not self._is_listening:
            return
        try:
            heard = self._listen()
        except LedgerError:
            return  # whoever needs it will say more, or end the service
        silent = {each.name for each in self.heard if each.expected_by is not None}
        self.heard = heard
        for each in heard:
            if each.expected_by is not None and each.name not in silent:
                by, told = timestamp(each.expected_by), "nothing has come from this source by its time"
                self._log.warning("source.silent", source=each.name, expected_by=by, message=told)
            elif each.expected_by is None and each.name in silent:
                self._log.info("source.delivered", source=each.name)
