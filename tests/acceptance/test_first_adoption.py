"""Documents that came to Abillify before this importer did: looked for first, where the settings say so."""

import shutil

import pytest

from importer.core.model import digest_of
from tests.world import pdf

CONTENT = pdf("by hand")


@pytest.fixture
def by_hand(world):
    """Abillify has the document; neither ledger nor archive has heard of it."""
    world.drop("RE12345.pdf", CONTENT)
    world.importer("backfill", exits=0)
    for folder in ("var", "archive"):
        shutil.rmtree(world.folder / folder)
    world.drop("RE12345.pdf", CONTENT)
    return world


@pytest.mark.parametrize("setting", ["backfill", "always"])
def test_a_backfill_adopts_what_is_there(by_hand, setting):
    by_hand.environ["IMPORTER_API__CHECK_REMOTE"] = setting
    (told,) = by_hand.json("backfill", exits=0)
    assert (told["state"], told["references_from"], told["attempts"]) == ("imported", "readback", 0)
    assert by_hand.stored() == [("RE12345", "invoice", digest_of(CONTENT))]


def test_the_service_adopts_what_is_there_when_it_always_looks(by_hand):
    by_hand.environ["IMPORTER_API__CHECK_REMOTE"] = "always"
    with by_hand.running() as service:
        service.wait_for("document.imported")
    assert len(by_hand.stored()) == 1


def test_what_is_not_there_is_sent_after_the_look(world):
    world.environ["IMPORTER_API__CHECK_REMOTE"] = "backfill"
    world.drop("RE12345.pdf", CONTENT)
    (told,) = world.json("backfill", exits=0)
    assert (told["state"], told["references_from"]) == ("imported", "reply")
    asked = [request.endpoint for request in world.sandbox.requests]
    assert asked.index("readback") < asked.index("import")
