"""Which request a fault hits."""

import pytest

from importer.sandbox import Endpoint, Trigger, faults
from importer.sandbox.plan import Plan

BUSY = faults.status(503)
LOST = faults.lost_reply()


def picked(plan, count, endpoint=Endpoint.IMPORT, reference="RE1"):
    return [plan.pick(endpoint, reference).name for _ in range(count)]


def planned(*triggers, seed=0):
    plan = Plan(seed)
    for trigger in triggers:
        plan.add(trigger)
    return plan


def test_without_triggers_nothing_happens():
    assert picked(Plan(), 2) == ["none", "none"]


def test_a_fault_hits_the_next_import_by_default():
    plan = planned(Trigger(fault=BUSY))

    assert picked(plan, 1, Endpoint.READBACK) == ["none"]
    assert picked(plan, 2) == ["status_503", "none"]


def test_faults_queue_up():
    plan = planned(Trigger(fault=BUSY), Trigger(fault=faults.none()), Trigger(fault=LOST, times=2))

    assert picked(plan, 5) == ["status_503", "none", "lost_reply", "lost_reply", "none"]


def test_a_fault_can_wait_and_stay():
    assert picked(planned(Trigger(fault=BUSY, skip=2)), 4) == ["none", "none", "status_503", "none"]
    assert picked(planned(Trigger(fault=BUSY, times=None)), 3) == ["status_503"] * 3


def test_a_fault_is_for_one_reference_or_any_endpoint():
    plan = planned(Trigger(fault=BUSY, reference="RE2", times=None), Trigger(fault=LOST, endpoint=None, times=None))

    assert picked(plan, 1, reference="RE2") == ["status_503"]
    assert picked(plan, 1, reference="RE1") == ["lost_reply"]
    assert picked(plan, 1, Endpoint.FILE, "1") == ["lost_reply"]


def test_clear_switches_everything_off():
    plan = planned(Trigger(fault=BUSY, times=None))
    picked(plan, 3)

    plan.clear()

    assert picked(plan, 1) == ["none"]
    plan.add(Trigger(fault=LOST))
    assert picked(plan, 2) == ["lost_reply", "none"]


def test_probability_is_seeded():
    def schedule(seed):
        return picked(planned(Trigger(fault=BUSY, times=None, probability=0.3), seed=seed), 200)

    assert schedule(1) == schedule(1)
    assert schedule(1) != schedule(2)
    assert 30 < schedule(1).count("status_503") < 90


@pytest.mark.parametrize(("probability", "hits"), [(0.0, 0), (1.0, 50)])
def test_the_ends_of_probability(probability, hits):
    plan = planned(Trigger(fault=BUSY, times=None, probability=probability))

    assert picked(plan, 50).count("status_503") == hits


def test_a_schedule_does_not_depend_on_who_comes_first():
    def plan():
        return planned(Trigger(fault=BUSY, times=None, probability=0.5))

    one, other = plan(), plan()
    in_turn = {reference: picked(one, 20, reference=reference) for reference in ("a", "b")}
    mixed = [(other.pick(Endpoint.IMPORT, "b").name, other.pick(Endpoint.IMPORT, "a").name) for _ in range(20)]

    assert in_turn == {"a": [a for _, a in mixed], "b": [b for b, _ in mixed]}


def test_a_missed_draw_leaves_the_next_trigger_its_turn():
    plan = planned(Trigger(fault=BUSY, times=None, probability=0.5), Trigger(fault=LOST, times=None))

    assert set(picked(plan, 50)) == {"status_503", "lost_reply"}
