"""`importer resend`, and `resend = true` in a rule: an invoice's e-mail goes out once for each wish."""

import json
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from importer.sandbox import faults
from tests.world import PASSWORD, USER


def resent(world):
    """The keys of the requests that took effect, with their invoices."""
    return [(request.reference, request.key) for request in world.sandbox.resends]


def asked(world):
    return [request for request in world.sandbox.requests if request.endpoint == "resend"]


def told(world, *arguments, exits=0):
    return world.json("resend", *arguments, exits=exits)


def test_an_invoice_is_sent_again_once_and_once_more_only_when_told_so(world):
    (sent,) = told(world, "RE 12/345")
    assert (sent["state"], sent["job"], sent["result"], sent["resultcode"]) == ("sent", "1", "OK", "0")
    assert sent["invoice_reference"] == "RE 12/345"
    (refused,) = told(world, "RE 12/345", exits=3)
    assert "--again" in refused["note"]
    assert len(asked(world)) == 1, "nothing was sent for the refusal"
    (again,) = told(world, "RE 12/345", "--again")
    assert again["key"] != sent["key"]
    assert resent(world) == [("RE 12/345", sent["key"]), ("RE 12/345", again["key"])]


def test_many_from_a_file_and_from_standard_input(world, tmp_path):
    names = tmp_path / "references.txt"
    names.write_text("RE1\n\nRE2\nRE1\n", encoding="utf-8-sig")
    assert [line["invoice_reference"] for line in told(world, "RE3", "--from-file", names)] == ["RE3", "RE1", "RE2"]
    assert sorted(reference for reference, _ in resent(world)) == ["RE1", "RE2", "RE3"]
    assert "at least one" in world.importer("resend", exits=2).stderr
    assert "'..'" in world.importer("resend", "..", exits=2).stderr


@pytest.mark.parametrize(
    "fault",
    [faults.lost_reply(), faults.not_json(), faults.proxy_page(502, effect=True), faults.no_references()],
    ids=lambda fault: fault.name,
)
def test_what_may_have_been_processed_is_repeated_under_the_same_key_only(world, fault):
    world.sandbox.fail(fault, endpoint="resend")
    (first,) = told(world, "RE1", exits=4)
    assert first["state"] == "uncertain"
    (second,) = told(world, "RE1", "--again")
    assert (second["id"], second["key"], second["state"]) == (first["id"], first["key"], "sent")
    assert {request.key for request in asked(world)} == {first["key"]}
    assert len(resent(world)) == 1


def test_a_key_that_can_do_no_more_is_held_until_a_person_tells(world):
    world.sandbox.fail(faults.lost_reply(), endpoint="resend")
    told(world, "RE1", exits=4)
    world.environ["IMPORTER_API__KEY_LIFETIME"] = "0s"
    world.sandbox.change(date_skew=60.0)
    (held,) = told(world, "RE1", exits=3)
    assert held["state"] == "held"
    world.sandbox.change(date_skew=0.0)
    told(world, "RE1", "--again", exits=3)
    assert len(asked(world)) == 1
    assert world.json("status", exits=3)[0]["resends"] == {"held": 1}
    # `doctor` has it with the remedy, and so has `explain` of a file for this invoice
    (finding,) = [found for found in world.json("doctor", exits=0) if found["check"] == "resends"]
    assert (finding["level"], "RE1" in finding["message"]) == ("warning", True)
    assert "`importer resend RE1 --was-sent`" in finding["remedy"]
    (explained,) = world.json("explain", "Rechnung_RE1000.pdf", exits=0)
    assert (explained["resend"], explained["resends"]) == (False, [])
    (settled,) = told(world, "RE1", "--was-sent")
    assert (settled["state"], settled["outcome"]) == ("sent", "person")
    told(world, "RE1", exits=3)
    assert "in doubt" in world.importer("resend", "RE1", "--was-sent", exits=2).stderr


def test_a_result_other_than_ok_is_a_failure_and_no_resend(world):
    reply = httpx.Response(200, json={"job": "7", "result": "NO_MAIL", "resultcode": "12"})
    fault = faults.Fault(name="no_mail", reply=faults.Reply(200, reply.content))
    world.sandbox.fail(fault, endpoint="resend")
    (failed,) = told(world, "RE1", exits=3)
    assert (failed["state"], failed["result"], failed["job"]) == ("failed", "NO_MAIL", "7")
    (sent,) = told(world, "RE1")
    assert sent["key"] != failed["key"], "it failed for certain, so this is another request"


