"""The line to Abillify: whether anything may be sent at all, and how much at once.

It is stopped at start, by refused credentials, by a server that cannot be reached or asks for patience. While it is
stopped, nothing goes out but one probe at a time; an accepted probe opens it. So the first refusal does not become a
thousand, and no key is born before the server has told its time.

While it is open, each endpoint has a circuit of its own: a server may answer the probe and fail at every upload.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Abillify
from importer.adapters.ledger import Ledger
from importer.clock import Clock
from importer.core import circuit
from importer.core.backoff import pause_after
from importer.core.circuit import Circuit
from importer.core.lifecycle import CREDENTIALS_REFUSED, Act, Outcome
from importer.core.model import ProbeAccepted, ProbeOutcome, ProbeRefused, Reason

STARTING = Reason("starting", "The credentials have not been checked yet.")
LEAST_PAUSE = timedelta(milliseconds=500)
"""Even when the settings want no pause at all: nobody is served by thousands of probes."""

FIRST_PAUSE = timedelta(seconds=1)
"""The first probe is soon: most outages are short, and most refusals are about one invoice only."""

ENDPOINTS = {Act.SEND: "import", Act.READ_BACK: "documents", Act.ASK_INVOICE: "invoice"}
"""By the act that asks them: upload, an invoice's documents, an invoice."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A document's leave to ask and to send; void once the line has stopped or one of the circuits has opened."""

    document: int
    eras: Mapping[Act, int] | None
    """The circuits that it goes through, each with its era at that moment; None where it was not let through."""


class Line:
    """Open or stopped, with the reason. Shared by all documents under way; tended by one thread."""

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
        self.pause_along(backoff)
        self._on_refused = on_refused
        # Held while a change is told, so that log and ledger hear of changes in the order in which they happen.
        self._lock = threading.RLock()
        self._stopped: Reason | None = STARTING
        self._probes = 0
        self._next_probe_at = clock.steady()
        self._circuits = {act: Circuit() for act in ENDPOINTS}
        self._failing: dict[Act, Reason] = {}

    def pause_along(self, backoff: tuple[timedelta, timedelta]) -> None:
        """The first pause and the longest one, for pauses that begin from now on."""
        low, high = backoff
        self._slow = max(LEAST_PAUSE, low), max(LEAST_PAUSE, high)
        self._soon = max(LEAST_PAUSE, min(low, FIRST_PAUSE)), max(LEAST_PAUSE, high)

    # ------------------------------------------------------------ stopped and opened

    @property
    def stopped(self) -> Reason | None:
        """Why nothing is sent; None while the line is open."""
        return self._stopped

    @property
    def is_open(self) -> bool:
        return self._stopped is None and not self._ledger.are_credentials_refused

    @property
    def failing(self) -> dict[str, Reason]:
        """The endpoints whose circuit is open, each with the reason."""
        return {ENDPOINTS[act]: reason for act, reason in self._failing.items()}

    def stop(self, reason: Reason, resume_after: float | None = None) -> None:
        """Stops the line. Many documents may hit the same wall at once; the first one tells."""
        with self._lock:
            if self._stopped is not None:
                return
            self._stopped = reason
            self._probes = 0
            pause = resume_after if resume_after is not None else self._pause(self._soon)
            self._next_probe_at = self._clock.steady() + pause
            # Whatever is under way belongs to the time before; what comes after begins with one document.
            self._circuits = {act: circuit.slowed(found) for act, found in self._circuits.items()}
            self._tell_line(reason)

    def look_again(self) -> None:
        """Others have told that the line was opened: credentials that were refused may be tried now."""
        is_refused = self._stopped is not None and self._stopped.code == CREDENTIALS_REFUSED
        if is_refused and not self._ledger.are_credentials_refused:
            self._on_refused()  # they were corrected, perhaps here, too
            with self._lock:
                self._next_probe_at = self._clock.steady()

    def tend(self) -> float | None:
        """Probes when that is due. Returns the seconds until there is more to do here; None while all is well."""
        if not self.is_open and (self._stopped is None or self._clock.steady() >= self._next_probe_at):
            self._probe_in_turn()
        now = self._clock.steady()
        if not self.is_open:
            return max(0.0, self._next_probe_at - now)
        shut = [found.shut_until - now for found in self._circuits.values() if found.shut_until is not None]
        return min((wait for wait in shut if wait > 0), default=None)

    def _probe_in_turn(self) -> None:
        """Of many importers that share a ledger, one at a time tries credentials that were refused."""
        pause = timedelta(seconds=self._pause(self._slow))
        refusal = self._ledger.leave_to_probe(pause, starting=self._stopped is STARTING)
        if refusal is not None:
            self._heed(refusal.message, refusal.wait)
        elif not self.is_open:
            if self._stopped is None:
                self._heed("They were refused to another importer; now it is our turn to try them.", 0.0)
            self._take(self._client.probe())

    def _heed(self, message: str, wait: float) -> None:
        """Another importer was refused; it has told everybody else."""
        self._on_refused()  # perhaps they were corrected here
        with self._lock:
            if self._stopped is None or self._stopped.code != CREDENTIALS_REFUSED:
                self._stopped = Reason(CREDENTIALS_REFUSED, message)
                self._probes = 0
                self._log.warning("line.stopped", reason=CREDENTIALS_REFUSED, message=message)
            self._next_probe_at = self._clock.steady() + wait

    def _take(self, outcome: ProbeOutcome) -> None:
        reason = _why_stopped(outcome)
        is_refused = reason is not None and reason.code == CREDENTIALS_REFUSED
        if is_refused:
            self._on_refused()
        with self._lock:
            if (reason and reason.code) != (self._stopped and self._stopped.code):
                self._tell_line(reason)  # before anything can go out on the strength of it
            self._stopped = reason
            self._next_probe_at = self._clock.steady() + self._pause(self._slow if is_refused else self._soon)
            self._probes += 1

    def _pause(self, schedule: tuple[timedelta, timedelta]) -> float:
        return pause_after(self._probes, schedule, self._moment()).total_seconds()

    def _moment(self) -> str:
        """Different for every importer: those that were stopped together need not come back together."""
        return self._clock.now().isoformat()

    # ------------------------------------------------------------ documents take turns

    def room(self, act: Act) -> int:
        """How many more documents may begin with this act now: none while what follows it could not be done."""
        if not self.is_open:
            return 0
        with self._lock:
            now = self._clock.steady()
            return min(circuit.room(self._circuits[each], now) for each in (act, Act.SEND))

    @contextmanager
    def turn(self, document: int, act: Act, *, sends: bool) -> Iterator[Turn]:
        """A turn for a document that begins with an act; void from the start where there is no room for it.

        Args:
            document: its id.
            act: the first one.
            sends: whether an upload may follow; then there must be room for that, too.
        """
        turn = self._begin(document, {act, Act.SEND} if sends else {act})
        try:
            yield turn
        finally:
            self._end(turn)

    def honours(self, turn: Turn) -> bool:
        """Whether the document may still go on."""
        if turn.eras is None or not self.is_open:
            return False
        return all(self._circuits[act].era == era for act, era in turn.eras.items())

    def note(
        self, turn: Turn, act: Act, outcome: Outcome, *, stop: Reason | None = None, resume_after: float | None = None
    ) -> None:
        """What an act has come to, and whether that stops the line.

        What many find out at once counts once: what has stopped the line, or opened the circuit, makes the rest old.
        """
        with self._lock:
            if self.honours(turn):
                self._judge(turn.document, act, outcome)
            if stop is not None:
                self.stop(stop, resume_after)

    def _begin(self, document: int, acts: set[Act]) -> Turn:
        with self._lock:
            now = self._clock.steady()
            if Act.REST in acts or not self.is_open:
                return Turn(document, None)
            if any(circuit.room(self._circuits[act], now) == 0 for act in acts):
                return Turn(document, None)
            self._circuits |= {act: circuit.begun(self._circuits[act]) for act in acts}
            return Turn(document, {act: self._circuits[act].era for act in acts})

    def _end(self, turn: Turn) -> None:
        with self._lock:
            for act, era in (turn.eras or {}).items():
                if self._circuits[act].era == era:
                    self._circuits[act] = circuit.ended(self._circuits[act])

    def _judge(self, document: int, act: Act, outcome: Outcome) -> None:
        before, cause = self._circuits[act], circuit.failure_of(outcome)
        if cause is None:
            after = circuit.succeeded(before)
        else:
            after = circuit.failed(before, document, self._clock.steady(), self._soon, self._moment())
        self._circuits[act] = after
        if before.shut_until is None and after.shut_until is not None:
            self._tell_circuit(act, _why_open(act, cause or ""))
        elif before.shut_until is not None and after.shut_until is None:
            self._tell_circuit(act, None)

    # ------------------------------------------------------------ told: one log line a change, a word to the others

    def _tell_line(self, reason: Reason | None) -> None:
        self._leave_word(reason)
        if reason is None:
            self._log.info("line.opened")
        else:
            self._log.warning("line.stopped", reason=reason.code, message=reason.message)

    def _tell_circuit(self, act: Act, reason: Reason | None) -> None:
        self._failing = {each: why for each, why in self._failing.items() if each is not act}
        if reason is None:
            self._leave_word(None)
            self._log.info("circuit.closed", endpoint=ENDPOINTS[act])
        else:
            self._failing[act] = reason
            self._leave_word(None)
            self._log.warning("circuit.opened", endpoint=ENDPOINTS[act], reason=reason.code, message=reason.message)

    def _leave_word(self, stopped: Reason | None) -> None:
        """The worst that there is to say."""
        reason = stopped or next(iter(self._failing.values()), None)
        if reason is None:
            self._ledger.set_line(None)
        else:
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


def _why_open(act: Act, cause: str) -> Reason:
    return Reason(
        "endpoint_failing",
        f"Abillify answers, but fails for one document after the other at the {ENDPOINTS[act]} endpoint: {cause}. "
        "One document at a time is tried until one succeeds; the others wait.",
    )
