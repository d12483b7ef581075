"""A service that is watched from outside: its pages, its file of metrics, its sources, its lines in the journal."""

import http.client
import json
import os
import re
import socket
import subprocess
from datetime import datetime, timedelta

import pytest

from importer.sandbox import faults
from tests.world import eml

HEALTHY = (200, {"status": "alive", "faults": []})


class Visitor:
    """Somebody who looks at the pages."""

    def __init__(self, service):
        self.port = service.wait_for("metrics.served")["port"]

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, json.loads(content) if content.startswith("{") else content

    def metrics(self):
        status, content = self.get("/metrics")
        assert status == 200
        return samples_in(content)

    def wait_for(self, path, status):
        """Asks until it is so; the test's time limit ends it."""
        while (answer := self.get(path))[0] != status:
            pass
        return answer[1]


def samples_in(content):
    """The values by name and labels, as they stand there."""
    assert content.endswith("\n")
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in content.splitlines() if not line.startswith("#"))
    }


@pytest.fixture
def served(world):
    world.environ |= {"IMPORTER_SERVICE__METRICS": "127.0.0.1:0", "IMPORTER_INBOX__RESCAN": "200ms"}
    return world


def expect(world, **tables):
    """Sources that should have delivered by last midnight or never, with the further settings of each."""
    lines = [f'[[expect]]\nname = "{name}"\n{settings}\n' for name, settings in tables.items()]
    world.config.write_text(world.config.read_text() + "\n".join(lines))


def test_a_service_that_works_says_so_and_counts(served):
    served.drop("nonsense.pdf")
    with served.running() as service:
        visitor = Visitor(service)
        service.wait_for("file.put_away", path="nonsense.pdf")
        served.drop("RE10001.pdf")
        service.wait_for("file.put_away", path="RE10001.pdf")
        assert visitor.wait_for("/readyz", 200) == {"status": "ready", "faults": []}
        assert visitor.get("/healthz") == HEALTHY
        assert visitor.get("/")[0] == 404
        told = visitor.metrics()
        service.stop()
    assert told["importer_ready"] == told["importer_ledger_up"] == 1
    assert told["importer_stuck"] == told['importer_line_stopped{reason=""}'] == 0
    assert told['importer_documents{reason="",state="imported"}'] == 1
    assert told['importer_documents{reason="no_rule",state="rejected"}'] == 1
    assert told['importer_api_outcomes_total{endpoint="import",error="",outcome="confirmed"}'] == 1
    assert told["importer_upload_seconds_count"] == 1
    assert told["importer_scans_total"] >= 1
    assert told["importer_files_found_only_by_scan_total"] == 0
    assert told["importer_ledger_bytes"] > 0


def test_refused_credentials_make_it_unready_and_not_unhealthy(served):
    served.sandbox.fail(faults.status(401), endpoint=None, times=None)
    served.drop("RE10001.pdf")
    with served.running() as service:
        visitor = Visitor(service)
        service.wait_for("line.stopped", reason="credentials_refused")
        service.wait_for("document.admitted")
        (fault,) = visitor.wait_for("/readyz", 503)["faults"]
        assert fault["code"] == "credentials_refused"
        assert "Check user name and password" in fault["message"]
        assert visitor.get("/healthz") == HEALTHY
        told = visitor.metrics()
        assert told['importer_line_stopped{reason="credentials_refused"}'] == 1
        assert told["importer_ready"] == 0
        assert told['importer_api_outcomes_total{endpoint="probe",error="Unauthorized",outcome="probe_refused"}'] >= 1
        assert told['importer_documents{reason="",state="pending"}'] == 1
        assert (
            0 < told['importer_oldest_in_state_seconds{state="pending"}'] <= told["importer_oldest_unfinished_seconds"]
        )
        served.sandbox.clear()
        visitor.wait_for("/readyz", 200)


def test_an_inbox_that_is_moved_away_makes_it_unready_until_it_is_back(served):
    with served.running() as service:
        visitor = Visitor(service)
        visitor.wait_for("/readyz", 200)
        away = served.inbox.rename(served.folder / "away")
        (fault,) = visitor.wait_for("/readyz", 503)["faults"]
        assert (fault["code"], str(served.inbox) in fault["message"]) == ("inbox_missing", True)
        assert visitor.get("/healthz") == HEALTHY
        away.rename(served.inbox)
        visitor.wait_for("/readyz", 200)
        served.drop("RE10001.pdf")
        service.wait_for("document.imported")


