"""One life of the sandbox: store, faults and endpoints behind one lock. A reset begins another life."""

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime

from importer.sandbox.api import Api
from importer.sandbox.fault import Fault
from importer.sandbox.plan import Plan
from importer.sandbox.replies import Reply
from importer.sandbox.requests import Request, Target
from importer.sandbox.store import Behaviour, Clock, Store


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A request whose headers have come, the fault that hits it, and the gate at which its pauses end early."""

    number: int
    received: datetime
    target: Target
    fault: Fault
    gate: threading.Event


class State:
    """What a request meets, in the order in which it meets it: `arrive`, `record`, `answer`, `replied`, `date`."""

    def __init__(self, behaviour: Behaviour, clock: Clock, seed: int) -> None:
        self.store = Store(behaviour, clock)
        self.plan = Plan(seed)
        self.lock = self.store.changed
        self._api = Api(self.store)

    def arrive(self, target: Target) -> Arrival:
        with self.lock:
            return Arrival(
                number=next(self.store.numbers),
                received=self.store.clock(),
                target=target,
                fault=self.plan.pick(target.endpoint, target.reference),
                gate=self.store.gate,
            )

    def record(self, request: Request) -> None:
        with self.lock:
            self.store.requests.append(request)
            self.lock.notify_all()

    def answer(self, request: Request, arrival: Arrival) -> Reply | None:
        with self.lock:
            reply = self._api.answer(request, arrival.fault, arrival.gate)
            self.lock.notify_all()
            return reply

    def replied(self, request: Request, status: int) -> None:
        """A whole reply is about to go out."""
        with self.lock:
            for seen in (self.store.requests, self.store.resends):
                if request in seen:
                    seen[seen.index(request)] = replace(request, status=status)

    def date(self, fault: Fault) -> str | None:
        """The `Date` header by the sandbox's clock, as skewed by behaviour and fault; None where it is left out."""
        with self.lock:
            skew, now = self.store.behaviour.date_skew, self.store.clock()
        if skew is None or fault.date_skew is None:
            return None
        return format_datetime(now + timedelta(seconds=skew + fault.date_skew), usegmt=True)
