"""The line stops and starts by itself; a failing API is asked by one document, not by all of them."""

import json
from collections import Counter

import pytest

from importer.sandbox import faults
from tests.world import World, pdf, sandbox

FILES = 40
"""Many times more than what may go out while the API fails."""

HANDFUL = 30
"""8 uploads that were under way, then probes at widening intervals, each with its read-back."""

NAME = "RE12345.pdf"


@pytest.fixture
def many(world):
    """An inbox full of files, and pauses long enough to be felt."""
    # No round comes to the help of a service that has missed the moment at which the line has room again.
    world.environ |= {"IMPORTER_SCHEDULE__BACKOFF": "1s..4s", "IMPORTER_INBOX__RESCAN": "1h"}
    content = pdf()
    for number in range(FILES):
        world.drop(f"RE{10000 + number}.pdf", content + b"\n%% %d\n" % number)
    return world


def count(service, event):
    return sum(f'"event": "{event}"' in line for line in service.log)


def wait_for_all(service, *events):
    """Reads the log on until each file has had one of these events."""
    told = Counter(json.loads(line)["event"] for line in service.log)
    while sum(told[event] for event in events) < FILES:
        line = service.process.stderr.readline()
        assert line, f"the service ended:\n{''.join(service.log)}"
        service.log.append(line)
        told[json.loads(line)["event"]] += 1


def settled(world):
    """The documents at a moment at which none is on its way out: whatever was intended has been tried or withdrawn."""
    while True:
        documents = world.documents()
        if all(document["state"] != "sending" for document in documents):
            return documents


@pytest.mark.parametrize(
    "fault",
    [faults.status(503), faults.lost_reply()],
    ids=lambda fault: fault.name,
)
def test_a_failing_import_endpoint_is_asked_by_a_handful_of_documents(many, fault):
    # Given an API that answers the probe and fails at every upload
    many.sandbox.fail(fault, endpoint="import", times=None)
    with many.running() as service:
        # When many files are taken in
        wait_for_all(service, "document.admitted")
        # Then few of them were tried, the others are as they were, and it was told once
        assert len(many.sandbox.requests) < HANDFUL
        documents = settled(many)
        assert 3 <= len([document for document in documents if document["attempts"]]) < HANDFUL / 2
        assert {document["state"] for document in documents if not document["attempts"]} == {"pending"}
        (status,) = many.json("status", exits=4)
        assert status["line"]["code"] == "endpoint_failing"
        # and when the API is well again, all of them go out by themselves
        many.sandbox.clear()
        wait_for_all(service, "file.put_away")
        assert many.json("status", exits=0)[0]["line"] == {"code": None}
        assert service.stop() == 0
    assert count(service, "circuit.opened") == count(service, "circuit.closed") == 1
    assert count(service, "line.stopped") == 0
    assert len(set(many.stored())) == len(many.stored()) == FILES


def test_refused_credentials_cost_probes_and_no_uploads(many):
    many.sandbox.fail(faults.status(401), endpoint=None, times=None)
    with many.running() as service:
        wait_for_all(service, "document.admitted")
        assert {request.endpoint for request in many.sandbox.requests} == {"probe"}
        assert len(many.sandbox.requests) < HANDFUL
        many.sandbox.clear()
        wait_for_all(service, "file.put_away")
        service.stop()
    assert count(service, "line.stopped") == count(service, "line.opened") == 1
    assert len(set(many.stored())) == len(many.stored()) == FILES


def test_uploads_that_are_forbidden_although_the_probe_is_accepted_do_not_become_a_storm(many):
    many.sandbox.fail(faults.status(403), endpoint="import", times=None)
    with many.running() as service:
        service.wait_for("circuit.opened", endpoint="import")
        wait_for_all(service, "document.admitted")
        assert len(many.sandbox.requests) < HANDFUL
        many.sandbox.clear()
        # whoever was refused twice, with an accepted probe between, is a person's to look into
        wait_for_all(service, "document.imported", "document.held")
        service.stop()
    held = count(service, "document.held")
    assert held < HANDFUL / 2
    assert len(set(many.stored())) == len(many.stored()) == FILES - held


