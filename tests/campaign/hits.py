"""Which faults of exactly-once.md a schedule really met, by their numbers."""

import re
from collections import Counter

from tests.campaign.schedule import DAY, HOUR

KILLS = (
    (1, "claim:after"), (2, "examine:before"), (3, "admit:before"), (4, "admit:after"), (5, "intend:before"),
    (6, "intend:after"), (6, "send:before"), (9, "record:document.*:begin"), (9, "record:document.*:before"),
    (10, "record:document.imported:after"), (11, "receipt:after"), (12, "move:after"), (13, "moved:before"),
    (14, "reason:.*"), (15, "record:document.absence_proved:.*"),
)  # fmt: skip
"""Steps at which a kill is that fault."""

REQUESTS = {
    "reset_mid_body": 21, "reset_before_body": 21, "reset_before_effect": 22, "died_before_key": 23, "lost_reply": 24,
    "late_effect": 31, "cut": 29, "repeated_post": 33, "another_answer": 34, "not_json": 38, "no_references": 39,
    "null_references": 39, "wrong_types": 40, "empty_202": 41, "empty_204": 41, "redirect": 42, "status_400": 43,
    "status_401": 44, "status_429": 51, "status_413": 52, "status_415": 52, "status_422": 52, "proxy_502": 37,
    "proxy_503": 37, "proxy_504": 37, "key_forgotten": 54, "two_matches": 61, "rewritten_bytes": 60, "status_409": 49,
}  # fmt: skip
"""Faults of the sandbox by name, on an import."""


def hits_of(ending):
    """How often each fault struck."""
    counts = Counter()
    for request in ending.requests:
        counts.update(_of_request(request))
    for kind, step, seconds in ending.strikes:
        counts.update(_of_strike(kind, step, seconds))
    counts.update(_of_kills_after_sends(ending))
    counts.update(_of_acts(ending.acts))
    counts.update(_of_behaviour(ending))
    counts[16] += ending.most_kills_in_recovery >= 5
    return +counts


def _of_request(request):
    fault = request.fault
    if request.endpoint == "import":
        if fault in REQUESTS:
            yield REQUESTS[fault]
        if fault == "late_effect":
            yield 25
        if not request.authorized:
            yield 44
    elif request.endpoint == "readback" and fault != "none":
        yield 57
    elif request.endpoint == "file" and fault != "none":
        yield 58
    if fault == "no_date":
        yield 105


def _of_strike(kind, step, seconds):
    if kind == "kill":
        yield from (number for number, pattern in KILLS if re.fullmatch(pattern, step))
    if kind in ("ledger", "disk"):
        yield 63
        if kind == "ledger":
            yield from (83, 84)
    if kind == "busy":
        yield 81
    if kind == "suspend":
        yield 96
    if kind in ("suspend", "freeze"):
        yield 99 if step.startswith("send") and seconds > 125 else 100
        if step in ("send:before", "intend:after"):
            yield 102 if seconds > 100000 else 101


def _of_kills_after_sends(ending):
    """What the server made of an upload whose sender was killed before it knew."""
    killed = sum(kind == "kill" and step == "send:after" for kind, step, _ in ending.strikes)
    return {8: killed, 7: min(killed, sum(r.fault == "reset_mid_body" for r in ending.requests))}


def _of_acts(acts):
    numbers = {
        "replace": (70, 109), "delete": (73,), "appear": (47,), "rotate": (115,), "delete_remote": (62,),
        "retry": (114,), "grow": (72,), "squat": (69,), "again": (106,), "append": (71,), "delete_ledger": (91,),
        "lose_log": (92,),
    }  # fmt: skip
    for act in acts:
        yield from numbers.get(act[0], ())
        if act[0] == "away":
            yield 19
            if act[1] > 86400:
                yield 32
        if act[0] == "restore":
            yield {HOUR: 88, 2 * DAY: 89, 30 * DAY: 90}[act[1]]
        if act[0] == "set_clock":
            yield 103 if act[1] > 0 else 104


def _of_behaviour(ending):
    behaviour, met = ending.schedule.behaviour, Counter(request.fault for request in ending.requests)
    yield from _of_errors(ending)
    yield from (45,) * met["status_403"]
    yield from (56,) * bool(behaviour["readback_lag"] and ending.effects)
    yield from (58,) * bool(behaviour["public_url"] is None)
    yield from (59,) * bool((behaviour["public_url"] or "").startswith("https"))
    yield from (105,) * bool(behaviour["date_skew"])
    yield from (77,) * sum("\n" in dropped.drop.name for dropped in ending.dropped)
    yield from (72,) * sum(not dropped.drop.is_sound for dropped in ending.dropped)
    identities = {}
    for dropped in ending.dropped:
        seen = identities.setdefault(dropped.sha256, set())
        yield from (108,) * bool(seen and (dropped.drop.reference, dropped.drop.kind) not in seen)
        seen.add((dropped.drop.reference, dropped.drop.kind))


def _of_errors(ending):
    """Faults of one name that differ in effect or memory; counted only where the schedule leaves no choice."""
    caused = {effect.request for effect in ending.effects}
    kept = {(fault.name, fault.effect.value) for fault, _ in ending.schedule.triggers if fault.memory == "faulty"}
    for request in ending.requests:
        if request.fault == "status_500" and request.endpoint == "import":
            if request.number in caused:
                yield 35
            elif ("status_500", "never") in kept and ("status_500", "once") not in kept:
                yield 36
        if request.fault == "status_404" and ("status_404", "never") in kept:
            yield 48
