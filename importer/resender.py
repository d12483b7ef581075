"""Sends invoices again: one request at a time, beside the imports and never in their way.

The intent is on disk before the first byte, and the outcome before anything else, so this can be killed at any line. It
goes only while the line is open; its own failures never stop the imports, but for refused credentials, which concern
everybody: then one probe tells whether the line is to stay stopped.
"""

import threading
from collections.abc import Container, Sequence
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Abillify
from importer.adapters.ledger import ClaimLost, Ledger, LedgerError, ResendClaim
from importer.clock import Clock
from importer.core import circuit
from importer.core.circuit import Circuit
from importer.core.lifecycle import Interrupted, Now, Policy
from importer.core.model import InDoubt, NotSent, Refused
from importer.core.resending import (
    Answered,
    Begin,
    Resend,
    ResendOutcome,
    ResendState,
    Step,
    decide,
    next_step,
    prepared,
)
from importer.line import Line
from importer.pipeline import START_WITHIN

INTERRUPTED = Interrupted("the importer was stopped, or lost its lease, in the middle of it")
LOOK_AGAIN = 60.0
"""Seconds after which the ledger is asked anew what others want sent."""


class Resender:
    """Thread-safe; sends for one thread at a time."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        client: Abillify,
        line: Line,
        policy: Policy,
        timeout: float,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._ledger = ledger
        self._client = client
        self._line = line
        self._policy = policy
        self._timeout = timeout
        self._clock = clock
        self._log = log
        self._is_ending = False
        self._sending = threading.Lock()
        self._circuit = Circuit()
        self._look_at = clock.steady()

    # ------------------------------------------------------------ for a person

    def want(self, reference: str, *, account: str, seed: str, actor: str, again: bool) -> Step | Resend:
        """A new intent, or why there is none; recorded, not sent yet."""
        steps: list[Step] = []

        def wish(known: Sequence[Resend]) -> Resend | None:
            steps[:] = [next_step(known, again=again)]
            if not isinstance(steps[0], Begin):
                return None
            return Resend(
                account=account,
                invoice_reference=reference,
                seed=seed,
                created_at=self._clock.now(),
                actor=actor,
            )

        return self._ledger.resends.want(account, reference, wish) or steps[0]

    def send(self, resend_id: int) -> Resend | None:
        """One request, if it may be sent now; what has become of it, or None where nothing was done."""
        with self._sending:
            self._client.wait_for_turn()
            if not self._goes_on:
                return None
            start_by = self._clock.steady() + min(START_WITHIN, self._timeout)
            claim = self._ledger.resends.intend(resend_id, self._prepared, self._clock.now())
            if isinstance(claim, ResendClaim):
                return self._sent(claim, start_by)
            if claim is not None:
                self._tell(claim, f"resend.{claim.state}")
            return claim

    def recover(self) -> None:
        """What importers that died had begun may have been processed."""
        for orphan in self._ledger.resends.orphans(self._clock.now()):
            try:
                self._record(orphan, INTERRUPTED)
            except ClaimLost:
                continue  # another importer was faster

    # ------------------------------------------------------------ for the service

    def expect(self) -> None:
        """A rule has just wanted one."""
        self._look_at = min(self._look_at, self._clock.steady())

    def next_due(self, *, among: Container[int] | None = None) -> tuple[int | None, float]:
        """The one to send now, or None; and the seconds after which it is worthwhile to ask again.

        Args:
            among: only what a rule wanted after the import of one of these documents.
        """
        steady = self._clock.steady()
        if not self._line.is_open or steady < self._look_at:
            return None, max(0.0, self._look_at - steady)
        if self._circuit.shut_until is not None and steady < self._circuit.shut_until:
            return None, self._circuit.shut_until - steady
        now = self._clock.now()
        found = self._ledger.resends.due(now, among=among)
        if found is None:
            moment = self._ledger.resends.next_due_at(among=among)
            wait = LOOK_AGAIN if moment is None else min(LOOK_AGAIN, max(0.05, (moment - now).total_seconds()))
            self._look_at = steady + wait
            return None, wait
        return found, 0.0

    def any_due(self, deadline: datetime, *, among: Container[int]) -> bool:
        """Whether there is anything left to send until then."""
        moment = self._ledger.resends.next_due_at(among=among)
        return moment is not None and moment <= deadline

    def send_for_service(self, resend_id: int) -> None:
        """As `send`; whatever goes wrong with it must not end the imports, but a ledger that fails must."""
        try:
            if self.send(resend_id) is None:
                self._look_at = self._clock.steady() + 1.0  # another one for the invoice is under way
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001 - it stays `sending`, and counts as interrupted when its lease is over
            self._log.error("resend.failed", resend=f"R{resend_id}", exc_info=error)

    def begin_nothing_new(self) -> None:
        self._is_ending = True

    # ------------------------------------------------------------ one request

    @property
    def _goes_on(self) -> bool:
        return self._line.is_open and not self._is_ending

    def _prepared(self, resend: Resend, others: Sequence[Resend]) -> Resend | None:
        return prepared(resend, others, self._now(), self._policy.key_lifetime)

    def _sent(self, claim: ResendClaim, start_by: float) -> Resend:
        resend = claim.resend
        if not self._goes_on:
            return self._record(claim, NotSent("the importer ends, or the line was stopped"))
        self._ledger.confirm_sound()
        reference, key = resend.invoice_reference, resend.idempotency_key
        return self._record(claim, self._client.resend_invoice(reference, key, start_by=start_by))

    def _record(self, claim: ResendClaim, outcome: ResendOutcome) -> Resend:
        decision = decide(claim.resend, outcome, self._now(), self._policy)
        if not isinstance(outcome, Interrupted):
            self._judge(claim.resend.id, outcome)
        if decision.stop_line is not None:
            self._line.stop(decision.stop_line, resume_after=0.0)
        self._ledger.resends.record(claim, decision.resend, decision.event, self._clock.now())
        self._tell(decision.resend, decision.event)
        return decision.resend

    def _judge(self, resend_id: int, outcome: Answered | NotSent | Refused | InDoubt) -> None:
        """Many failures in a row, and there is a pause: for the resends only."""
        cause = None if isinstance(outcome, Answered) else circuit.failure_of(outcome)
        if cause is None:
            self._circuit = circuit.succeeded(self._circuit)
        else:
            now, backoff = self._clock.steady(), self._policy.backoff
            self._circuit = circuit.failed(self._circuit, resend_id, now, backoff, self._clock.now().isoformat())

    def _now(self) -> Now:
        return Now(self._clock.now(), self._client.server_time())

    def _tell(self, resend: Resend, event: str) -> None:
        is_well = resend.state in (ResendState.SENT, ResendState.PENDING)
        tell = self._log.info if is_well else self._log.warning
        fields = {
            "resend": f"R{resend.id}",
            "document": resend.document_id and f"D{resend.document_id}",
            "invoice_reference": resend.invoice_reference,
            "job": resend.job,
            "message": resend.message,
        }
        tell(event, **{name: value for name, value in fields.items() if value is not None})
