"""The verbs that only tell: explain, status, list, show, doctor, init, help."""

import base64
import csv
import io
import json
import os
import pty
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from importer.cli.main import VERBS
from importer.report import FIELDS
from importer.sandbox import faults
from tests.terminal import all_shown
from tests.world import PASSWORD, USER, World, eml, pdf

EXPLAINED = [
    *("path", "decision", "invoice_reference", "kind", "label", "filename", "rule", "reason", "rules", "facts"),
    *("ledger", "request", "name", "same_invoice", "resend", "resends"),
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


def process_line(pid):
    """What a list of processes shows."""
    shown = Path(f"/proc/{pid}/cmdline")
    if shown.exists():
        return shown.read_text()
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout


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
        outputs.append(process_line(service.process.pid))
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


@pytest.mark.parametrize("verb", [["status"], ["show", "D1"], ["explain", "RE12345.pdf"]])
def test_json_is_the_same_as_format_json(lived, verb):
    (told,) = [json.loads(line) for line in lived.importer(*verb, "--format", "json").stdout.splitlines()]
    assert [told] == lived.json(*verb)


def test_contradicting_formats_are_refused(world):
    assert "contradict" in world.importer("list", "--json", "--format", "csv", exits=2).stderr
    assert "contradict" in world.importer("status", "--json", "--format", "text", exits=2).stderr


def test_show_tells_what_to_do(lived):
    imported = lived.document("RE12345.pdf")["id"]
    assert "importer re" not in lived.importer("show", imported, exits=0).stdout
    rejected = lived.document("nonsense.pdf")["id"]
    for command in (f"retry {rejected}", f"resolve {rejected} --dismiss"):
        assert f"importer {command}" in lived.importer("show", rejected, exits=0).stdout
    lived.drop("RE12345.pdf", pdf("a revision"))
    lived.importer("backfill", "--wait", "0s", exits=3)
    (held,) = lived.json("list", "--state", "held", exits=0)
    story = lived.importer("show", held["id"], exits=0).stdout
    for decision in ("--accept", "--dismiss"):
        assert f"importer resolve {held['id']} {decision}" in story


def test_a_reference_that_is_otherwise_written_is_no_stranger(lived):
    assert "did you mean RE12345?" in lived.importer("show", "re-12345", exits=1).stderr
    assert "did you mean RE12345?" in lived.importer("list", "--reference", "RE 12345", exits=0).stderr
    assert "did you mean" not in lived.importer("show", "RE1234", exits=1).stderr
    assert "did you mean" not in lived.importer("list", "--reference", "RE12345", "--state", "held", exits=0).stderr


def test_status_tells_of_the_line_and_of_files_not_taken(lived):
    lived.drop("RE10001.pdf")
    (told,) = lived.json("status", exits=3)
    assert (told["line"]["code"], told["not_taken"]) == (None, 1)
    out = lived.importer("status", exits=3).stdout
    assert "line open" in out
    assert "1 file in the inbox was not taken yet" in out
    lived.environ["IMPORTER_API__PASSWORD"] = "wrong"
    lived.importer("backfill", exits=5)
    (told,) = lived.json("status", exits=5)
    assert told["line"]["since"].endswith("Z")
    assert "." not in told["line"]["since"]
    assert "line stopped since 20" in lived.importer("status", exits=5).stdout


def test_what_was_dismissed_is_not_blocked(world):
    world.drop("nonsense.pdf")
    world.importer("backfill", exits=3)
    world.importer("resolve", "D1", "--dismiss", exits=0)
    (told,) = world.json("status", exits=0)
    assert told["blocked"] == []


def test_an_empty_list_says_so(world):
    done = world.importer("list", exits=0)
    assert (done.stdout, done.stderr) == ("", "no documents\n")


def test_a_mistyped_verb_gets_a_suggestion(world):
    assert "did you mean backfill?" in world.importer("backfil", exits=2).stderr
    assert "Usage: importer " in world.importer("--help", exits=0).stdout


def test_numbers_are_explained_in_words(world):
    assert "x>=1" not in world.importer("list", "--help", exits=0).stdout
    assert "'0' is not a whole number of 1 or more" in world.importer("list", "--limit", "0", exits=2).stderr
    assert world.importer("backfill", "--wait", "5", exits=2).stderr.count("'5'") == 1


def test_doctor_says_that_an_unreachable_api_is_a_matter_of_time(world):
    world.environ["IMPORTER_API__BASE_URL"] = "http://127.0.0.1:9/api"
    (fault,) = [f for f in world.json("doctor", exits=4) if not f["ok"]]
    assert fault["check"] == "api"


def test_doctor_tells_missing_credentials_once_and_each_fault_by_itself(offline):
    told = offline.importer("doctor", exits=2).stdout
    assert told.count("FAULT") == told.count("-> ") == 1
    offline.config.write_text('[inbox]\nsetle = "2s"\n[api]\ntimeout = "soon"\n')
    told = offline.importer("doctor", exits=2).stdout
    assert told.count("FAULT") == told.count("-> ") == 2


def test_without_any_configuration_no_empty_name_is_shown(tmp_path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("IMPORTER_")}
    command = [sys.executable, "-m", "importer", "status"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environ, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("importer: configuration: none found; looked at --config")


def test_init_names_the_next_commands(tmp_path):
    command = [sys.executable, "-m", "importer", "init", str(tmp_path / "new")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"cd {tmp_path / 'new'} && importer doctor" in told
    assert "api.password_file" in told


def test_a_sandbox_on_a_taken_port_says_so(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = world.importer("sandbox", "--port", port, exits=2)
    assert done.stderr == (f"importer: port {port} is taken, perhaps by another sandbox; stop it or choose --port\n")


def test_the_demo_refuses_a_folder_with_something_in_it(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    command = [sys.executable, "-m", "importer", "demo", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "is not empty" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_demos_commands_work_without_the_program_on_path(tmp_path):
    program = shutil.which("importer", path=Path(sys.executable).parent)
    environ = os.environ | {"PATH": "/usr/bin:/bin"}
    command = [program, "demo", "--folder", str(tmp_path / "demo")]
    told = subprocess.run(command, capture_output=True, text=True, env=environ, check=True).stdout
    commands = told.partition("Look closer:")[2].partition("To point it")[0].strip().splitlines()
    assert len(commands) == 3
    for line in commands:
        subprocess.run(line, shell=True, env=environ, cwd="/", capture_output=True, check=True)
    assert "~/importer" in told


def test_a_backfill_shows_a_bar_on_a_terminal_and_nothing_elsewhere(world):
    for name in ("RE12345.pdf", "unknown.pdf", "unknown too.eml"):
        world.drop(name)
    world.environ["IMPORTER_INBOX__SETTLE"] = "1s"
    leader, terminal = pty.openpty()
    process = subprocess.Popen(
        world.command("--log-level", "error", "backfill"),
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env=world.full_environ | {"TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(terminal)
    shown = all_shown(leader)
    assert process.wait(60) == 3
    assert "waiting for 1 file to be complete" in shown
    assert "3/3" in shown
    assert ", 2 need a person" in shown
    world.drop("RE10002.pdf")
    done = world.importer("--log-level", "error", "backfill", exits=0)
    assert done.stderr == ""
    assert done.stdout.startswith("1 document\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "D99999999999999999999"),
        ("retry", "D99999999999999999999"),
        ("list", "--since", "9999-12-31T23:59:59-12:00"),
        ("list", "--limit", "99999999999999999999"),
    ],
)
def test_numbers_without_measure_are_wrong_usage_and_no_traceback(world, arguments):
    done = world.importer(*arguments)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr


def test_a_terminal_that_cannot_show_a_name_shows_the_rest(lived):
    lived.environ |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert "RE12345" in lived.importer("list", exits=0).stdout
    assert "RE12345" in lived.importer("show", "RE12345", exits=0).stdout
