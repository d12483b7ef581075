"""`importer invoice`, and reminders for invoices that are paid."""

import pytest

from importer.sandbox import faults
from tests.acceptance.test_reconcile import by_hand
from tests.world import pdf

TRANSFER = {"id": "1", "amount": "60.00", "booking": {"transaction": "T1", "voucher": None}, "odd": {"x": [1]}}
CREDIT = {"id": "2", "amount": 40, "booking": {"transaction": None, "voucher": "V1"}}
FEE = {"id": "3", "amount": "5.00", "booking": {"transaction": None, "voucher": None}, "kind": "dunning fee"}


def test_an_invoice_with_its_documents_payments_and_charges_beside_the_ledger(world):
    world.sandbox.add_invoice("RE12345", payments=(TRANSFER, CREDIT, FEE), fields={"odd": {"deep": [1, None]}})
    world.drop("RE12345.pdf")
    world.importer("backfill", exits=0)
    by_hand(world, "RE12345", kind="letter")
    (told,) = world.json("invoice", "RE12345", exits=0)
    assert told["known"]
    assert told["invoice"]["odd"] == {"deep": [1, None]}
    assert [(row["booking"], row["as_came"]) for row in told["payments"]] == [
        ("bank_transfer", TRANSFER),
        ("credit_note", CREDIT),
    ]
    assert [(row["booking"], row["as_came"]) for row in told["charges"]] == [("charge", FEE)]
    assert [(d["kind"], d["document"]) for d in told["documents"]] == [("invoice", "D1"), ("letter", None)]
    assert [d["id"] for d in told["ledger"]] == ["D1"]
    shown = world.importer("invoice", "RE12345", exits=0).stdout
    assert "bank_transfer" in shown
    assert "not in the ledger" in shown


def test_documents_are_saved_under_safe_names_and_nothing_is_overwritten(world, tmp_path):
    world.sandbox.add_invoice("../../RE/1")
    by_hand(world, "..%2F..%2FRE%2F1", content=pdf("one"), label="../../../etc/passwd")
    folder = tmp_path / "saved"
    (told,) = world.json("invoice", "../../RE/1", "--save", folder, exits=0)
    (path,) = folder.iterdir()
    assert path.read_bytes() == pdf("one")
    assert told["documents"][0]["saved"] == str(path)
    assert not path.name.startswith(".")
    world.importer("invoice", "../../RE/1", "--save", folder, exits=0)
    assert list(folder.iterdir()) == [path], "the same content again is the same file"
    path.write_bytes(b"mine")
    world.importer("invoice", "../../RE/1", "--save", folder, exits=0)
    assert path.read_bytes() == b"mine"
    assert sorted(p.read_bytes() for p in folder.iterdir()) == sorted([b"mine", pdf("one")])
    (tmp_path / "outside").write_bytes(b"outside")
    path.unlink()
    path.symlink_to(tmp_path / "outside")
    world.importer("invoice", "../../RE/1", "--save", folder, exits=0)
    assert (tmp_path / "outside").read_bytes() == b"outside"


def test_only_the_configured_host_is_asked_for_documents(world, tmp_path):
    by_hand(world, "RE1")
    world.sandbox.change(public_url="http://127.0.0.1:9")
    (told,) = world.json("invoice", "RE1", "--save", tmp_path / "saved", exits=0)
    assert told["documents"][0]["saved"] is None
    assert "configured host" in told["documents"][0]["problem"]
    assert list((tmp_path / "saved").iterdir()) == []


def test_what_cannot_be_answered(world):
    world.sandbox.fail(faults.status(404), endpoint="invoice", times=None)
    assert "RE1" in world.importer("invoice", "RE1", exits=1).stderr
    world.importer("invoice", "..", exits=2)
    world.drop("RE12345.pdf")
    world.importer("backfill", exits=0)
    (told,) = world.json("invoice", "RE12345", exits=0)
    assert (told["known"], told["invoice"], told["documents"]) == (False, None, [])
    world.sandbox.clear()
    world.sandbox.fail(faults.status(503), endpoint="invoice")
    world.importer("invoice", "RE1", exits=4)
    world.environ["IMPORTER_API__PASSWORD"] = "wrong"
    world.importer("invoice", "RE1", exits=5)


@pytest.fixture
def guarded(world):
    world.environ["IMPORTER_DOCUMENTS__PAID_INVOICE"] = "hold"
    return world


def test_a_reminder_for_a_paid_invoice_is_held_until_it_is_accepted(guarded):
    guarded.sandbox.add_invoice("RE10001", fields={"status": "paid"})
    guarded.sandbox.add_invoice("RE10002", fields={"amount": "100.00"}, payments=(TRANSFER, CREDIT, FEE))
    guarded.sandbox.add_invoice("RE10003", fields={"amount": "100.01"}, payments=(TRANSFER, CREDIT, FEE))
    guarded.sandbox.add_invoice("RE10004", fields={"openAmount": 0, "status": "overdue"})
    for number in range(1, 5):
        guarded.drop(f"1. Mahnung RE1000{number}.pdf")
    guarded.drop("RE10001.pdf")
    guarded.importer("backfill", exits=3)
    found = {document["path"]: document for document in guarded.documents()}
    states = [found[f"1. Mahnung RE1000{number}.pdf"]["state"] for number in range(1, 5)]
    assert states == ["held", "held", "imported", "imported"]
    assert found["RE10001.pdf"]["state"] == "imported", "an invoice is no reminder: nobody asks"
    held = found["1. Mahnung RE10001.pdf"]
    assert held["reason"]["code"] == "invoice_paid"
    guarded.importer("resolve", held["id"], "--accept", exits=0)
    guarded.importer("backfill", exits=0)
    assert guarded.document(held["path"])["state"] == "imported"


def test_while_the_question_fails_no_reminder_goes_out(guarded):
    guarded.sandbox.fail(faults.status(503), endpoint="invoice", times=2)
    guarded.drop("Zahlungserinnerung_RE10001.pdf")
    guarded.importer("backfill", exits=0)
    endpoints = [r.endpoint for r in guarded.sandbox.requests if r.reference]
    assert endpoints == ["invoice", "invoice", "invoice", "payments", "import"]


def test_nobody_asks_by_default(world):
    world.sandbox.add_invoice("RE10001", fields={"status": "paid"})
    world.drop("1. Mahnung RE10001.pdf")
    world.importer("backfill", exits=0)
    assert "invoice" not in {request.endpoint for request in world.sandbox.requests}
