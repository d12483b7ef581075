"""Tells systemd, and the log, how the service is: ready, alive, reading its rules anew, stopping.

It says that all is well only while every thread gets on; then systemd ends a service that hangs, and starts it again.
"""

import threading
import time

from structlog.typing import FilteringBoundLogger

from importer.adapters.ledger import LedgerError, LedgerReader
from importer.adapters.notify import Notifier
from importer.core.model import State
from importer.line import Line
from importer.progress import Patience, Progress


class Heartbeat:
    """`beat` is for a thread of its own (`importer.helpers`), the other methods for the service's main thread.

    Args:
        every: seconds between two messages; None for none but those that systemd's watchdog wants.
        patience: how long something may take before its thread is taken for stuck.
    """

    def __init__(
        self,
        notifier: Notifier,
        *,
        every: float | None,
        patience: Patience,
        progress: Progress,
        ledger: LedgerReader,
        line: Line,
        log: FilteringBoundLogger,
    ) -> None:
        self._notifier = notifier
        self._pause = pause_between(every, notifier.watchdog)
        self._tells = every is not None
        self._patience = patience
        self._progress = progress
        self._ledger = ledger
        self._line = line
        self._log = log
        self._counted_at = -1
        self._counts: dict[State, int] = {}
        self._is_ready = False

    def ready(self) -> None:
        """The service does its work; told once."""
        if not self._is_ready:
            self._is_ready = True
            status = self._status()
            self._notifier.tell(READY=1, STATUS=status)
            self._log.info("service.ready", message=status)

    def reloading(self) -> None:
        """Until the next `ready`."""
        self._is_ready = False
        # systemd takes the time for the answer's: an earlier message must not be mistaken for it.
        self._notifier.tell(RELOADING=1, MONOTONIC_USEC=time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)

    def stopping(self) -> None:
        self._notifier.tell(STOPPING=1, STATUS="stopping: what is under way is finished")

    def beat(self, ended: threading.Event) -> None:
        """Until the event is set."""
        while not ended.wait(self._pause):
            stuck = self._progress.stuck(self._patience)
            if stuck is None:
                self._notifier.tell(WATCHDOG=1)
            else:
                self._log.error("service.stuck", at=stuck.what, message="no progress for longer than it may take")
            if self._tells:
                status = self._status() if stuck is None else f"stuck at {stuck.what}"
                self._notifier.tell(STATUS=status)
                self._log.debug("service.heartbeat", message=status)

    def _status(self) -> str:
        try:
            counts = self._recounted()
        except LedgerError:
            return "the ledger does not answer"  # whoever needs it will say more, or end the service
        on_their_way = sum(count for state, count in counts.items() if state.is_on_its_way)
        for_a_person = sum(count for state, count in counts.items() if state.needs_person)
        line = f"line stopped: {reason.code}" if (reason := self._line.stopped) else "line open"
        imported = counts.get(State.IMPORTED, 0)
        return f"{imported} imported, {on_their_way} on their way, {for_a_person} for a person; {line}"

    def _recounted(self) -> dict[State, int]:
        """What nobody has touched need not be counted again: a ledger of millions would keep an idle service busy."""
        done = self._progress.done
        if done != self._counted_at:
            self._counts, self._counted_at = self._ledger.counts(), done
        return self._counts


def pause_between(every: float | None, watchdog: float | None) -> float | None:
    """Seconds between two messages, at most half of what systemd's watchdog waits for; None for no message at all."""
    wanted = [pause for pause in (every, watchdog and watchdog / 2) if pause is not None]
    return min(wanted, default=None)
