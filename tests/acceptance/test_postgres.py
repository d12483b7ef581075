"""A ledger on PostgreSQL: the same verbs, from any number of hosts."""

import pytest

from tests.world import pdf

NAMES = [f"RE{number}.pdf" for number in range(20001, 20004)]


@pytest.fixture
def ledger(postgres):
    """The address of a ledger of its own."""
    return postgres.new_url(empty=True)


@pytest.fixture
def world(world, ledger):
    world.environ["IMPORTER_LEDGER__URL"] = ledger
    return world


@pytest.fixture
def query(postgres, ledger):
    return lambda sql: postgres.execute(sql, postgres.database_of(ledger))


@pytest.fixture
def imported(world):
    for name in NAMES:
        world.drop(name)
    world.importer("backfill", exits=0)
    assert len(world.stored()) == 3
    return {document["path"]: document for document in world.documents()}


def uploads(world):
    return sum(request.endpoint == "import" for request in world.sandbox.requests)


def test_every_verb_does_what_it_does_with_sqlite(world, imported, query, tmp_path):
    # A file that nothing is known of, one that is known, and one for a person
    world.drop("RE20001.pdf", pdf("RE20001.pdf"))
    world.drop("Zettel.pdf")
    world.importer("backfill", exits=3)
    assert [d["state"] for d in sorted(world.documents(), key=lambda d: d["id"])] == [
        *["imported"] * 3,
        "duplicate",
        "rejected",
    ]
    (status,) = world.json("status", exits=3)
    assert status["states"]["imported"] == 3
    (told,) = world.json("show", "RE20001", exits=0)[:1]
    assert told["communication_reference"]
    assert "D5 will be tried again" in world.importer("retry", "D5", exits=0).stdout
    world.importer("backfill", exits=3)
    world.importer("resolve", "D5", "--dismiss", exits=0)
    world.importer("reconcile", exits=0)
    world.importer("doctor", exits=0)
    world.importer("ledger", "verify", exits=0)
    assert "nothing to do" in world.importer("ledger", "upgrade", exits=0).stdout
    assert uploads(world) == 3
    # The backup is a whole ledger, with which an importer can work
    before = world.documents()
    copy = tmp_path / "copy.db"
    world.importer("ledger", "backup", copy, exits=0)
    world.environ["IMPORTER_LEDGER__URL"] = f"sqlite:///{copy}"
    assert world.documents() == before
    world.importer("ledger", "verify", exits=0)


def test_a_rebuild_keeps_the_old_tables_and_sends_nothing(world, imported, query):
    query("DELETE FROM attempts; DELETE FROM sightings; UPDATE events SET document_id = NULL; DELETE FROM documents")
    world.drop("RE20009.pdf")
    rebuilt = world.importer("ledger", "rebuild", exits=0)
    assert "old ledger: schema before_rebuild_" in rebuilt.stdout
    assert {d["path"]: d["communication_reference"] for d in world.documents()} == {
        path: document["communication_reference"] for path, document in imported.items()
    }
    world.importer("ledger", "verify", exits=0)
    world.importer("backfill", exits=0)
    assert uploads(world) == 4


def test_after_the_ledger_was_replaced_nothing_is_sent(world, imported, postgres):
    world.environ["IMPORTER_LEDGER__URL"] = postgres.new_url(empty=True)
    world.drop("RE20009.pdf")
    assert "importer ledger rebuild" in world.importer("backfill", exits=7).stderr
    assert uploads(world) == 3


def test_a_ledger_moves_to_the_server_and_goes_on_there(world, ledger, query):
    del world.environ["IMPORTER_LEDGER__URL"]
    world.drop("RE20001.pdf")
    world.importer("backfill", exits=0)
    world.drop("copy.pdf", pdf("RE20001.pdf"))
    world.drop("RE20001.pdf", pdf("RE20001.pdf"))
    world.importer("backfill", exits=3)
    before = world.documents()
    world.importer("ledger", "copy", "--to", ledger, exits=0)
    assert "there is a ledger already" in world.importer("ledger", "copy", "--to", ledger, exits=1).stderr
    world.environ["IMPORTER_LEDGER__URL"] = ledger
    assert world.documents() == before
    world.drop("RE20002.pdf")
    world.importer("backfill", exits=0)
    world.importer("ledger", "verify", exits=0)
    assert uploads(world) == 2


def test_rebuild_and_upgrade_are_alone_but_any_number_may_run(world, imported):
    with world.running() as first:
        first.wait_for("watch.started")
        with world.running() as second:
            second.wait_for("watch.started")
            for verb in ("rebuild", "upgrade"):
                assert "stop" in world.importer("ledger", verb, exits=6).stderr
            world.drop("RE20009.pdf")
            assert world.sandbox.wait_until(lambda: uploads(world) == 4, 30)
            assert first.stop() == second.stop() == 0
    world.importer("ledger", "rebuild", exits=0)
    assert uploads(world) == 4
