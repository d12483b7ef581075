"""A ledger that was lost, restored or damaged: noticed before anything is sent, made anew without a second upload."""

import shutil
import sqlite3
import threading
from contextlib import closing

import pytest

from importer.adapters import locks
from importer.adapters.ledger import WITNESS, Database, read_witness
from importer.assembly import opened_ledger
from importer.cli import reading
from importer.cli.exits import Stop
from importer.cli.ledger import _alone as alone_with_ledger
from importer.config import load_settings
from importer.sandbox import faults
from tests.world import World, pdf

NAMES = [f"RE{number}.pdf" for number in range(20001, 20005)]


@pytest.fixture
def imported(world):
    """Four imported documents."""
    for name in NAMES:
        world.drop(name)
    world.importer("backfill", exits=0)
    assert len(world.stored()) == 4
    return {document["path"]: document for document in world.documents()}


def ledger_files(world):
    return [path for path in (world.folder / "var").glob("ledger.db*") if path.is_file()]


def delete_ledger(world):
    for path in ledger_files(world):
        path.unlink()


def restore_ledger(world, copy):
    delete_ledger(world)
    shutil.copy(copy, world.folder / "var" / "ledger.db")


def uploads(world):
    return sum(request.endpoint == "import" for request in world.sandbox.requests)


def messages(world, exits=7):
    return [finding["message"] for finding in world.json("ledger", "verify", exits=exits)]


def kept_ledgers(world):
    return [path for path in (world.folder / "var").glob("ledger.db.before-rebuild-*") if path.suffix.endswith("Z")]


def query(world, sql):
    with closing(sqlite3.connect(world.folder / "var" / "ledger.db")) as ledger, ledger:
        return ledger.execute(sql).fetchall()


# ------------------------------------------------------------ amnesia


@pytest.mark.parametrize("verb", ["backfill", "run", "retry D1", "resolve D1 --accept"])
def test_after_the_ledger_was_deleted_nothing_is_sent(world, imported, verb):
    delete_ledger(world)
    world.drop("RE20001.pdf", pdf("RE20001.pdf"))
    refused = world.importer(*verb.split(), exits=7)
    assert "importer ledger rebuild" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert uploads(world) == 4


def test_after_the_ledger_was_restored_nothing_is_sent(world, imported, tmp_path):
    world.importer("ledger", "backup", tmp_path / "old.db", exits=0)
    world.drop("RE20009.pdf")
    world.importer("backfill", exits=0)
    restore_ledger(world, tmp_path / "old.db")
    world.drop("RE20009.pdf")
    assert "older copy" in world.importer("backfill", exits=7).stderr
    assert uploads(world) == 5
    assert any("older copy" in message for message in messages(world))


def test_the_reading_verbs_answer_with_a_warning(world, imported):
    delete_ledger(world)
    for verb in ("status", "list"):
        assert "cannot be trusted" in world.importer(verb, exits=0).stderr


def test_who_reads_while_the_first_importer_makes_the_ledger_is_not_warned(tmp_path, monkeypatch):
    settings = load_settings(World(tmp_path / "importer").config, {})
    warnings = []

    def made_meanwhile(url):
        with opened_ledger(settings):
            return Database(url)

    monkeypatch.setattr(reading, "Database", made_meanwhile)
    with reading.reading_ledger(settings, warnings.append) as ledger:
        assert ledger.counts() == {}
    assert warnings == []


# ------------------------------------------------------------ rebuild


def told_again(world, imported):
    """Whether the new ledger says of every document what the old one said."""
    fields = (
        "sha256",
        "invoice_reference",
        "kind",
        "label",
        "state",
        "imported_at",
        "first_seen_at",
        "rule",
        "location",
    )
    references = ("communication_reference", "file_reference", "voucher_reference", "references_from")
    now = {document["path"]: document for document in world.documents()}
    return all(now[path][name] == was[name] for path, was in imported.items() for name in fields + references)


def test_a_rebuild_brings_every_imported_document_back_and_sends_nothing(world, imported):
    delete_ledger(world)
    world.importer("ledger", "rebuild", exits=0)
    assert told_again(world, imported)
    world.importer("ledger", "verify", exits=0)
    # The same file again is a duplicate, another one is looked up and sent
    world.drop("RE20001.pdf", pdf("RE20001.pdf"))
    (told,) = world.json("backfill", exits=0)
    assert told["state"] == "duplicate"
    assert uploads(world) == 4
    world.drop("RE20009.pdf")
    (told,) = world.json("backfill", exits=0)
    assert (told["state"], told["references_from"]) == ("imported", "reply")
    acts = [request.endpoint for request in world.sandbox.requests if request.endpoint in ("import", "readback")]
    assert acts[:4] == ["import"] * 4
    assert (acts[4], acts[-1]) == ("readback", "import")
    assert len(set(world.stored())) == len(world.stored()) == 5