def test_refusals(world):
    world.sandbox.fail(faults.status(404), endpoint="resend", reference="RE404")
    world.sandbox.fail(faults.status(403), endpoint="resend", reference="RE403", times=None)
    world.sandbox.fail(faults.status(429, retry_after=60), endpoint="resend", reference="RE429")
    lines = told(world, "RE404", "RE403", "RE429", "RE1", exits=3)
    assert [line["state"] for line in lines] == ["failed", "failed", "pending", "sent"]
    assert len([request for request in asked(world) if request.reference == "RE403"]) == 2
    world.environ["IMPORTER_API__PASSWORD"] = "wrong"
    before = len(asked(world))
    assert PASSWORD not in world.importer("resend", "RE2", exits=5).stderr
    assert len(asked(world)) == before, "the probe was refused; nothing else went out"


def test_nothing_is_lost_or_sent_twice_when_it_is_killed_with_the_request_under_way(world):
    world.sandbox.fail(faults.delay(after=None), endpoint="resend")
    process = subprocess.Popen(world.command("resend", "RE1"), env=world.full_environ, stderr=subprocess.DEVNULL)
    assert world.sandbox.wait_until(lambda: bool(world.sandbox._state.store.resends), 30)
    process.kill()
    process.wait()
    (again,) = told(world, "RE1")
    assert (again["state"], again["attempts"]) == ("sent", 2)
    assert len(resent(world)) == 1


def with_rule(world):
    rules = world.folder / "config" / "rules.toml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(re.sub(r"^\[\[rule\]\]$", "[[rule]]\nresend = true", text, flags=re.MULTILINE), encoding="utf-8")


def test_a_rule_has_the_invoice_sent_after_the_import_and_show_tells_both(world):
    with_rule(world)
    world.drop("RE12345.pdf")
    world.drop("Rechnung_RE99999.pdf")
    (explained,) = world.json("explain", world.inbox / "RE12345.pdf", exits=0)
    assert (explained["resend"], explained["resends"]) == (True, [])
    world.importer("backfill", exits=0)
    assert sorted(reference for reference, _ in resent(world)) == ["RE12345", "RE99999"]
    (document,) = world.json("show", "RE12345", exits=0)
    (resend,) = document["resends"]
    assert (resend["state"], resend["document"], resend["actor"]) == ("sent", document["id"], None)
    text = world.importer("explain", "Rechnung_RE12345.pdf", exits=0).stdout
    assert re.search(rf"sent again +{resend['id']} sent", text)
    assert "asked to send the invoice's e-mail again" in text
    assert "resend.sent" in [event["name"] for event in document["events"]]
    assert "resends" in world.importer("show", "RE12345", exits=0).stdout
    told(world, "RE12345", exits=3)
    told(world, "RE-by-hand")
    (alone,) = world.json("show", "RE-by-hand", exits=0)
    assert (alone["invoice_reference"], alone["resends"][0]["actor"] is not None) == ("RE-by-hand", True)


def test_a_resend_in_doubt_neither_delays_nor_loses_the_import_and_the_next_run_goes_on(world):
    with_rule(world)
    world.sandbox.fail(faults.lost_reply(), endpoint="resend")
    world.environ["IMPORTER_SCHEDULE__BACKOFF"] = "1s..2s"
    world.drop("RE12345.pdf")
    world.importer("backfill", "--wait", "0s", exits=0)
    assert world.document("RE12345.pdf")["state"] == "imported"
    with world.running() as service:
        service.wait_for("resend.sent", invoice_reference="RE12345")
    assert len(resent(world)) == 1
    assert len({request.key for request in asked(world)}) == 1


def test_a_failing_endpoint_leaves_the_imports_alone(world):
    with_rule(world)
    world.sandbox.fail(faults.status(500), endpoint="resend", times=None)
    for number in range(5):
        world.drop(f"RE1000{number}.pdf")
    world.importer("backfill", "--wait", "1s", exits=0)
    assert {document["state"] for document in world.documents()} == {"imported"}
    assert world.json("status")[0]["line"] == {"code": None}


