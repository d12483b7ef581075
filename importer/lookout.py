"""The service as it is seen from outside: alive or stuck, ready or not and why, and its figures.

It only looks; `importer.cli.watched` serves what it sees, or writes it into a file.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.adapters.ledger import Ledger, LedgerError
from importer.adapters.metrics.view import Census, Delivery, View
from importer.census import Sparing, take_census
from importer.clock import Clock
from importer.core.lifecycle import Act
from importer.line import ENDPOINTS, Line
from importer.progress import Patience
from importer.service import Service
from importer.silence import Heard

PAUSE = 5.0
"""Seconds between two counts of the ledger."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why documents cannot be imported now: a stable code, a sentence for a person."""

    code: str
    message: str


class Lookout:
    """May be asked from any thread.

    Args:
        service: to be watched, with its `ledger` and its `line`.
        patience: how long something may take before its thread is taken for stuck.
        inbox: where documents arrive.
        ledger_file: where the ledger is kept, if in a file.
        heard: of the sources, as they were last heard of.
    """

    def __init__(
        self,
        service: Service,
        ledger: Ledger,
        line: Line,
        *,
        patience: Patience,
        inbox: Path,
        ledger_file: Path | None,
        heard: Callable[[], Sequence[Heard]],
        clock: Clock,
    ) -> None:
        self._service = service
        self._ledger = ledger
        self._line = line
        self._patience = patience
        self._inbox = inbox
        self._census = Sparing(lambda: take_census(ledger, ledger_file), clock.steady, pause=PAUSE)
        self._last_census = Census()
        self._heard = heard
        self._clock = clock
        self.is_ending = False
        """Whether nothing new is begun any more."""

    def stuck(self) -> Fault | None:
        """What takes longer than it may."""
        at = self._service.progress.stuck(self._patience)
        return Fault("stuck", f"A thread is at `{at.what}` for longer than that may take.") if at else None

    def faults(self) -> list[Fault]:
        """Why documents cannot be imported now; nothing when they can."""
        found = [self._ledger_fault(), self._inbox_fault()]
        if self.is_ending:
            found.append(Fault("stopping", "The service is stopping: what is under way is finished."))
        if stopped := self._line.stopped:
            found.append(Fault(stopped.code, stopped.message))
        if failing := self._line.failing.get(ENDPOINTS[Act.SEND]):
            found.append(Fault(failing.code, failing.message))
        return [fault for fault in found if fault is not None]

    def view(self) -> View:
        """Everything at once."""
        try:
            self._last_census, is_up = self._census(), True
        except LedgerError:
            is_up = False
        stopped, failing, intake = self._line.stopped, self._line.failing, self._service.intake
        return View(
            now=self._clock.now(),
            census=self._last_census,
            is_ledger_up=is_up,
            stopped=stopped.code if stopped else "",
            circuits={endpoint: endpoint in failing for endpoint in ENDPOINTS.values()},
            is_ready=not self.faults(),
            is_stuck=self.stuck() is not None,
            looks=intake.looks,
            look_seconds=intake.look_seconds,
            unannounced=intake.unannounced,
            deliveries={h.name: Delivery(is_silent=h.expected_by is not None, last=h.last) for h in self._heard()},
        )

    def _ledger_fault(self) -> Fault | None:
        try:
            self._ledger.confirm_sound()
            self._ledger.line()
        except LedgerError as error:
            return Fault("ledger_unavailable", f"The ledger does not answer: {error}.")
        return None

    def _inbox_fault(self) -> Fault | None:
        if (blind := self._service.intake.blind) is not None:
            return Fault(blind.code, f"The inbox cannot be seen: {blind.message}.")
        try:
            os.scandir(self._inbox).close()
        except OSError as error:
            return Fault("inbox_missing", f"The inbox {self._inbox} cannot be seen: {error.strerror}.")
        return None
