"""The brake: an unusual batch waits for one decision, and nothing of it is sent before."""

from tests.world import pdf

FALLBACK = """
[[rule]]
name = "whatever is left"
pattern = "{any}-{invoice}"
kind = "letter"
fallback = true
"""


def drop_letters(world, count, reference="RE12345"):
    for number in range(count):
        world.drop(f"{number}/Brief {reference}.pdf", pdf(f"letter {number}"))


def batch_of(documents):
    (name,) = {document["reason"]["details"]["batch"] for document in documents}
    return name


def test_too_many_files_for_one_invoice_are_held_and_go_on_by_one_decision(world):
    drop_letters(world, 26)
    world.drop("RE99999.pdf")
    told = world.json("backfill", exits=3)
    held = [document for document in told if document["state"] == "held"]
    assert {document["reason"]["code"] for document in held} == {"unusual_batch"}
    assert len(held) == 26
    assert [c.reference for c in world.sandbox.effects] == ["RE99999"], "the others are not held up"

    world.importer("resolve", "--batch", batch_of(held), "--accept", "--note", "an old archive", exits=0)
    assert {document["state"] for document in world.json("backfill", exits=0)} == {"imported"}
    assert len(world.sandbox.effects) == 27


def test_a_dismissed_batch_is_never_sent(world):
    drop_letters(world, 26)
    batch = batch_of(world.json("backfill", exits=3))
    world.importer("resolve", "--batch", batch, "--dismiss", exits=0)
    world.importer("backfill", exits=0)
    assert not world.sandbox.effects
    assert "nothing is held" in world.importer("resolve", "--batch", batch, "--accept", exits=2).stderr


def test_files_that_came_earlier_and_are_known_do_not_count(world):
    drop_letters(world, 20)
    world.importer("backfill", "--in-place", world.inbox, exits=0)
    for number in range(20, 40):
        world.drop(f"{number}/Brief RE12345.pdf", pdf(f"letter {number}"))
    world.importer("backfill", "--in-place", world.inbox, exits=0)
    assert len(world.sandbox.effects) == 40


def test_files_that_drip_in_count_with_those_of_the_hour(world):
    with world.running() as service:
        drop_letters(world, 25)
        for _ in range(25):
            service.wait_for("file.put_away")
        world.drop("Brief RE12345.pdf", pdf("one too many"))
        told = service.wait_for("document.admitted", state="held")
    assert told["reason"] == "unusual_batch"
    assert len(world.sandbox.effects) == 25


def test_a_batch_that_only_a_fallback_understood_is_held(world):
    rules = world.folder / "config" / "rules.toml"
    rules.write_text(rules.read_text() + FALLBACK)
    for number in range(20):
        world.drop(f"abc-RE{20000 + number}.pdf", pdf(f"guess {number}"))
    told = world.json("backfill", exits=3)
    assert {document["reason"]["code"] for document in told} == {"unusual_batch"}
    assert not world.sandbox.effects


def test_a_batch_goes_with_accept_and_dismiss_only(world):
    assert "--accept or --dismiss" in world.importer("resolve", "--batch", "B1", "--not-imported", exits=2).stderr
    assert "name one document" in world.importer("resolve", "--accept", exits=2).stderr
    assert "name one document" in world.importer("resolve", "D1", "--batch", "B1", "--accept", exits=2).stderr
