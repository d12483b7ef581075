"""The page inside `importer run`: served where it is wanted, and no fault of it is one of the service's."""

import json
import socket

from importer.sandbox import faults
from tests.dashboard.office import Visitor


def test_the_service_serves_the_page_and_takes_up_what_is_decided(world):
    world.environ["IMPORTER_DASHBOARD__LISTEN"] = "127.0.0.1:0"
    world.environ["IMPORTER_BRAKE__FILES_PER_REFERENCE"] = "1"
    for number in range(3):
        world.drop(f"{number}/Brief RE12345.pdf")
    with world.running() as running:
        url = running.wait_for("dashboard.served")["url"]
        visitor = Visitor(url, "de")
        for _ in range(3):
            running.wait_for("file.put_away")
        page = visitor.get("/person").text
        assert "3 Dokumente brauchen eine Entscheidung." in page
        (batch,) = {line.split('"')[0] for line in page.split('action="/batch/')[1:]}
        action = f"/batch/{batch}"
        answer = visitor.http.post(action, data=visitor.fields("/person", action) | {"decision": "accept"})
        assert answer.headers["location"] == "/person"
        assert "Entschieden: 3." in visitor.get("/person").text
        for _ in range(3):
            running.wait_for("document.imported")
        assert "Nichts ist zu entscheiden." in visitor.get("/person").text
        audit(world, running, visitor)
        assert running.stop() == 0
    assert len(world.stored()) == 3


def audit(world, running, visitor):
    """It is begun by a button, goes on without its visitor, and tells how far it is."""
    world.sandbox.add_invoice("RE80001")
    world.sandbox.fail(faults.delay(before=None), endpoint="readback")
    assert "Noch keine." in visitor.get("/audit").text
    form = visitor.fields("/audit", "/audit/start")
    assert visitor.http.post("/audit/start", data={"how": "on"}).status_code == 403
    assert visitor.http.post("/audit/start", data=form).headers["location"] == "/audit"
    assert world.sandbox.wait_until(
        lambda: any(r.endpoint == "readback" for r in world.sandbox._state.store.requests), 30
    )
    page = visitor.get("/audit").text
    assert "Eine Prüfung läuft: 0 Rechnungen" in page
    assert 'action="/audit/start"' not in page, "one at a time"
    assert visitor.http.post("/audit/start", data=form).status_code == 303
    assert "Eine Prüfung läuft schon." in visitor.get("/audit").text
    world.sandbox.release()
    assert running.wait_for("audit.finished")["findings"] == 2
    (begun,) = [told for told in map(json.loads, running.log) if told["event"] == "audit.started"]
    assert begun["actor"]
    assert "Rechnungen: 2, Befunde: 2." in visitor.get("/audit").text
    assert ">RE80001</a>" in visitor.get("/audit").text


def test_a_page_that_cannot_be_served_stops_no_document(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        world.environ["IMPORTER_DASHBOARD__LISTEN"] = f"127.0.0.1:{taken.getsockname()[1]}"
        with world.running() as running:
            assert "name another address" in running.wait_for("dashboard.unavailable")["message"]
            world.drop("RE12345.pdf")
            running.wait_for("document.imported")
            assert running.stop() == 0
