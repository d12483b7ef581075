"""The line to Abillify: whether anything may be sent at all.

It is stopped at start, by refused credentials, by a server that cannot be reached or asks for patience. While it is
stopped, nothing goes out but one probe at a time; an accepted probe opens it. So the first refusal does not become a
thousand, and no key is born before the server has told its time.
"""

import threading
from collections.abc import Callable
from datetime import timedelta

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Abillify
from importer.adapters.ledger import Ledger
from importer.clock import Clock
from importer.core.lifecycle import CREDENTIALS_REFUSED
from importer.core.model import ProbeAccepted, ProbeOutcome, ProbeRefused, Reason

STARTING = Reason("starting", "The credentials have not been checked yet.")
LEAST_PAUSE = timedelta(milliseconds=500)
"""Even when the settings want no pause at all: nobody is served by thousands of probes."""

FIRST_PAUSE = timedelta(seconds=1)
"""After an unreachable server the first probe is soon: most such moments are short."""


class Line:
    """Open or stopped, with the reason. Shared by all workers; tended by one thread."""

    def __init__(
        self,
        client: Abillify,
        ledger: Ledger,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        backoff: tuple[timedelta, timedelta],
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._log = log
        self._backoff = backoff
        self._on_refused = on_refused
        self._lock = threading.Lock()
        self._stopped: Reason | None = STARTING
        self._probes = 0
        self._next_probe_at = clock.steady()

    @property
    def stopped(self) -> Reason | None:
        """Why nothing is sent; None while the line is open."""
        return self._stopped

    @property
    def is_open(self) -> bool:
        return self._stopped is None

    def stop(self, reason: Reason, resume_after: float | None = None) -> None:
        """Stops the line. Many workers may hit the same wall at once; the first one tells."""
        with self._lock:
            if not self.is_open:
                return
            self._stopped = reason
            self._probes = 0
            self._next_probe_at = self._clock.steady() + (resume_after if resume_after is not None else self._pause())
        self._tell(reason)

    def tend(self) -> float | None:
        """Probes when that is due. Returns the seconds until the next probe, or None while the line is open."""
        if self.is_open:
            return None
        wait = self._next_probe_at - self._clock.steady()
        if wait > 0:
            return wait
        return self._take(self._client.probe())

    def _take(self, outcome: ProbeOutcome) -> float | None:
        reason = _why_stopped(outcome)
        if reason is not None and reason.code == CREDENTIALS_REFUSED:
            self._on_refused()
        if (reason and reason.code) != (self._stopped and self._stopped.code):
            self._tell(reason)  # before anything can go out on the strength of it
        with self._lock:
            self._stopped = reason
            self._probes += 1
            pause = self._pause()
            self._next_probe_at = self._clock.steady() + pause
        return None if reason is None else pause

    def _pause(self) -> float:
        low, high = self._backoff
        is_refused = self._stopped is not None and self._stopped.code == CREDENTIALS_REFUSED
        first = low if is_refused else min(low, FIRST_PAUSE)
        return max(LEAST_PAUSE, min(high, first * (1 << min(self._probes, 20)))).total_seconds()

    def _tell(self, reason: Reason | None) -> None:
        """One log line a change, and a word to the other processes."""
        if reason is None:
            self._log.info("line.opened")
            self._ledger.set_line(None)
        else:
            self._log.warning("line.stopped", reason=reason.code, message=reason.message)
            since = self._clock.now().isoformat()
            self._ledger.set_line({"code": reason.code, "message": reason.message, "since": since})


def _why_stopped(outcome: ProbeOutcome) -> Reason | None:
    match outcome:
        case ProbeAccepted(None):
            return Reason(
                "no_server_time",
                "Abillify's replies carry no Date header. Without the server's time no upload is safe; a proxy in "
                "between may remove it.",
            )
        case ProbeAccepted():
            return None
        case ProbeRefused(error):
            return Reason(
                CREDENTIALS_REFUSED,
                f"Abillify refused the credentials: {error}. Check user name and password, and whether the credential "
                "is limited to other IP addresses (Settings / API Credentials).",
            )
    return Reason("unreachable", f"Abillify does not answer: {outcome.cause}.")
