"""From a seed to a schedule: which files, which faults, which strikes, how time passes. Everything is drawn here."""

import random
from dataclasses import dataclass, field, replace

from importer.core.model import Kind
from importer.sandbox import faults
from tests.campaign.life import Strike
from tests.world import eml, pdf

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
HOPS = {1.0: 4, 5.0: 4, MINUTE: 5, 15 * MINUTE: 5, 2 * HOUR: 3, 11 * HOUR: 1, 26 * HOUR: 1}
"""How long a round takes, with weights: the long ones cost the most."""
OPTIONAL = (
    *("unsteady_date", "another_answer", "two_matches", "key_forgotten"),
    *("forgetful", "asleep_in_doubt", "asleep_at_intent", "late_after_500", "refused_in_doubt"),
)
"""`--with NAME`: faults outside the assumptions or not survived yet (the first four), and more of what is rare."""

PDFS = tuple(pdf(f"document {number}") for number in range(12))
MAILS = tuple(eml(f"mail {number}") for number in range(3))
BROKEN = (b"", PDFS[0][: len(PDFS[0]) // 2], b"no document at all")

NAMES = (
    ("Rechnung_{0}.pdf", Kind.INVOICE),
    ("{0}.pdf", Kind.INVOICE),
    ("1. Mahnung {0}.pdf", Kind.DUNNING1),
    ("Mahnung2_{0}.pdf", Kind.DUNNING2),
    ("Zahlungserinnerung_{0}.pdf", Kind.REMINDER),
    ("Brief {0}.pdf", Kind.LETTER),
    ("E-Mail {0}.eml", Kind.EMAIL),
)
NONSENSE = ("Scan_1.pdf", "Mahnung {0}.pdf", "{0}_RE99998.pdf", "{0}\nRechnung.pdf", "Bild {0}.jpg")


@dataclass(frozen=True)
class Drop:
    """A file that appears in the inbox, and what its name says: the truth, not as the importer sees it."""

    name: str
    content: bytes = field(repr=False)
    reference: str | None = None
    kind: Kind | None = None
    is_sound: bool = True


@dataclass(frozen=True)
class Round:
    """Some acts of the outside world, a strike that lies in wait, and a while in which the importer works."""

    acts: tuple
    strikes: tuple[Strike, ...]
    seconds: float


@dataclass(frozen=True)
class Schedule:
    """One seed's worth."""

    seed: int
    behaviour: dict
    unknown: tuple[str, ...]
    never: tuple[str, ...]
    """Invoices that are unknown at first, and those that never appear."""
    triggers: tuple
    rounds: tuple[Round, ...]


def draw(seed, options=frozenset()):
    """The schedule of a seed; `options` are names of OPTIONAL faults to be drawn as well."""
    rng = random.Random(seed)
    references = [f"RE{10000 + seed % 1000 * 10 + number}" for number in range(rng.randint(1, 4))]
    behaviour = _behaviour(rng, options)
    unknown = tuple(reference for reference in references if rng.random() < 0.12)
    rounds = tuple(_round(rng, references, options) for _ in range(rng.randint(3, 9)))
    return Schedule(
        seed=seed,
        behaviour=behaviour,
        unknown=unknown,
        never=tuple(reference for reference in unknown if rng.random() < 0.05),
        triggers=_triggers(rng, behaviour, options),
        rounds=_forgetting(rng, rounds, options),
    )


def _forgetting(rng, rounds, options):
    """In some schedules the ledger is lost, or an older one put in its place."""
    if rng.random() > (0.9 if "forgetful" in options else 0.15):
        return rounds
    first, last = sorted(rng.sample(range(len(rounds)), 2))
    delay = rng.choice((0.0, 0.0, 2 * HOUR))
    restore = [("restore", age, delay) for age in (HOUR, 2 * DAY, 30 * DAY)]
    fate = rng.choice([*restore, ("delete_ledger", delay), ("lose_log", delay)])
    changed = list(rounds)
    changed[first] = replace(rounds[first], acts=(*rounds[first].acts, ("back_up",)))
    changed[last] = replace(rounds[last], acts=(fate, *rounds[last].acts))
    return tuple(changed)


def _behaviour(rng, options):
    echo = rng.random() < 0.75
    lag = rng.choice((0.0, 0.0, 20.0, 200.0, 500.0))
    return {
        "any_invoice": True,
        "readback_lag": lag if options.isdisjoint(SURE) else 500.0,
        "underscore": rng.random() < 0.5,
        "echo": echo,
        "public_url": rng.choice(("", "", "", None, "https://files.example")),
        "public_auth": rng.random() < 0.5,
        "remember_refusals": rng.random() < 0.2,
        "date_skew": rng.choice((0.0, 0.0, 0.0, -172800.0, 5000.0)),
    }


def _triggers(rng, behaviour, options):
    catalogue = [*_of_imports(behaviour), *_of_questions(), *_optional(options)]
    chosen = _within_assumptions(rng.sample(catalogue, rng.randint(0, 5)))
    sure = [(fault, {"endpoint": "import"}) for option in sorted(options) for fault in SURE.get(option, ()) * 4]
    return (*sure, *(
        (fault, {"endpoint": endpoint, "times": rng.randint(1, 4), "skip": rng.choice((0, 0, 1, 2)),
                 "probability": rng.choice((0.4, 0.8, 1.0))})
        for fault, endpoint in chosen
    ))  # fmt: skip


SURE = {
    "asleep_in_doubt": (faults.lost_reply(),),
    "late_after_500": (faults.status(500, effect=True, remembered=True),),
    "refused_in_doubt": (faults.lost_reply(), faults.status(429)),
}
"""What imports meet first under an option, one after the other; and what they store is late in the list."""

KEY_LOST = (faults.died_before_key(), faults.status(500, effect=True))


def _within_assumptions(chosen):
    """A late effect beside a server that forgets keys breaks A1: two effects under one key within the day."""
    if not any(fault.name == "late_effect" for fault, _ in chosen):
        return chosen
    return [(fault, endpoint) for fault, endpoint in chosen if fault not in KEY_LOST]


def _of_imports(behaviour):
    made = [
        faults.lost_reply(), faults.lost_reply(), faults.reset_before_body(), faults.reset_mid_body(),
        faults.reset_before_effect(), faults.late_effect(30), faults.late_effect(400), faults.repeated_post(),
        faults.cut(), faults.cut(framed=False), faults.not_json(), faults.no_references(), faults.null_references(),
        faults.wrong_types(), faults.empty(202), faults.empty(204), faults.redirect(), faults.no_date(),
        faults.status(500, effect=True, remembered=True), faults.status(500, effect=True, remembered=True),
        faults.status(500, remembered=True), faults.status(500, remembered=True), faults.status(500),
        faults.status(503), faults.status(408), faults.status(409, effect=True, remembered=True), faults.status(409),
        faults.proxy_page(502), faults.proxy_page(503, effect=True), faults.proxy_page(504, effect=True),
        faults.status(400), faults.status(401), faults.status(403), faults.status(404), faults.status(413),
        faults.status(415), faults.status(422), faults.status(404, remembered=True), faults.status(429),
        faults.status(429, retry_after=90), faults.status(429, retry_after="soon"),
        faults.status(429, retry_after="Thu, 01 Oct 2026 20:00:00 GMT"),
    ]  # fmt: skip
    if behaviour["readback_lag"] == 0:
        # With a lag these break A1 and A2 at once: stored, not shown, and the key forgotten.
        made += [faults.died_before_key(), faults.died_before_key(), faults.status(500, effect=True)]
    if behaviour["echo"]:
        made += [faults.rewritten_bytes()]  # without any echo this breaks A3 altogether
    return [(fault, "import") for fault in made]


def _of_questions():
    listing = [faults.status(500), faults.status(403), faults.proxy_page(502), faults.cut(), faults.not_json(),
               faults.reset_before_effect(), faults.no_date()]  # fmt: skip
    probe = [faults.status(503), faults.status(401), faults.proxy_page(502), faults.no_date()]
    file = [faults.status(403), faults.status(503), faults.proxy_page(502)]
    return (
        [(fault, "readback") for fault in listing]
        + [(fault, "probe") for fault in probe]
        + [(fault, "file") for fault in file]
        + [(faults.status(500), "invoice"), (faults.status(404), "invoice")]
    )


def _optional(options):
    made = {
        "unsteady_date": [(faults.wrong_date(7200), "readback"), (faults.wrong_date(-7200), "import")],
        "another_answer": [(faults.another_answer(), "import")],
        "two_matches": [(faults.two_matches(), "import")],
        "key_forgotten": [(faults.key_forgotten(), "import")],
    }
    return [trigger for option in sorted(options) for trigger in made.get(option, ()) * 8]


def _round(rng, references, options):
    acts = [("drop", _drop(rng, references)) for _ in range(rng.choice((0, 1, 1, 1, 2)))]
    if rng.random() < 0.45:
        acts.append(_act(rng, references))
    return Round(
        acts=tuple(acts),
        strikes=_strikes(rng, options),
        seconds=rng.choices(tuple(HOPS), tuple(HOPS.values()))[0],
    )


def _drop(rng, references):
    reference = rng.choice(references)
    if rng.random() < 0.1:
        return Drop(rng.choice(NONSENSE).format(reference), rng.choice(PDFS))
    name, kind = rng.choice(NAMES)
    name = name.format(reference)
    if rng.random() < 0.3:
        name = f"{rng.choice(('a', 'b'))}/{name}"
    if rng.random() < 0.08:
        return Drop(name, rng.choice(BROKEN), reference, kind, is_sound=False)
    return Drop(name, rng.choice(MAILS if kind is Kind.EMAIL else PDFS[:5]), reference, kind)


def _act(rng, references):
    return rng.choice(
        [
            ("replace", rng.random(), rng.choice(PDFS)),
            ("delete", rng.random()),
            ("appear",),
            ("rotate", rng.choice((MINUTE, 3 * HOUR))),
            ("away", rng.choice((MINUTE, 3 * HOUR, 26 * HOUR))),
            ("delete_remote", rng.random()),
            ("retry",),
            ("accept",),
            ("grow", _drop(rng, references)),
            ("set_clock", rng.choice((-48 * HOUR, 48 * HOUR))),
            ("squat", rng.random()),
            ("restart",),
            ("again",),
            ("append", rng.random(), rng.choice((1.0, 3.0, 90.0))),
        ]
    )


WHERE = (
    *("", "", "", "claim:after", "examine:before", "admit:before", "admit:after", "intend:before", "send:before"),
    *("intend:after", "send:after", "send:after", "send:after", "record:document.imported:before"),
    *("record:document.imported:after", "receipt:after", "move:after", "moved:before", "moved:after", "reason:after"),
    *("record:document.absence_proved", "record:document.uncertain", "record:document.interrupted", "take_over"),
    *("release:before", "read_back:before", "record:document.absent"),
)
SLEEPS = (30.0, 130.0, 2 * HOUR, 26 * HOUR, 40 * HOUR)


RECOVERY = ("take_over:begin", "take_over:before", "take_over:after", "record:document.interrupted:before")
"""Steps of a recovery after which the next one finds the same work."""
SLEEP_AT = (
    *("send:before", "send:after", "admit:after", "claim:after", "move:before", "read_back:before", "intend:after"),
    "record:document.absent",
)

ASLEEP = {
    "asleep_in_doubt": Strike("freeze", "record:document.absent", seconds=26 * HOUR),
    "asleep_at_intent": Strike("suspend", "intend:after", seconds=40 * HOUR),
}


def _strikes(rng, options):
    for option, strike in ASLEEP.items():
        if option in options:
            return (strike,)
    how_many = rng.choice((0, 1, 1, 1, 2, 6, "recovery"))
    if how_many != "recovery":
        return tuple(_strike(rng) for _ in range(how_many))
    fatal = Strike("kill", rng.choice(("send:before", "send:after", "intend:after")), rng.choice((0, 1)))
    return (fatal, *(Strike("kill", rng.choice(RECOVERY)) for _ in range(5)))


def _strike(rng):
    kinds = {"kill": 14, "suspend": 3, "freeze": 1, "ledger": 2, "busy": 1, "disk": 1}
    kind = rng.choices(tuple(kinds), tuple(kinds.values()))[0]
    skip = rng.choice((0, 0, 0, 1, 2))
    match kind:
        case "kill":
            where = rng.choice(WHERE)
            return Strike(kind, where, skip if where else rng.randint(0, 25), rng.choice((0.0, 5.0, 26 * HOUR)))
        case "suspend" | "freeze":
            return Strike(kind, rng.choice(SLEEP_AT), skip, rng.choice(SLEEPS))
        case "ledger" | "busy":
            return Strike(kind, "", rng.randint(0, 25))
    return Strike(kind, "", skip)