def test_the_old_ledger_is_kept_and_cannot_come_back(world, imported, tmp_path):
    world.importer("ledger", "rebuild", exits=0)
    (kept,) = kept_ledgers(world)
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute("SELECT count(*) FROM documents").fetchone() == (4,)
    assert told_again(world, imported)
    assert query(world, "SELECT count(*) FROM attempts") == [(4,)], "the story is carried over"
    restore_ledger(world, shutil.copy(kept, tmp_path / "old.db"))
    world.drop("RE20009.pdf")
    assert "epoch" in world.importer("backfill", exits=7).stderr
    world.importer("ledger", "rebuild", exits=0)
    world.importer("backfill", exits=0)
    assert read_witness(world.folder / "archive" / WITNESS).epoch == 3


def test_a_damaged_ledger_gives_way_to_the_receipts(world, imported):
    delete_ledger(world)
    (world.folder / "var" / "ledger.db").write_bytes(b"not a database at all" * 500)
    assert messages(world)
    world.importer("backfill", exits=7)
    world.importer("ledger", "rebuild", exits=0)
    assert told_again(world, imported)
    (kept,) = kept_ledgers(world)
    assert kept.read_bytes().startswith(b"not a database")


def test_what_was_uncertain_is_looked_up_and_not_sent_again(world, imported):
    world.sandbox.fail(faults.lost_reply(), endpoint="import", times=1)
    world.sandbox.fail(faults.status(500), endpoint="readback", times=None)
    world.drop("RE20009.pdf")
    world.importer("backfill", "--wait", "1s", exits=4)
    assert world.document("RE20009.pdf")["state"] == "uncertain"
    world.importer("ledger", "rebuild", exits=0)
    assert uploads(world) == 5
    world.sandbox.clear()
    world.importer("backfill", "--wait", "20s", exits=0)
    told = world.document("RE20009.pdf")
    assert (told["state"], told["references_from"]) == ("imported", "readback")
    assert uploads(world) == 5


def test_what_an_older_copy_still_calls_pending_is_looked_up_and_not_sent_again(world, imported, tmp_path):
    # Given a copy from before an upload
    world.sandbox.close()
    world.drop("RE20009.pdf")
    world.importer("backfill", "--wait", "0s", exits=4)
    world.importer("ledger", "backup", tmp_path / "old.db", exits=0)
    # that then happened; the importer died before it wrote the receipt
    world.sandbox.start()
    hang = faults.delay(after=None)
    world.sandbox.fail(hang, endpoint="import", times=1)
    with world.running() as service:
        assert world.sandbox.wait_until(lambda: len(world.sandbox.effects) == 5, 30)
        service.kill()
    world.sandbox.release()
    restore_ledger(world, tmp_path / "old.db")
    world.importer("backfill", exits=7)
    world.importer("ledger", "rebuild", exits=0)
    assert world.document("RE20009.pdf")["state"] == "uncertain"
    world.importer("backfill", "--wait", "20s", exits=0)
    assert world.document("RE20009.pdf")["references_from"] == "readback"
    assert uploads(world) == 5
    assert len(set(world.stored())) == len(world.stored()) == 5


def test_what_was_not_at_abillify_after_all_is_sent_once_its_absence_is_proved(world, imported):
    world.sandbox.close()
    world.drop("RE20009.pdf")
    world.importer("backfill", "--wait", "0s", exits=4)
    world.importer("ledger", "rebuild", exits=0)
    world.sandbox.start()
    world.importer("backfill", "--wait", "20s", exits=0)
    told = world.document("RE20009.pdf")
    assert (told["state"], told["references_from"]) == ("imported", "reply")
    (story,) = world.json("show", told["id"], exits=0)
    assert "document.absence_proved" in [event["name"] for event in story["events"]]
    assert len(world.stored()) == 5


def test_a_file_in_the_inbox_whose_upload_was_forgotten_is_found_and_not_sent_again(world, imported):
    # Given an upload whose importer died before it knew, and then its ledger
    world.sandbox.fail(faults.delay(after=None), endpoint="import", times=1)
    world.drop("RE20009.pdf")
    with world.running() as service:
        assert world.sandbox.wait_until(lambda: len(world.sandbox.effects) == 5, 30)
        service.kill()
    world.sandbox.release()
    world.sandbox.forget_keys()
    delete_ledger(world)
    world.importer("ledger", "rebuild", exits=0)
    (told,) = world.json("backfill", "--wait", "20s", exits=0)
    assert (told["path"], told["state"], told["references_from"]) == ("RE20009.pdf", "imported", "readback")
    assert uploads(world) == 5


