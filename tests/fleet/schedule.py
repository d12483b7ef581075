"""What happens to a fleet of importers over one ledger, drawn from a seed: files, faults, and blows to its members.

The schedule is the same for a seed each time. What real processes make of it is not: they race.
"""

import random
from dataclasses import dataclass

from importer.sandbox import faults
from tests.supervisor.schedule import LAG, LATE, LOSSES, QUESTIONS, Drop, a_drop

MOST = 4
"""Importers."""

SLOW = faults.delay(before=0.15, after=0.15)

LASTING = (10.0, 12.5)
"""Seconds for which a blow lasts that is to outlast a lease (`fleet.SETTINGS`)."""

KINDS = {"kill": 8, "stop": 5, "cut off": 4, "term": 1, "end connections": 2, "crash server": 1, "restart server": 1}
"""How often each is drawn."""


@dataclass(frozen=True, slots=True)
class Blow:
    """What happens to a member, or to the server, and when."""

    kind: str
    whom: int
    request: int
    """How many more requests of any kind the sandbox must have seen."""
    pause: float
    """Seconds from that request on."""
    lasts: float
    """Seconds until it is over."""
    drops: tuple[Drop, ...]
    """Files that come just before."""


@dataclass(frozen=True, slots=True)
class Schedule:
    seed: int
    members: int
    lag: float
    drops: tuple[Drop, ...]
    faults: tuple
    blows: tuple[Blow, ...]


def drawn(seed):
    rng = random.Random(seed)
    members, is_late = rng.randint(2, MOST), rng.random() < 0.5
    numbers, earlier = iter(range(100_000, 1_000_000, 7)), []

    def drops(how_many):
        return tuple(a_drop(rng, numbers, earlier) for _ in range(how_many))

    first = drops(rng.randint(3, 8))
    # No fault after which a key is forgotten: whoever sleeps in the middle of an upload sends the rest of it long after
    # the grace, and then nothing but the server's memory of the key is left (A1).
    losses = LOSSES + (LATE if is_late else ()) * 2
    aimed = [("import", fault) for fault in rng.sample(losses, rng.randint(1, 4))]
    aimed += rng.sample(QUESTIONS, rng.choice((0, 0, 1, 2)))
    aimed += [("import", SLOW)] * 3  # so that blows fall into uploads
    drawn_faults = tuple(
        (fault, {"endpoint": endpoint, "times": rng.randint(1, 3), "skip": rng.choice((0, 0, 1))})
        for endpoint, fault in aimed
    )
    blows = tuple(_blow(rng, members, drops) for _ in range(rng.randint(2, 5)))
    return Schedule(seed, members, LAG if is_late else 0.0, first, drawn_faults, blows)


def _blow(rng, members, drops):
    return Blow(
        kind=rng.choices(tuple(KINDS), tuple(KINDS.values()))[0],
        whom=rng.randrange(members),
        request=rng.randint(0, 6),
        pause=rng.choice((0.0, 0.0, rng.uniform(0, 0.05), rng.uniform(0, 0.3))),
        lasts=rng.uniform(*LASTING) if rng.random() < 0.6 else rng.uniform(0.2, 2),
        drops=drops(rng.choice((0, 1, 2, 3))),
    )