def test_what_came_of_lost_replies_is_counted(served):
    served.sandbox.fail(faults.lost_reply(), endpoint="import", times=1)
    served.drop("RE10001.pdf")
    with served.running() as service:
        visitor = Visitor(service)
        service.wait_for("file.put_away")
        told = visitor.metrics()
    assert told['importer_api_outcomes_total{endpoint="import",error="",outcome="in_doubt"}'] == 1
    assert told['importer_readbacks_total{outcome="found"}'] == 1


def test_a_port_that_is_taken_keeps_no_document_waiting(world):
    with socket.create_server(("127.0.0.1", 0)) as other:
        world.environ["IMPORTER_SERVICE__METRICS"] = f"127.0.0.1:{other.getsockname()[1]}"
        world.drop("RE10001.pdf")
        with world.running() as service:
            assert "another port" in service.wait_for("metrics.unavailable")["message"]
            service.wait_for("document.imported")


def test_the_file_for_a_node_exporter_is_whole_readable_and_gone_with_the_service(world):
    folder = world.folder / "textfiles"
    folder.mkdir()
    file = folder / "importer.prom"
    world.environ |= {"IMPORTER_SERVICE__METRICS": "textfiles/importer.prom", "IMPORTER_SERVICE__HEARTBEAT": "20ms"}
    world.drop("RE10001.pdf")
    with world.running() as service:
        service.wait_for("file.put_away")
        told = {}
        while told.get('importer_api_outcomes_total{endpoint="import",error="",outcome="confirmed"}') != 1:
            told = samples_in(file.read_text()) if file.exists() else {}
        assert told["importer_ready"] == 1
        assert file.stat().st_mode & 0o777 == 0o644
        assert service.stop() == 0
    assert list(folder.iterdir()) == []


# Sources that should deliver


def test_a_source_that_has_not_delivered_is_told_everywhere_until_it_does(served):
    everyday = 'by = "0:00"\ndays = "mon-sun"'
    expect(
        served,
        dunning=f'{everyday}\nfolder = "Mahnungen/**"',
        mails=f'{everyday}\nkind = "email"',
        invoices=f'{everyday}\nkind = "invoice"\nfolder = "x/*"',
    )
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    served.environ["IMPORTER_SERVICE__HEARTBEAT"] = "50ms"
    served.drop("Mahnungen/2026/1. Mahnung RE10001.pdf")
    served.drop("RE10001.pdf")
    with served.running() as service:
        visitor = Visitor(service)
        silent = {service.wait_for("source.silent")["source"] for _ in range(2)}
        assert silent == {"mails", "invoices"}
        told = visitor.metrics()
        assert told['importer_source_silent{source="dunning"}'] == 0
        assert told['importer_source_silent{source="mails"}'] == 1
        delivered = told['importer_source_last_delivery_timestamp_seconds{source="dunning"}']
        assert midnight.timestamp() < delivered <= (midnight + timedelta(days=2)).timestamp()

        (status,) = served.json("status", exits=3)
        assert {source["name"] for source in status["silent"]} == silent
        for source in status["silent"]:
            assert abs(datetime.fromisoformat(source["expected_by"]) - midnight) <= timedelta(days=1)
        assert "nothing has come from mails" in served.importer("status", exits=3).stdout

        served.drop("E-Mail RE10001.eml", eml())
        service.wait_for("source.delivered", source="mails")
        service.stop()
    assert sum('"source.silent"' in line for line in service.log) == 2
    assert [source["name"] for source in served.json("status", exits=3)[0]["silent"]] == ["invoices"]


# The journal


def test_in_the_journal_every_line_has_its_priority(world, tmp_path):
    world.drop("RE10001.pdf")
    world.drop("nonsense.pdf")
    with (tmp_path / "journal").open("w+") as journal:
        status = os.fstat(journal.fileno())
        world.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
        backfill, environ = world.command("backfill"), world.full_environ
        subprocess.run(backfill, stdout=subprocess.DEVNULL, stderr=journal, env=environ, check=False)
        journal.seek(0)
        lines = [re.fullmatch("<([0-7])>(.*)\n", line) for line in journal]
    priorities = {(json.loads(found[2])["level"], found[1]) for found in lines}
    assert priorities == {("info", "6"), ("warning", "4")}
    assert world.importer("backfill").stderr.count("<") == 0, "elsewhere nobody takes it off again"
