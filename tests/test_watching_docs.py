"""What operators are told about metrics and alerts, held against the registry; and the page of a thread that hangs."""

import re
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from importer.adapters.metrics.registry import Metrics
from importer.adapters.metrics.server import Server
from importer.adapters.metrics.view import Census, Delivery, View
from importer.cli.watched import error_of, pages_of
from importer.config import load_settings
from importer.core.model import InDoubt, NotSent, ReadFailed, Refused, State, VendorError
from importer.lookout import Lookout
from importer.progress import Progress
from tests.test_progress import PATIENCE, under_way

DOCS = Path(__file__).parent.parent / "docs"
NOW = datetime(2026, 11, 21, tzinfo=UTC)

VIEW = View(
    now=NOW,
    census=Census(
        documents=[(State.HELD, "revision", 2)],
        first_seen={State.HELD: NOW - timedelta(hours=2), State.PENDING: NOW - timedelta(hours=1)},
        entered={State.HELD: NOW - timedelta(minutes=5)},
        size=4096,
    ),
    is_ledger_up=True,
    stopped="",
    circuits={"import": False},
    is_ready=True,
    is_stuck=False,
    looks=3,
    look_seconds=0.5,
    unannounced=1,
    deliveries={"dunning run": Delivery(is_silent=True, last=NOW)},
)


@pytest.fixture
def metrics():
    """With something of everything."""
    metrics = Metrics(lambda: VIEW, version="1", python="3")
    metrics.asked("import", "confirmed", "", 0.25)
    metrics.asked("documents", "found", "", 0.25)
    return metrics


def ours(metrics):
    """The labels of each metric of ours, by its name for whoever asks Prometheus."""
    endings = {"counter": "_total", "info": "_info"}
    return {
        family.name + endings.get(family.type, ""): {label for sample in family.samples for label in sample.labels}
        for family in metrics.families()
        if family.name.startswith("importer_")
    }


@pytest.mark.parametrize("where", ["docs/operations.md", "config/importer.toml"])
def test_what_is_shown_as_expected_loads(tmp_path, where):
    text = (DOCS.parent / where).read_text().replace("\n# ", "\n")
    (shown,) = re.findall(r"^\[\[expect\]\]\n(?:\w.*\n)+", text, re.MULTILINE)
    file = tmp_path / "importer.toml"
    file.write_text(shown)

    (expected,) = load_settings(file, {}).expect

    assert (expected.name, expected.kind, expected.timetable.days) == ("dunning run", "dunning1", set(range(5)))


def test_ages_are_those_of_the_moment(metrics):
    page = metrics.page().decode()

    assert 'importer_oldest_in_state_seconds{state="held"} 300.0\n' in page
    assert "importer_oldest_unfinished_seconds 7200.0\n" in page


def rules():
    """Those of alerts.yml, by what Prometheus knows a rule."""
    (group,) = yaml.safe_load((DOCS / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    assert group.keys() == {"name", "rules"}
    return group["rules"]


def test_every_alert_is_whole_and_speaks_of_metrics_that_there_are(metrics):
    alerts = rules()

    assert len({alert["alert"] for alert in alerts}) == len(alerts) > 10
    for alert in alerts:
        assert alert.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert alert["annotations"].keys() == {"summary", "remedy"}
        assert alert["labels"].keys() == {"severity"}
        assert alert["labels"]["severity"] in ("critical", "warning", "info")
        assert re.fullmatch(r"\d+[mh]", alert.get("for", "0m"))
        names = {name.removesuffix("_bucket") for name in re.findall(r"\bimporter_\w+", alert["expr"])}
        assert names <= ours(metrics).keys()
        assert names or re.search(r"\bup\{|node_textfile_mtime_seconds", alert["expr"])
        for states in re.findall(r'state=~?"([a-z|]+)"', alert["expr"]):
            assert set(states.split("|")) <= set(State)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (NotSent("no route"), ""),
        (Refused(VendorError(401, "Unauthorized")), "Unauthorized"),
        (Refused(VendorError(409, "ClientError", "ERR_UNIQUE_VIOLATION")), "ERR_UNIQUE_VIOLATION"),
        (Refused(VendorError(400, "made up for every request")), "400"),
        (InDoubt("500", VendorError(500, "ServerError")), "ServerError"),
        (InDoubt("read timed out"), ""),
        (ReadFailed("busy", 503), "503"),
    ],
)
def test_an_error_is_one_of_few_names(outcome, error):
    assert error_of(outcome) == error


def test_a_thread_that_hangs_makes_it_unhealthy_as_long_as_it_does():
    now = [0.0]
    service = SimpleNamespace(progress=Progress(lambda: now[0]))
    parts = {"inbox": Path(), "ledger_file": None, "heard": list, "clock": SimpleNamespace(steady=None)}
    lookout = Lookout(service, None, None, patience=PATIENCE, **parts)
    with Server("127.0.0.1", 0, pages_of(lookout, bytes)) as server:

        def health():
            connection = HTTPConnection("127.0.0.1", server.server_port, timeout=20)
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, content

        with under_way(service.progress):
            assert health()[0] == 200
            now[0] = PATIENCE.alone + 1
            status, content = health()
        assert (status, b"`take`" in content) == (503, True)
        assert health()[0] == 200
