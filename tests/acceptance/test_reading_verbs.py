"""The verbs that only tell: explain, status, list, show, doctor, init, help."""

import base64
import csv
import io
import json
import subprocess
import sys

import pytest

from importer.cli.main import VERBS
from importer.report import FIELDS
from importer.sandbox import faults
from tests.world import PASSWORD, USER, World, eml, pdf

EXPLAINED = [
    *("path", "decision", "invoice_reference", "kind", "label", "filename", "rule", "reason", "rules", "facts"),
    *("ledger", "request"),
]


@pytest.fixture
def offline(tmp_path):
    """No credentials, no API."""
    world = World(tmp_path / "importer")
    del world.environ["IMPORTER_API__USERNAME"], world.environ["IMPORTER_API__PASSWORD"]
    return world


def test_explain_tells_everything_without_credentials_api_or_traces(offline):
    offline.drop("Rechnung_RE12345.pdf")
    offline.drop("nonsense.pdf")
    offline.drop("Thumbs.db")
    before = sorted(offline.folder.rglob("*"))
    names = ["Rechnung_RE12345.pdf", "nonsense.pdf", "Thumbs.db"]
    good, bad, ignored = offline.json("explain", *[offline.inbox / name for name in names], exits=0)
    assert list(good) == list(bad) == list(ignored) == EXPLAINED
    assert (good["decision"], bad["decision"], ignored["decision"]) == ("import", "reject", "ignore")
    assert (good["invoice_reference"], good["kind"]) == ("RE12345", "invoice")
    assert good["facts"]["pdf"]["pages"] == 1
    assert good["request"]["method"] == "POST"
    assert "RE12345" in good["request"]["url"]
    assert bad["invoice_reference"] is bad["kind"] is bad["request"] is None
    assert all(rule["message"] for rule in bad["rules"]), "each rule says where it stopped"
    assert sorted(offline.folder.rglob("*")) == before


def test_explain_judges_a_name_without_a_file(offline):
    (told,) = offline.json("explain", "Gutschrift GS-2023-0099.pdf", exits=0)
    assert (told["decision"], told["kind"], told["facts"]) == ("import", "creditnote", None)


def test_explain_for_a_person_names_rule_and_request(offline):
    path = offline.drop("1. Mahnung RE12345.pdf")
    out = offline.importer("explain", path, exits=0).stdout
    assert "dunning1" in out
    assert "POST" in out


def test_explain_knows_what_the_ledger_knows(world):
    world.drop("RE12345.pdf", pdf("one"))
    world.importer("backfill", exits=0)
    copy = world.drop("Rechnung_RE12345.pdf", pdf("one"))
    (told,) = world.json("explain", copy, exits=0)
    assert told["decision"] == "duplicate"
    assert told["ledger"]["id"] == "D1"


@pytest.fixture
def lived(world):
    """Some of everything."""
    world.drop("RE12345.pdf")
    world.drop("E-Mail RE12345.eml", eml())
    world.drop("nonsense.pdf")
    world.sandbox.fail(faults.status(404), endpoint="import", reference="RE99999", times=None)
    world.sandbox.fail(faults.status(404), endpoint="invoice", reference="RE99999", times=None)
    world.drop("RE99999.pdf")
    world.importer("backfill", "--wait", "0s", exits=3)
    return world


def test_status_counts_and_names_what_is_blocked(lived):
    (told,) = lived.json("status", exits=3)
    assert told["states"]["imported"] == 2
    assert told["states"]["rejected"] == told["states"]["waiting"] == 1
    assert {(b["state"], b["reason"]) for b in told["blocked"]} == {
        ("rejected", "no_rule"),
        ("waiting", "invoice_unknown"),
    }
    assert told["oldest_unfinished"]["state"] == "waiting"
    assert "no_rule" in lived.importer("status", exits=3).stdout


def test_list_speaks_table_json_and_csv(lived):
    told = lived.json("list", exits=0)
    assert len(told) == 4
    assert [d["id"] for d in told] == ["D1", "D2", "D3", "D4"]
    assert [d["state"] for d in lived.json("list", "--state", "waiting")] == ["waiting"]
    rows = list(csv.DictReader(io.StringIO(lived.importer("list", "--format", "csv", exits=0).stdout)))
    assert list(rows[0]) == list(FIELDS)
    assert len(rows) == 4
    assert "RE12345" in lived.importer("list", exits=0).stdout
    assert lived.json("list", "--since", "2999-01-01", exits=0) == []


