"""What a person decides: retry, accept, dismiss, imported, not imported."""

import pytest

from importer.sandbox import faults
from tests.world import pdf


@pytest.fixture
def revision(world):
    """An imported invoice, and other bytes for the same place."""
    world.drop("RE12345.pdf", pdf("first"))
    world.importer("backfill", exits=0)
    world.drop("RE12345.pdf", pdf("second"))
    (told,) = world.json("backfill", exits=3)
    assert (told["state"], told["reason"]["code"]) == ("held", "revision")
    return told


def test_a_revision_is_held_and_goes_on_when_accepted(world, revision):
    assert "held" in revision["location"]
    world.importer("resolve", revision["id"], "--accept", "--note", "corrected address", exits=0)
    (told,) = world.json("backfill", exits=0)
    assert (told["id"], told["state"]) == (revision["id"], "imported")
    assert len(world.sandbox.effects) == 2
    (story,) = world.json("show", revision["id"])
    (accepted,) = [event for event in story["events"] if event["name"] == "person.accept"]
    assert accepted["actor"]
    assert accepted["data"]["note"] == "corrected address"
    assert "corrected address" in world.importer("show", revision["id"]).stdout
    assert not list((world.folder / "held").rglob("*.pdf*")), "the reason left with the file"


def test_a_dismissed_document_lies_in_the_rejected_folder(world, revision):
    world.importer("resolve", revision["id"], "--dismiss", exits=0)
    told = world.json("show", revision["id"])[0]
    assert (told["state"], told["reason"]["code"]) == ("rejected", "dismissed")
    assert "/rejected/" in told["location"]
    world.importer("backfill", exits=0)
    assert len(world.sandbox.effects) == 1


def test_the_same_bytes_for_another_invoice_are_held(world):
    world.drop("RE10001.pdf", pdf("same"))
    world.importer("backfill", exits=0)
    world.drop("RE10002.pdf", pdf("same"))
    (told,) = world.json("backfill", exits=3)
    assert (told["state"], told["reason"]["code"]) == ("held", "same_bytes_elsewhere")
    assert len(world.sandbox.effects) == 1


def test_a_rejected_file_is_judged_anew_by_new_rules(world):
    world.drop("Zettel_RE12345.pdf")
    (told,) = world.json("backfill", exits=3)
    assert told["state"] == "rejected"
    rules = world.folder / "config" / "rules.toml"
    rules.write_text(rules.read_text().replace("[kinds]", '[kinds]\nZettel = "invoice"'))
    world.importer("retry", "--state", "rejected", exits=0)
    (told,) = world.json("backfill", exits=0)
    assert (told["state"], told["kind"]) == ("imported", "invoice")
    assert not list((world.folder / "rejected").rglob("*.*"))


def test_a_renamed_file_is_a_new_document(world):
    world.drop("Unsinn.pdf", pdf("x"))
    world.importer("backfill", exits=3)
    (world.folder / "rejected" / "Unsinn.pdf").rename(world.inbox / "RE12345.pdf")
    (told,) = world.json("backfill", exits=0)
    assert told["state"] == "imported"


@pytest.fixture
def uncertain(world):
    """A document whose upload is in doubt while the list of documents fails."""
    world.sandbox.fail(faults.lost_reply(), endpoint="import", times=1)
    world.sandbox.fail(faults.status(500), endpoint="readback", times=None)
    world.drop("RE12345.pdf")
    (told,) = world.json("backfill", "--wait", "1s", exits=4)
    assert told["state"] == "uncertain"
    return told


def test_while_in_doubt_nothing_is_sent_and_nothing_can_be_dismissed(world, uncertain):
    world.importer("retry", uncertain["id"], exits=0)
    world.importer("backfill", "--wait", "0s", exits=4)
    assert len([r for r in world.sandbox.requests if r.endpoint == "import"]) == 1
    world.importer("resolve", uncertain["id"], "--dismiss", exits=2)
    world.importer("resolve", uncertain["id"], "--accept", exits=2)


def test_a_person_names_the_references(world, uncertain):
    references = ("--communication", "_1", "--file", "_2", "--voucher", "_3")
    world.importer("resolve", uncertain["id"], "--imported", *references, exits=0)
    (told,) = world.json("show", uncertain["id"])
    assert (told["state"], told["references_from"]) == ("imported", "person")
    assert told["communication_reference"] == "_1"
    assert "/archive/" in told["location"]


def test_imported_without_references_asks_abillify(world, uncertain):
    world.importer("resolve", uncertain["id"], "--imported", exits=4)  # it cannot say now
    world.sandbox.clear()
    world.importer("resolve", uncertain["id"], "--imported", exits=0)
    (told,) = world.json("show", uncertain["id"])
    assert (told["state"], told["references_from"]) == ("imported", "readback")


def test_not_imported_looks_once_more_and_finds_it_after_all(world, uncertain):
    world.sandbox.clear()
    world.importer("resolve", uncertain["id"], "--not-imported", exits=0)
    (told,) = world.json("show", uncertain["id"])
    assert told["state"] == "imported"
    assert len(world.sandbox.effects) == 1


def test_not_imported_starts_the_next_generation(world):
    world.sandbox.fail(faults.status(500, remembered=True), endpoint="import", times=1)
    world.environ["IMPORTER_API__READBACK_GRACE"] = "10m"
    world.drop("RE12345.pdf")
    world.importer("backfill", "--wait", "2s", exits=4)
    told = world.importer("resolve", "D1", "--not-imported", exits=0).stdout
    assert "D1 is uncertain" in told
    assert "may still appear" in told
    world.environ["IMPORTER_API__READBACK_GRACE"] = "0s"
    world.importer("resolve", "D1", "--not-imported", exits=0)
    world.importer("backfill", exits=0)
    assert [r.key.rsplit(":")[-1] for r in world.sandbox.requests if r.endpoint == "import"][-1] == "2"
    assert len(world.sandbox.effects) == 1


def test_a_decision_that_does_not_fit_says_why(world):
    world.drop("RE12345.pdf")
    world.importer("backfill", exits=0)
    for decision in ("--accept", "--dismiss", "--imported", "--not-imported"):
        done = world.importer("resolve", "D1", decision, exits=2)
        assert "D1 is imported" in done.stderr
    assert "nothing to retry" in world.importer("retry", "D1", exits=2).stderr
    assert "D99" in world.importer("retry", "D99", exits=2).stderr