def test_an_api_that_is_gone_costs_one_line_in_the_log_and_comes_back_slowly(many):
    many.sandbox.fail(faults.delay(before=None), endpoint="probe", times=1)
    with many.running() as service:
        assert many.sandbox.wait_until(lambda: bool(many.sandbox.requests), 30)
        many.sandbox.close()
        wait_for_all(service, "document.admitted")
        assert len(many.sandbox.requests) == 1
        many.sandbox.start()
        wait_for_all(service, "file.put_away")
        service.stop()
    assert count(service, "line.stopped") == count(service, "line.opened") == 1
    assert len(set(many.stored())) == len(many.stored()) == FILES


def test_one_document_that_always_fails_does_not_hold_up_the_others(world):
    world.sandbox.fail(faults.proxy_page(502), endpoint="import", times=None, reference="RE66666")
    with world.running() as service:
        world.drop("RE66666.pdf")
        for _ in range(6):
            service.wait_for("document.uncertain", path="RE66666.pdf")
        world.drop(NAME)
        service.wait_for("document.imported", path=NAME)
        service.stop()
    assert count(service, "circuit.opened") == 0


def test_a_document_that_alone_is_forbidden_is_held_and_the_line_goes_on(world):
    world.sandbox.fail(faults.status(403), endpoint="import", times=None, reference="RE66666")
    with world.running() as service:
        world.drop("RE66666.pdf")
        service.wait_for("line.stopped", reason="credentials_refused")
        service.wait_for("line.opened")
        told = service.wait_for("document.held")
        assert (told["path"], told["reason"]) == ("RE66666.pdf", "forbidden_for_invoice")
        world.drop(NAME)
        service.wait_for("document.imported", path=NAME)


def test_an_unknown_invoice_is_asked_for_and_the_upload_follows_its_appearance(tmp_path):
    with sandbox(any_invoice=False) as abillify:
        world = World(tmp_path / "importer", abillify)
        world.drop(NAME)
        with world.running() as service:
            service.wait_for("document.waiting")
            service.wait_for("document.waiting")
            abillify.add_invoice("RE12345")
            service.wait_for("document.imported")
        assert len(abillify.effects) == 1
        asked = [request.endpoint for request in abillify.requests if request.endpoint != "probe"]
        assert asked[0] == asked[-1] == "import", "once to learn that it is unknown, once to send"
        assert set(asked[1:-1]) == {"invoice"}


def test_an_invoice_that_never_appears_is_a_persons_to_look_into(tmp_path):
    with sandbox(any_invoice=False) as abillify:
        world = World(tmp_path / "importer", abillify)
        world.environ["IMPORTER_SCHEDULE__WAITING_LIMIT"] = "500ms"
        world.drop(NAME)
        with world.running() as service:
            assert service.wait_for("document.held")["reason"] == "waiting_too_long"
        assert sum(request.endpoint == "import" for request in abillify.requests) == 1


@pytest.fixture
def line_of(world):
    """What `status` says about the line."""
    return lambda: world.json("status")[0]["line"]["code"]


def test_what_an_ended_backfill_met_is_no_word_about_a_service_that_is_well(world, line_of):
    with world.running() as service:
        service.wait_for("line.opened")
        right = world.environ.pop("IMPORTER_API__PASSWORD")
        world.environ["IMPORTER_API__PASSWORD"] = "wrong"
        world.importer("backfill", exits=5)
        assert line_of() is None
        world.importer("status", exits=0)
        world.environ["IMPORTER_API__PASSWORD"] = right
        service.stop()
    assert line_of() is None, "the service ended last, and all was well"


def test_what_a_backfill_met_counts_while_nobody_knows_better(world, line_of):
    right = world.environ.pop("IMPORTER_API__PASSWORD")
    world.environ["IMPORTER_API__PASSWORD"] = "wrong"
    world.importer("backfill", exits=5)
    assert line_of() == "credentials_refused"
    world.importer("status", exits=5)
    world.environ["IMPORTER_API__PASSWORD"] = right
    world.importer("backfill", exits=0)
    assert line_of() is None


def test_the_word_of_a_killed_importer_is_outlived_by_the_next_one(world, line_of):
    world.sandbox.fail(faults.status(401), endpoint="probe", times=None)
    with world.running() as service:
        service.wait_for("line.stopped")
        service.kill()
    assert line_of() == "credentials_refused"
    world.sandbox.clear()
    with world.running() as service:
        service.wait_for("line.opened")
        assert line_of() is None
