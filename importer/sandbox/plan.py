"""Which fault hits which request: by endpoint, reference, count and seeded probability."""

import hashlib
from collections import Counter
from dataclasses import dataclass

from importer.sandbox.fault import NONE, Fault
from importer.sandbox.requests import Endpoint


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """When a fault strikes.

    Attributes:
        endpoint: the kind of request; None is any.
        reference: only this invoice (for a file, this communication's ID); None is any.
        times: how often at most; None is always.
        skip: how many matching requests are let through first.
        probability: from 0 to 1, drawn for each matching request.
    """

    fault: Fault
    endpoint: Endpoint | None = Endpoint.IMPORT
    reference: str | None = None
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0

    def concerns(self, endpoint: Endpoint, reference: str | None) -> bool:
        return self.endpoint in (None, endpoint) and self.reference in (None, reference)


class Plan:
    """The triggers in the order in which they were added; the first that strikes decides, so that they make a queue.

    A draw depends on the seed, the trigger, the endpoint, the reference and how many such requests came before, not
    on what other threads did in between: a schedule repeats although its requests race.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._triggers: list[Trigger] = []
        self._seen: Counter[int] = Counter()
        self._struck: Counter[int] = Counter()
        self._drawn: Counter[tuple[int, Endpoint, str | None]] = Counter()

    def add(self, trigger: Trigger) -> None:
        self._triggers.append(trigger)

    def clear(self) -> None:
        """Switches every fault off; the counts start again with the next ones."""
        for held in (self._triggers, self._seen, self._struck, self._drawn):
            held.clear()

    def pick(self, endpoint: Endpoint, reference: str | None) -> Fault:
        """The fault for the next request of this kind, which counts as having come."""
        for index, trigger in enumerate(self._triggers):
            if trigger.concerns(endpoint, reference) and self._strikes(index, trigger, endpoint, reference):
                self._struck[index] += 1
                return trigger.fault
        return NONE

    def _strikes(self, index: int, trigger: Trigger, endpoint: Endpoint, reference: str | None) -> bool:
        if trigger.times is not None and self._struck[index] >= trigger.times:
            return False
        self._seen[index] += 1
        return self._seen[index] > trigger.skip and self._draw(index, endpoint, reference) < trigger.probability

    def _draw(self, index: int, endpoint: Endpoint, reference: str | None) -> float:
        event = (index, endpoint, reference)
        self._drawn[event] += 1
        digest = hashlib.sha256(repr((self._seed, event, self._drawn[event])).encode()).digest()
        return float(int.from_bytes(digest[:6], "big") / 2**48)
