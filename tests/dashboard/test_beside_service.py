"""The page inside `importer run`: served where it is wanted, and no fault of it is one of the service's."""

import socket

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
        assert running.stop() == 0
    assert len(world.stored()) == 3


def test_a_page_that_cannot_be_served_stops_no_document(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        world.environ["IMPORTER_DASHBOARD__LISTEN"] = f"127.0.0.1:{taken.getsockname()[1]}"
        with world.running() as running:
            assert "name another address" in running.wait_for("dashboard.unavailable")["message"]
            world.drop("RE12345.pdf")
            running.wait_for("document.imported")
            assert running.stop() == 0
