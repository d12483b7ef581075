"""What happens in one campaign of kills, drawn from a seed: files, faults, and the moment and kind of each blow.

The schedule is the same for a seed each time. What real processes make of it is not: they race.
"""

import random
from dataclasses import dataclass

from importer.sandbox import faults

NAMES = (
    ("RE{}.pdf", "RE{}", "invoice"),
    ("Rechnung_RE-2024-{}.pdf", "RE-2024-{}", "invoice"),
    ("Invoice INV-2024-{}.pdf", "INV-2024-{}", "invoice"),
    ("Gutschrift GS-2023-{}.pdf", "GS-2023-{}", "creditnote"),
    ("Zahlungserinnerung_RE{}.pdf", "RE{}", "reminder"),
    ("1. Mahnung RE{}.pdf", "RE{}", "dunning1"),
    ("Mahnung2_RE{}.pdf", "RE{}", "dunning2"),
    ("Brief RE{}.pdf", "RE{}", "letter"),
    ("E-Mail RE{}.eml", "RE{}", "email"),
)
NONSENSE = ("Mahnung RE{}.pdf", "Scan {}.pdf", "RE{}_RE1234567.pdf")

LOSSES = (
    faults.lost_reply(), faults.lost_reply(), faults.reset_before_body(), faults.reset_mid_body(),
    faults.reset_before_effect(), faults.repeated_post(), faults.stale_keep_alive(), faults.cut(), faults.not_json(),
    faults.no_references(), faults.wrong_types(), faults.empty(202), faults.proxy_page(502),
    faults.proxy_page(504, effect=True), faults.status(503), faults.status(408), faults.status(404),
    faults.status(409, effect=True, remembered=True), faults.status(429, retry_after=1), faults.status(401),
    faults.status(500, effect=True, remembered=True), faults.status(500, remembered=True), faults.status(500),
    faults.delay(before=0.3), faults.delay(after=0.3), faults.slow_headers(0.001),
)  # fmt: skip
"""Of an upload."""

FORGETFUL = (faults.died_before_key(), faults.status(500, effect=True))
"""The effect is there and its key is not. Beside a list that shows effects late, that breaks A1 and A2 at once."""

LATE = (faults.late_effect(0.4), faults.late_effect(0.8))
LAG = 0.7
"""Seconds until an effect shows; the grace is longer."""

QUESTIONS = (
    ("readback", faults.status(500)), ("readback", faults.proxy_page(502)), ("readback", faults.cut()),
    ("readback", faults.reset_before_effect()), ("probe", faults.status(503)), ("probe", faults.status(401)),
    ("file", faults.status(503)), ("invoice", faults.status(500)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drop:
    """A file, and what its name says; nothing for a name that says nothing."""

    name: str
    title: str
    """Goes into the content: two files with one title have the same bytes."""
    reference: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Blow:
    """A signal, and when it comes."""

    signal: str
    """`KILL`; `TERM`; or `STOP`, and `CONT` after a pause."""
    after_start: float | None
    """Seconds from the start of the process; None: from a request."""
    request: int = 1
    """How many more requests of any kind the sandbox must have seen."""
    pause: float = 0.0
    """Seconds from that request on."""


@dataclass(frozen=True, slots=True)
class Round:
    """One life of the service: what comes before it, what happens in it, how it ends."""

    before: tuple[Drop, ...]
    during: tuple[Drop, ...]
    faults: tuple
    blows: tuple[Blow, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    seed: int
    lag: float
    rounds: tuple[Round, ...]

    @property
    def drops(self):
        return [drop for played in self.rounds for drop in (*played.before, *played.during)]


def drawn(seed, kills):
    """So many lives that each end with SIGKILL; some more end with SIGTERM."""
    rng = random.Random(seed)
    is_late = rng.random() < 0.5
    losses = LOSSES + (LATE if is_late else FORGETFUL) * 2
    numbers = iter(range(100_000, 1_000_000, 7))
    rounds, earlier = [], []
    while sum(played.blows[-1].signal == "KILL" for played in rounds) < kills:
        before = tuple(a_drop(rng, numbers, earlier) for _ in range(rng.choice((1, 1, 2, 3))))
        during = tuple(a_drop(rng, numbers, earlier) for _ in range(rng.choice((0, 1, 1))))
        rounds.append(Round(before, during, _faults(rng, losses), _blows(rng)))
    return Schedule(seed, LAG if is_late else 0.0, tuple(rounds))


def a_drop(rng, numbers, earlier):
    number = next(numbers)
    if rng.random() < 0.06:
        return Drop(rng.choice(NONSENSE).format(number), f"nonsense {number}")
    if earlier and rng.random() < 0.08:
        again = rng.choice(earlier)
        return Drop(f"again {number}/{again.name}", again.title, again.reference, again.kind)
    name, reference, kind = rng.choice(NAMES)
    drop = Drop(name.format(number), f"{kind} {number}", reference.format(number), kind)
    earlier.append(drop)
    return drop


def _faults(rng, losses):
    aimed = [("import", fault) for fault in rng.sample(losses, rng.choice((1, 2, 2, 3)))]
    aimed += rng.sample(QUESTIONS, rng.choice((0, 0, 1, 2)))
    return tuple(
        (fault, {"endpoint": endpoint, "times": rng.randint(1, 3), "skip": rng.choice((0, 0, 1))})
        for endpoint, fault in aimed
    )


def _blows(rng):
    stops = [Blow("STOP", None, rng.randint(1, 4), rng.uniform(0, 0.05))] if rng.random() < 0.1 else []
    last = "TERM" if rng.random() < 0.08 else "KILL"
    if rng.random() < 0.2:
        return (*stops, Blow(last, rng.uniform(0.02, 1.2)))
    # Most of a life goes by before the first request; the blow is to fall into the work.
    return (
        *stops,
        Blow(last, None, rng.randint(1, 9), rng.choice((0.0, 0.0, rng.uniform(0, 0.1), rng.uniform(0, 0.5)))),
    )
