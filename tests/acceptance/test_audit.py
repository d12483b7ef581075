"""`importer audit`: which invoices at Abillify lack a document, and where it and the ledger differ."""

import csv
import io
import json
import signal
import subprocess

import pytest

from importer.sandbox import faults
from tests.acceptance.test_reconcile import by_hand
from tests.world import pdf


def found(world, *arguments, exits=3):
    told = world.json("audit", *arguments, exits=exits)
    return sorted((line["finding"], line["invoice_reference"], line["kind"]) for line in told)


def asked(world, endpoint):
    return [request for request in world.sandbox.requests if request.endpoint == endpoint]


@pytest.mark.parametrize("first_page", [0, 1])
def test_every_gap_is_found_however_pages_are_counted(world, first_page):
    world.sandbox.change(first_page=first_page, page_cap=2)
    for name in ("RE10001.pdf", "RE10002.pdf", "Mahnung2_RE10002.pdf", "RE10003.pdf"):
        world.drop(name, pdf(name))
    world.importer("backfill", exits=0)
    by_hand(world, "RE10001", kind="letter")
    world.sandbox.add_invoice("RE10004")
    (gone,) = [effect for effect in world.sandbox.effects if effect.reference == "RE10003"]
    world.sandbox.delete(gone.id)
    assert found(world) == [
        ("dunning_skipped", "RE10002", "dunning2"),
        ("no_original", "RE10003", "invoice"),
        ("no_original", "RE10004", "invoice"),
        ("not_at_abillify", "RE10003", "invoice"),
        ("not_in_ledger", "RE10001", "letter"),
    ]
    rows = list(csv.DictReader(io.StringIO(world.importer("audit", "--csv", exits=3).stdout)))
    assert len(rows) == 5
    assert "dunning_skipped" in world.importer("audit", exits=3).stdout
    assert asked(world, "import") == [r for r in world.sandbox.requests if r.method == "POST"], "it changes nothing"
    assert found(world, "--since", "2999-01-01", exits=0) == []


def test_a_reference_that_fits_no_address_is_told_and_the_others_are_looked_at(world):
    for reference in ("..", "RE\ud800", "RE10001"):
        world.sandbox.add_invoice(reference)
    assert [(finding, kind) for finding, _, kind in found(world)] == [
        ("no_original", "invoice"), ("unchecked", None), ("unchecked", None),
    ]  # fmt: skip
    assert "RE" in world.importer("audit", "--csv", exits=3).stdout


def test_what_is_whole_is_silent_and_refused_credentials_end_it(world):
    world.drop("RE10001.pdf")
    world.importer("backfill", exits=0)
    assert found(world, exits=0) == []
    world.environ["IMPORTER_API__PASSWORD"] = "wrong"
    world.importer("audit", exits=5)


def test_an_import_that_abillify_does_not_even_list_is_found(world):
    world.drop("RE10001.pdf")
    world.importer("backfill", exits=0)
    world.sandbox.reset()
    world.sandbox.fail(faults.status(404), endpoint="readback", times=None)
    assert found(world) == [("not_at_abillify", "RE10001", "invoice")]


MANY = 40
"""Invoices; a signal is heard long before the last of them."""


def test_what_is_stopped_goes_on_where_it_was(world):
    for number in range(MANY):
        world.sandbox.add_invoice(f"RE{10000 + number}")
    world.sandbox.fail(faults.none(), endpoint="readback", times=6)  # two pages for each invoice
    world.sandbox.fail(faults.delay(before=None), endpoint="readback")
    command = world.command("audit", "--json")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=world.full_environ, **pipes)
    assert world.sandbox.wait_until(lambda: len(world.sandbox._state.store.requests) >= 9, 30)
    process.send_signal(signal.SIGTERM)
    world.sandbox.release()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert "not finished" in err
    told = len(out.splitlines())
    assert 4 <= told < MANY, "the invoice that was under way is finished, and those before the signal was heard"
    before = len(asked(world, "readback"))
    done = world.importer("audit", "--json", exits=3)
    assert "going on" in done.stderr
    assert [json.loads(line)["finding"] for line in done.stdout.splitlines()] == ["no_original"] * MANY
    assert len(asked(world, "readback")) == before + 2 * (MANY - told), "nothing is asked twice"
    again = world.importer("audit", exits=3)
    assert "going on" not in again.stderr, "what came to its end is not gone on with"


def test_when_abillify_falls_silent_the_rest_is_left_for_later(world):
    for number in range(3):
        world.sandbox.add_invoice(f"RE1000{number}")
        by_hand(world, f"RE1000{number}", kind="invoice", content=pdf(str(number)))
    world.sandbox.fail(faults.none(), endpoint="readback", times=2)
    world.sandbox.fail(faults.status(503), endpoint="readback", times=None)
    world.sandbox.fail(faults.none(), endpoint="probe", times=2)
    world.sandbox.fail(faults.status(503), endpoint="probe", times=None)
    done = world.importer("audit", exits=3)
    assert "not finished" in done.stderr
    world.sandbox.clear()
    fresh = world.importer("audit", "--fresh", exits=3)
    assert "going on" not in fresh.stderr
    assert fresh.stdout.count("not_in_ledger") == 3


def test_a_torn_progress_file_starts_over(world):
    world.sandbox.add_invoice("RE10001")
    world.importer("audit", exits=3)
    (world.folder / "var" / "ledger.db.audit.json").write_text('{"version": 1, "account": "default", "since": nu')
    assert found(world) == [("no_original", "RE10001", "invoice")]
    assert not (world.folder / "var" / "ledger.db.audit.json").exists()