@pytest.mark.parametrize("name", ["{id}", "{path}", "{reference}", "{inbox}/{path}", "{location}"])
def test_show_finds_a_document_by_id_path_and_reference(lived, name):
    document = lived.document("RE12345.pdf")
    name = name.format(
        id=document["id"],
        path=document["path"],
        reference=document["invoice_reference"],
        inbox=lived.inbox,
        location=document["location"],
    )
    told = lived.json("show", name, exits=0)
    assert document["id"] in [d["id"] for d in told]
    story = lived.importer("show", name, exits=0).stdout
    assert document["communication_reference"] in story
    assert "document.imported" in story


def test_show_says_so_when_there_is_nothing(lived):
    done = lived.importer("show", "RE00000", exits=1)
    assert "RE00000" in done.stderr


def test_init_writes_a_working_configuration_and_keeps_what_is_there(tmp_path):
    world = World(tmp_path / "importer")
    world.config.write_text(world.config.read_text() + "\n# mine\n")
    done = subprocess.run(
        [sys.executable, "-m", "importer", "init", str(world.folder)], capture_output=True, text=True, check=True
    )
    assert f"kept     {world.config}" in done.stdout
    assert world.config.read_text().endswith("# mine\n")
    world.importer("status", exits=0)


def test_doctor_finds_all_well(world):
    told = world.json("doctor", exits=0)
    assert all(finding["ok"] for finding in told)
    assert {"configuration", "rules", "ledger", "credentials", "api", "clock"} <= {f["check"] for f in told}


def test_doctor_names_fault_and_remedy(world):
    world.environ["IMPORTER_API__PASSWORD"] = "wrong"
    (fault,) = [f for f in world.json("doctor", exits=5) if not f["ok"]]
    assert fault["check"] == "api"
    assert "IP addresses" in fault["remedy"]


def test_every_fault_of_the_configuration_is_told_at_once(world):
    world.config.write_text('[inbox]\nsetle = "2s"\n[api]\ntimeout = "soon"\npassword = "geheim"\n')
    done = world.importer("status", exits=2)
    assert "settle" in done.stderr, "did you mean"
    assert "api.timeout" in done.stderr
    assert "api.password" in done.stderr
    assert "geheim" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_faulty_rules_file_stops_before_anything_is_sent(world):
    rules = world.folder / "config" / "rules.toml"
    rules.write_text(rules.read_text() + '\n[[rule]]\nname = "x"\npattern = "{kindd}_{invoice}"\n')
    world.drop("RE12345.pdf")
    assert "kindd" in world.importer("backfill", exits=2).stderr
    assert world.sandbox.requests == ()


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_every_help_ends_with_an_example(verb):
    command = [sys.executable, "-m", "importer", *([verb] if verb else []), "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    _, _, examples = shown.partition("Example")
    assert f"importer {verb or 'demo'}" in examples.replace("--config /etc/importer/importer.toml ", "")


def test_the_password_appears_nowhere(world):
    """Not in any output, log, receipt, reason or ledger, nor in a list of processes, whatever goes wrong."""
    world.sandbox.fail(faults.status(401), endpoint="import", times=1)
    world.drop("RE12345.pdf")
    world.drop("nonsense.pdf")
    outputs = []
    for arguments in (["backfill"], ["--log-level", "debug", "backfill"], ["list", "--json"], ["doctor"], ["status"]):
        done = world.importer(*arguments)
        outputs += [done.stdout, done.stderr]
    with world.running() as service:
        world.drop("RE10001.pdf")
        service.wait_for("document.imported", path="RE10001.pdf")
        with open(f"/proc/{service.process.pid}/cmdline") as file:
            outputs.append(file.read())
        service.stop()
        outputs += service.log
    world.environ["IMPORTER_API__BASE_URL"] = "http://127.0.0.1:9/api"
    world.drop("RE10002.pdf")
    outputs.append(world.importer("backfill", "--wait", "0s").stderr)
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    everything = [text.encode() for text in outputs]
    everything += [path.read_bytes() for path in world.folder.rglob("*") if path.is_file()]
    assert len(everything) > 15
    for secret in (PASSWORD.encode(), basic, json.dumps(PASSWORD).encode()[1:-1]):
        assert not any(secret in text for text in everything)


def test_the_demo_shows_every_kind_and_every_refusal(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "importer", "demo", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    for kind in (
        "invoice",
        "creditnote",
        "reminder",
        "dunning1",
        "dunning2",
        "dunning3",
        "dunning4",
        "email",
        "letter",
    ):
        assert f" {kind} " in done.stdout
    for code in ("no_rule", "empty_file", "truncated", "encrypted", "unsupported_type", "invoice_unknown"):
        assert code in done.stdout
    assert "duplicate" in done.stdout
    assert "api.base_url" in done.stdout