def test_a_file_that_was_not_moved_yet_is_moved_to_its_receipt(world, imported):
    archived = world.folder / imported["RE20001.pdf"]["location"]
    archived.rename(world.inbox / "RE20001.pdf")
    delete_ledger(world)
    world.importer("ledger", "rebuild", exits=0)
    world.importer("backfill", exits=0)
    assert archived.exists()
    assert not (world.inbox / "RE20001.pdf").exists()
    assert told_again(world, imported)
    assert len(world.documents()) == 4, "no duplicate of itself"


def test_what_a_person_is_to_decide_is_carried_over(world, imported):
    world.drop("RE20001.pdf", pdf("a revision"))
    world.drop("Zettel.pdf")
    world.importer("backfill", exits=3)
    world.importer("ledger", "rebuild", exits=0)
    assert world.document("Zettel.pdf")["state"] == "rejected"
    (revision,) = world.json("list", "--state", "held", exits=0)
    assert revision["reason"]["code"] == "revision"
    world.importer("resolve", revision["id"], "--accept", exits=0)
    world.importer("backfill", exits=0)
    assert uploads(world) == 5


def test_a_receipt_that_cannot_be_read_is_told_and_the_rest_is_rebuilt(world, imported):
    archived = world.folder / imported["RE20002.pdf"]["location"]
    receipt = archived.with_name(archived.name + ".receipt.json")
    receipt.write_text(receipt.read_text().replace("RE20002", "RE99999"))
    delete_ledger(world)
    told = world.importer("ledger", "rebuild", exits=3)
    assert receipt.name in told.stderr
    assert len(world.documents()) == 3
    # Its file is found at Abillify when it comes again
    archived.rename(world.inbox / "RE20002.pdf")
    (told,) = world.json("backfill", exits=0)
    assert (told["state"], told["references_from"]) == ("imported", "readback")
    assert uploads(world) == 4


def test_who_is_refused_to_be_alone_takes_no_starting_service_its_inbox(tmp_path, monkeypatch):
    settings = load_settings(World(tmp_path / "importer").config, {})
    was_free = []
    monkeypatch.setattr(locks, "sleep", lambda _: was_free.append(not locks.is_held(settings.inbox.path)))
    with opened_ledger(settings), pytest.raises(Stop, match="stop it first"), alone_with_ledger(settings):
        pass
    assert was_free
    assert all(was_free)


def test_a_rebuild_is_alone(world, imported):
    with world.running() as service:
        service.wait_for("watch.started")
        assert "stop it first" in world.importer("ledger", "rebuild", exits=6).stderr
        world.importer("ledger", "upgrade", exits=6)
    # and not beside a backfill either
    world.sandbox.fail(faults.delay(before=None), endpoint="import", times=1)
    world.drop("RE20009.pdf")
    backfill = threading.Thread(target=world.importer, args=("backfill",))
    backfill.start()
    assert world.sandbox.wait_until(lambda: uploads(world) == 5, 30)
    world.importer("ledger", "rebuild", exits=6)
    world.sandbox.release()
    backfill.join()
    world.importer("ledger", "verify", exits=0)


# ------------------------------------------------------------ verify


def test_a_sound_ledger_has_no_findings(world, imported):
    assert messages(world, exits=0) == []


def test_a_corrupt_receipt_is_found(world, imported):
    archived = world.folder / imported["RE20001.pdf"]["location"]
    receipt = archived.with_name(archived.name + ".receipt.json")
    receipt.write_text(receipt.read_text().replace('"invoice"', '"letter"'))
    findings = world.json("ledger", "verify", exits=7)
    assert {finding["check"] for finding in findings} == {"receipt"}
    assert any("receipt_sha256" in finding["message"] for finding in findings)
    assert f"FAULT receipt: {receipt}" in world.importer("ledger", "verify", exits=7).stdout