def test_a_rebuilt_ledger_holds_what_may_have_gone_out_since(world):
    world.sandbox.fail(faults.lost_reply(), endpoint="resend")
    told(world, "RE1", exits=4)
    told(world, "RE2")
    world.importer("ledger", "rebuild", exits=0)
    (held,) = told(world, "RE1", exits=3)
    assert held["state"] == "held"
    told(world, "RE2", exits=3)
    (settled,) = told(world, "RE1", "--was-not-sent")
    assert settled["state"] == "failed"
    assert told(world, "RE1")[0]["state"] == "sent"


def test_a_rolled_back_ledger_sends_nothing(world, tmp_path):
    ledger = world.folder / "var" / "ledger.db"
    told(world, "RE1")
    kept = {path.name: path.read_bytes() for path in ledger.parent.iterdir() if path.is_file()}
    told(world, "RE2")
    for name, content in kept.items():
        (ledger.parent / name).write_bytes(content)
    world.importer("resend", "RE2", "--again", exits=7)
    assert len(resent(world)) == 2


def test_what_the_wire_carries(world):
    told(world, "RE1")
    (request,) = asked(world)
    assert request.method == "POST"
    assert request.authorization
    assert len(request.key) <= 255
    assert json.dumps(USER) not in request.key


def test_a_ledger_from_before_there_were_resends_is_upgraded(world):
    world.drop("RE12345.pdf")
    world.importer("backfill", exits=0)
    ledger = world.folder / "var" / "ledger.db"
    with closing(sqlite3.connect(ledger)) as connection:
        for table in ("resends", "holders", "line"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DROP INDEX ix_documents_claimed")
        connection.execute("CREATE INDEX ix_documents_sha256 ON documents (sha256)")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    assert "ledger upgrade" in world.importer("resend", "RE12345", exits=7).stderr
    world.importer("ledger", "upgrade", exits=0)
    told(world, "RE12345")
    assert world.document("RE12345.pdf")["state"] == "imported"


def test_two_at_once_send_one_request(world):
    world.sandbox.fail(faults.delay(after=None), endpoint="resend")
    command = world.command("resend", "RE1", "--json")
    first = subprocess.Popen(command, env=world.full_environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert world.sandbox.wait_until(lambda: bool(world.sandbox._state.store.resends), 30)
    (second,) = told(world, "RE1", "--again", exits=4)
    assert second["state"] == "sending"
    world.sandbox.release()
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 0
    assert json.loads(out)["key"] == second["key"]
    assert len(asked(world)) == 1


WRONG = [
    ("UPDATE resends SET sent_at = NULL WHERE id = 1", "R1: sent, but without its time"),
    ("UPDATE resends SET state = 'sending' WHERE id = 1", "R1: a request is under way, but nobody has claimed it"),
    ("UPDATE resends SET claim_token = 'x' WHERE id = 1", "R1: its claim has no holder, or its holder no claim"),
    ("UPDATE resends SET invoice_reference = 'RE2' WHERE id = 1", "R1: its invoice or its key is not that of D"),
    ("UPDATE documents SET state = 'pending'", "R1: wanted after the import of D"),
    ("UPDATE resends SET state = 'gone' WHERE id = 1", "a row cannot be read"),
    (
        "DROP INDEX uq_resends_under_way; UPDATE resends SET state = 'uncertain', invoice_reference = 'RE1'",
        "2 requests to send invoice RE1 again are under way; only one may",
    ),
]


def test_what_must_hold_of_every_resend_is_looked_at(world, tmp_path):
    with_rule(world)
    world.drop("RE12345.pdf")
    world.drop("RE99999.pdf")
    world.importer("backfill", exits=0)
    assert world.json("ledger", "verify", exits=0) == []
    sound = world.importer("ledger", "backup", tmp_path / "sound.db", exits=0).stdout.strip()
    for sql, expected in WRONG:
        wrong = tmp_path / "wrong.db"
        wrong.write_bytes(Path(sound).read_bytes())
        with closing(sqlite3.connect(wrong)) as ledger:
            ledger.executescript(sql)
        world.environ["IMPORTER_LEDGER__URL"] = f"sqlite:///{wrong}"
        found = [finding["message"] for finding in world.json("ledger", "verify", exits=7)]
        assert any(expected in message for message in found), f"{sql}: {found}"
