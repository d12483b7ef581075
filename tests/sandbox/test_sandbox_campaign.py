"""Many faults at once: a seed repeats a schedule, and what is promised under a key holds."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from importer.sandbox import faults

REFERENCES = [f"RE{number}" for number in range(6)]
HARMLESS = (
    faults.status(503),
    faults.proxy_page(effect=True),
    faults.lost_reply(),
    faults.reset_before_body(),
    faults.reset_before_effect(),
    faults.repeated_post(),
    faults.late_effect(5),
    faults.cut(),
    faults.stale_keep_alive(),
)


def attempt(bench, reference):
    """Sends under one key until it is answered with references, as a client would that knows no better."""
    for _ in range(100):
        try:
            reply = bench.send(reference, key=reference)
        except httpx.TransportError:
            continue
        if reply.status_code == 200:
            return reply.json()["communicationReference"]
    raise AssertionError(reference)


def run(bench, seed):
    bench.sandbox.reset(seed)
    for fault in HARMLESS:
        bench.sandbox.fail(fault, times=None, probability=0.15)
    with ThreadPoolExecutor(len(REFERENCES)) as pool:
        references = list(pool.map(lambda reference: attempt(bench, reference), REFERENCES))
    bench.sandbox.release()
    return references


def faults_seen(bench):
    return {
        reference: [seen.fault for seen in bench.sandbox.requests if seen.reference == reference]
        for reference in REFERENCES
    }


@pytest.mark.parametrize("seed", range(5))
def test_one_key_has_one_effect_through_all_that_a_right_server_can_meet(start, seed):
    bench = start(any_invoice=True)

    references = run(bench, seed)

    stored = {held.reference: f"_{held.id}" for held in bench.sandbox.effects}
    assert Counter(held.reference for held in bench.sandbox.effects) == dict.fromkeys(REFERENCES, 1)
    assert [stored[reference] for reference in REFERENCES] == references


def test_a_seed_repeats_its_schedule_although_the_requests_race(start):
    bench = start(any_invoice=True)
    run(bench, 42)
    first = faults_seen(bench)
    run(bench, 42)

    assert faults_seen(bench) == first
    run(bench, 43)
    assert faults_seen(bench) != first