WRONG = [
    ("UPDATE documents SET file_reference = 'other' WHERE id = 1", "references are not those of D1"),
    ("UPDATE documents SET file_reference = NULL WHERE id = 1", "without all of its references"),
    ("UPDATE documents SET claim_token = 'x' WHERE id = 1", "has no holder"),
    ("UPDATE documents SET invoice_reference = 'RE1' WHERE id = 1", "its identity is not that"),
    ("UPDATE documents SET state = 'sending' WHERE id = 1", "nobody has claimed it"),
    ("UPDATE documents SET state = 'pending', target = X'2F78' WHERE id = 1", "its file is to be moved"),
    ("UPDATE documents SET target = 'text' WHERE id = 1", "cannot be read"),
    ("UPDATE attempts SET document_id = 99 WHERE id = 1", "belongs to no document"),
    ("UPDATE meta SET value = '\"other\"' WHERE name = 'ledger'", "not the one that"),
    ("DELETE FROM events WHERE id > 3", "older copy"),
    ("UPDATE events SET at = '2020-01-01 00:00:00.000000'", "gone on by itself"),
    ("DROP INDEX uq_documents_identity; UPDATE documents SET identity = 'i'", "only one may"),
]


def test_what_must_hold_in_every_ledger_is_looked_at(world, imported, tmp_path):
    sound = world.importer("ledger", "backup", tmp_path / "sound.db", exits=0).stdout.strip()
    for sql, told in WRONG:
        restore_ledger(world, sound)
        with closing(sqlite3.connect(world.folder / "var" / "ledger.db")) as ledger:
            ledger.executescript(sql)
        found = messages(world)
        assert any(told in message for message in found), f"{sql}: {found}"


def test_a_missing_receipt_and_a_changed_file_are_found(world, imported):
    first, second, third, _ = (world.folder / document["location"] for document in imported.values())
    first.with_name(first.name + ".receipt.json").unlink()
    second.write_bytes(b"changed")
    third.unlink()
    found = messages(world)
    for path, told in ((first, "missing"), (second, "other content"), (third, "no longer there")):
        assert [message for message in found if str(path) in message and told in message]
    assert len(found) == 3


def test_a_file_that_was_left_in_place_may_go(world):
    elsewhere = world.drop(world.folder / "export" / "RE20001.pdf")
    world.importer("backfill", elsewhere, exits=0)
    assert messages(world, exits=0) == []
    elsewhere.unlink()
    (finding,) = world.json("ledger", "verify", exits=0)
    assert (finding["check"], finding["fault"]) == ("file", False)
    delete_ledger(world)
    world.importer("ledger", "rebuild", exits=0)
    assert world.document("RE20001.pdf")["state"] == "imported"


# ------------------------------------------------------------ backup, upgrade


def test_a_backup_is_made_while_the_service_is_at_work(world):
    with world.running() as service:
        for name in NAMES:
            world.drop(name)
        service.wait_for("document.imported")
        (copy,) = world.importer("ledger", "backup", exits=0).stdout.splitlines()
        service.stop()
    with closing(sqlite3.connect(copy)) as backup:
        assert backup.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert backup.execute("SELECT count(*) FROM documents WHERE state = 'imported'").fetchone() >= (1,)
    assert [path.name for path in (world.folder / "var" / "backup").iterdir()] == [copy.rsplit("/", 1)[1]]


def test_a_backup_overwrites_nothing(world, imported, tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    assert "name another file" in world.importer("ledger", "backup", precious, exits=1).stderr
    assert precious.read_bytes() == b"precious"
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_damaged_ledger_has_no_backup(world, imported, tmp_path):
    delete_ledger(world)
    (world.folder / "var" / "ledger.db").write_bytes(b"not a database at all" * 500)
    world.importer("ledger", "backup", tmp_path / "copy.db", exits=7)
    assert not list(tmp_path.glob("copy.db*"))


def test_a_ledger_of_this_version_needs_no_upgrade(world, imported):
    assert "nothing to do" in world.importer("ledger", "upgrade", exits=0).stdout
    assert not (world.folder / "var" / "backup").exists()


def test_an_older_ledger_is_refused_with_the_way_on_and_backed_up_before_it_is_touched(world, imported):
    query(world, "UPDATE alembic_version SET version_num = '0000'")
    assert "importer ledger upgrade" in world.importer("backfill", exits=7).stderr
    # This importer does not know the way from there; the ledger stays what it was
    world.importer("ledger", "upgrade", exits=7)
    assert query(world, "SELECT version_num FROM alembic_version") == [("0000",)]
    assert len(list((world.folder / "var" / "backup").iterdir())) == 1


def test_a_newer_ledger_is_left_alone(world, imported):
    query(world, "UPDATE alembic_version SET version_num = '9999'")
    for verb in ("upgrade", "rebuild"):
        assert "the version of the importer that wrote it" in world.importer("ledger", verb, exits=7).stderr
    assert kept_ledgers(world) == []
