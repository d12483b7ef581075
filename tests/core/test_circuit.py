"""A circuit: opens after several documents, lets one through, and widens step by step."""

from datetime import timedelta

import pytest

from importer.core import circuit
from importer.core.circuit import EVERYBODY, FAILING, Circuit, failure_of, room
from importer.core.model import (
    Absent,
    Confirmed,
    Found,
    InDoubt,
    InvoiceKnown,
    InvoiceUnknown,
    NotSent,
    ReadFailed,
    Refused,
    Unclear,
)
from tests.making import REFERENCES, error

SCHEDULE = (timedelta(seconds=1), timedelta(seconds=60))


def fail(found, document=1, now=0.0):
    return circuit.failed(found, document, now, SCHEDULE, f"{document} {now}")


def opened(now=0.0):
    found = Circuit()
    for document in range(FAILING):
        found = fail(found, document, now)
    return found


def half_open():
    found = opened()
    return found, found.shut_until


def test_it_carries_everybody_until_several_documents_in_a_row_have_failed():
    found = Circuit()
    for document in range(FAILING - 1):
        found = fail(found, document)
    assert room(found, 0.0) == EVERYBODY
    assert room(fail(found, FAILING), 0.0) == 0


def test_one_document_alone_never_opens_it():
    found = Circuit()
    for _ in range(20):
        found = fail(found, 1)
    assert room(found, 0.0) == EVERYBODY


def test_a_success_in_between_forgets_the_failures():
    found = Circuit()
    for document in range(20):
        found = circuit.succeeded(fail(found, document))
    assert room(found, 0.0) == EVERYBODY


def test_after_the_pause_exactly_one_is_let_through():
    found, then = half_open()
    assert room(found, then - 0.001) == 0
    assert room(found, then) == 1
    probing = circuit.begun(found)
    assert room(probing, then + 1000) == 0
    # one that ends without a verdict leaves the place to the next
    assert room(circuit.ended(probing), then) == 1


def test_each_failure_of_the_probe_pauses_longer_up_to_a_limit():
    found, pauses = opened(), []
    for _ in range(10):
        pauses.append(found.shut_until)
        found = fail(circuit.begun(found), 9, 0.0)
    assert pauses[:4] == sorted(pauses[:4])
    assert pauses[3] > 4 * pauses[0]
    assert max(pauses) <= 60
    assert min(pauses[-3:]) >= 45


def test_the_pause_differs_with_the_seed():
    pauses = {circuit.failed(Circuit(openings=1), 1, 0.0, SCHEDULE, str(seed)).shut_until for seed in range(20)}
    assert len(pauses) > 10
    assert all(1.5 <= pause <= 2 for pause in pauses)


def test_a_success_closes_it_and_each_one_doubles_how_many_may_come():
    found, then = half_open()
    rooms = []
    for _ in range(8):
        found = circuit.ended(circuit.succeeded(circuit.begun(found)))
        rooms.append(room(found, then))
    assert rooms == [2, 4, 8, 16, 32, 64, 128, 128]
    assert found == Circuit(era=found.era), "all is forgotten"


def test_a_failure_while_it_recovers_opens_it_at_once_and_for_longer():
    found, then = half_open()
    first = found.shut_until
    again = fail(circuit.succeeded(found), 7, then)
    assert room(again, then) == 0
    assert again.shut_until - then > first


def test_what_was_under_way_when_it_opened_takes_no_room_and_is_of_another_era():
    busy = Circuit()
    for _ in range(8):
        busy = circuit.begun(busy)
    found = busy
    for document in range(FAILING):
        found = fail(found, document)
    assert room(found, found.shut_until) == 1
    assert found.era != busy.era


def test_after_an_outage_of_the_whole_line_it_begins_with_one_but_forgives_one_failure():
    found = circuit.slowed(Circuit())
    assert room(found, 0.0) == 1
    assert room(fail(found, 1), 0.0) == 1


@pytest.mark.parametrize(
    "outcome",
    [
        NotSent("no route"),
        InDoubt("timed out"),
        InDoubt("503", error(503)),
        ReadFailed("502 from a proxy", 502),
        *(Refused(error(status)) for status in (401, 403, 429)),
    ],
    ids=str,
)
def test_what_speaks_against_the_endpoint(outcome):
    assert failure_of(outcome)


@pytest.mark.parametrize(
    "outcome",
    [
        Confirmed(REFERENCES),
        Found(REFERENCES, "bytes"),
        Absent(),
        Absent(unknown_invoice=True),
        Unclear("twice"),
        InvoiceKnown(),
        InvoiceUnknown(),
        *(Refused(error(status)) for status in (400, 404, 413, 415, 422)),
    ],
    ids=str,
)
def test_what_speaks_of_the_document_only(outcome):
    assert failure_of(outcome) is None
