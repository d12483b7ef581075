"""One pass over the inbox, from dropped files to references, as an operator sees it."""

import hashlib
import json
import os
import threading
from pathlib import Path

import pytest

from importer.report import FIELDS
from importer.sandbox import faults
from tests.world import World, eml, pdf, sandbox


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_dropped_file_is_imported_and_archived_with_a_receipt(world):
    content = pdf()
    world.drop("Rechnung_RE12345.pdf", content)
    (told,) = world.json("backfill", exits=0)
    # The document, as promised in design.md
    assert list(told) == list(FIELDS)
    assert told["state"] == "imported"
    assert (told["invoice_reference"], told["kind"]) == ("RE12345", "invoice")
    assert told["sha256"] == sha256(content)
    # Abillify holds exactly these bytes, once
    (effect,) = world.sandbox.effects
    assert (effect.reference, effect.kind, effect.content) == ("RE12345", "invoice", content)
    assert effect.filename == "Rechnung_RE12345.pdf"
    assert told["references_from"] == "reply"
    assert told["communication_reference"].lstrip("_") == effect.id.lstrip("_")
    # The file lies in the archive, the receipt beside it
    archived = world.folder / told["location"]
    assert archived.read_bytes() == content
    assert not (world.inbox / "Rechnung_RE12345.pdf").exists()
    receipt = json.loads(archived.with_name(archived.name + ".receipt.json").read_text())
    assert receipt["sha256"] == told["sha256"]
    assert receipt["communication_reference"] == told["communication_reference"]
    assert receipt["rule"] == told["rule"]


def test_the_parts_stand_in_the_order_of_the_vendors_reference(world):
    world.drop("E-Mail RE12345.eml", eml())
    world.importer("backfill", exits=0)
    (request,) = [r for r in world.sandbox.requests if r.endpoint == "import"]
    assert [name for name in request.form.fields if name in ("file", "filename", "kind")] == [
        "file",
        "filename",
        "kind",
    ]
    assert request.key.endswith(":1")
    assert request.authorized


def test_a_reference_of_any_characters_reaches_its_invoice(world):
    rules = world.folder / "config" / "rules.toml"
    rules.write_text(
        """
        [tokens]
        year = '\\d{4}'
        number = '\\d{4}'
        [kinds]
        Rechnung = "invoice"
        [[rule]]
        name = "year and number"
        pattern = "{kind} {year}-{number}"
        reference = "RE/{year} %ü#{number}"
        [rule.examples]
        "Rechnung 2024-0001.pdf" = "RE/2024 %ü#0001 invoice"
        """
    )
    world.drop("Rechnung 2024-0001.pdf")
    world.importer("backfill", exits=0)
    assert [effect.reference for effect in world.sandbox.effects] == ["RE/2024 %ü#0001"]


def test_a_second_run_finds_nothing_to_do(world):
    world.drop("RE12345.pdf")
    world.importer("backfill", exits=0)
    assert world.json("backfill", exits=0) == []
    assert len(world.sandbox.effects) == 1


def test_the_same_bytes_again_are_a_duplicate_and_not_sent(world):
    world.drop("Rechnung_RE12345.pdf", pdf("one"))
    world.importer("backfill", exits=0)
    world.drop("Kopien/Rechnung RE12345.pdf", pdf("one"))
    (told,) = world.json("backfill", exits=0)
    assert (told["state"], told["duplicate_of"]) == ("duplicate", "D1")
    assert "archive/duplicates" in told["location"]
    assert len(world.sandbox.effects) == 1


def test_many_at_once_are_each_stored_once(world):
    for number in range(60):
        world.drop(f"RE{20000 + number}.pdf")
    for number in range(20):  # copies of the first twenty
        world.drop(f"Kopien/Rechnung_RE{20000 + number}.pdf", pdf(f"RE{20000 + number}.pdf"))
    told = world.json("backfill", exits=0)
    assert sorted(d["state"] for d in told) == ["duplicate"] * 20 + ["imported"] * 60
    stored = world.stored()
    assert len(stored) == 60
    assert len(set(stored)) == 60


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("Preisliste Frühling.pdf", None, "no_rule"),
        ("Rechnung_RE10001.pdf", b"", "empty_file"),
        ("Rechnung_RE10002.pdf", pdf()[:-200], "truncated"),
        ("Rechnung_RE10003.docx", b"PK\x03\x04 and so on", "unsupported_type"),
        ("Rechnung_RE10004.pdf", b"<html>login</html>", "not_a_pdf"),
        ("RE10005_RE10006.pdf", None, None),
        ("Mahnung RE10007.pdf", None, None),
    ],
)
def test_what_cannot_be_imported_lies_readable_with_its_reason(world, name, content, code):
    content = pdf() if content is None else content
    world.drop(name, content)
    (told,) = world.json("backfill", exits=3)
    assert told["state"] == "rejected"
    assert code is None or told["reason"]["code"] == code
    rejected = world.folder / "rejected" / name
    assert rejected.read_bytes() == content
    reason = rejected.with_name(name + ".reason.txt").read_text(encoding="utf-8")
    assert told["reason"]["code"] in reason
    assert "Bitte" in reason, "a clerk reads German"
    assert told["reason"]["message"] in reason.replace("\n", " ")
    assert world.sandbox.effects == ()


def test_files_that_are_none_of_our_business_are_left_alone(world):
    names = ["Thumbs.db", ".DS_Store", "~$RE12345.pdf", "RE12345.pdf.part", "RE12345.tmp", "@eaDir/RE12345.pdf"]
    for name in names:
        world.drop(name)
    assert world.json("backfill", exits=0) == []
    assert all((world.inbox / name).exists() for name in names)


def test_symbolic_links_are_not_followed(world, tmp_path):
    secret = tmp_path / "Rechnung_RE12345.pdf"
    secret.write_bytes(pdf())
    (world.inbox / "Rechnung_RE12345.pdf").symlink_to(secret)
    (world.inbox / "folder").symlink_to(tmp_path, target_is_directory=True)
    done = world.importer("backfill", exits=3)
    assert "symbolic link" in done.stderr
    assert world.sandbox.effects == ()


def test_a_name_that_is_not_utf8_is_refused_and_keeps_its_bytes(world):
    content = pdf()
    with open(os.fsencode(world.inbox) + b"/Rechnung_M\xfcller_RE12345.pdf", "wb") as file:
        file.write(content)
    (told,) = world.json("backfill", exits=3)
    assert told["state"] == "rejected"
    assert b"Rechnung_M\xfcller_RE12345.pdf" in os.listdir(os.fsencode(world.folder / "rejected"))


def test_composed_and_decomposed_umlauts_are_one_name_for_the_rules(world):
    world.drop("RE-2024-00001_Kunde Müller.pdf")
    world.drop("RE-2024-00002_Kunde Mu\u0308ller.pdf")
    told = world.json("backfill", exits=0)
    assert sorted(d["invoice_reference"] for d in told) == ["RE-2024-00001", "RE-2024-00002"]


def test_a_dry_run_sends_and_writes_nothing(world):
    world.drop("RE12345.pdf")
    world.drop("nonsense.pdf")
    before = sorted(path for path in world.folder.rglob("*"))
    told = world.json("backfill", "--dry-run", exits=0)
    assert sorted(d["decision"] for d in told) == ["import", "reject"]
    assert sorted(path for path in world.folder.rglob("*")) == before
    assert world.sandbox.requests == ()


def test_a_limit_is_a_limit_of_new_files(world, tmp_path):
    for number in range(5):
        world.drop(tmp_path / "export" / f"RE1000{number}.pdf")
    for stored in (2, 4, 5):
        world.importer("backfill", "--limit", "2", tmp_path / "export", exits=0)
        assert len(world.sandbox.effects) == stored, "files in place that are known already do not count"


def test_the_inbox_by_another_path_is_the_inbox(world):
    path = world.drop("Mahnungen/RE12345.pdf")
    other = world.folder / "config" / ".." / "inbox"
    (told,) = world.json("backfill", other, exits=0)
    assert told["path"] == "Mahnungen/RE12345.pdf"
    assert not path.exists()


def test_what_was_put_away_is_not_imported_again(world):
    world.drop("nonsense.pdf")
    world.importer("backfill", exits=3)
    assert "put away" in world.importer("backfill", "--archive", world.folder / "rejected", exits=2).stderr


def test_a_file_that_never_comes_to_rest_does_not_hold_up_a_backfill_for_ever(world):
    world.environ["IMPORTER_INBOX__SETTLE"] = "400ms"
    path = world.drop("RE12345.pdf")
    ended = threading.Event()

    def write():
        with path.open("ab") as file:
            while not ended.wait(0.05):
                file.write(b"%")
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        world.importer("backfill", "--wait", "0s", exits=4)
    finally:
        ended.set()
        writer.join()
    assert world.sandbox.effects == ()


def test_only_files_changed_since_a_date(world):
    old = world.drop("RE10001.pdf")
    os.utime(old, (1_600_000_000, 1_600_000_000))
    world.drop("RE10002.pdf")
    (told,) = world.json("backfill", "--since", "2025-01-01", exits=0)
    assert told["invoice_reference"] == "RE10002"
    assert old.exists()


def test_outside_the_inbox_files_stay_where_they_are(world, tmp_path):
    tree = tmp_path / "export"
    good = world.drop(tree / "2024" / "RE10001.pdf")
    bad = world.drop(tree / "nonsense.pdf")
    told = world.json("backfill", tree, exits=3)
    assert {d["path"]: d["state"] for d in told} == {"2024/RE10001.pdf": "imported", "nonsense.pdf": "rejected"}
    assert good.exists()
    assert bad.exists()
    assert list((world.folder / "archive").rglob("*.receipt.json"))
    # and a second pass neither sends nor moves anything
    world.importer("backfill", tree)
    assert len(world.sandbox.effects) == 1
    assert len(world.documents()) == 2


def test_outside_the_inbox_files_are_archived_on_request(world, tmp_path):
    good = world.drop(tmp_path / "export" / "RE10001.pdf")
    (told,) = world.json("backfill", "--archive", good, exits=0)
    assert not good.exists()
    assert told["location"].startswith(str(world.folder / "archive"))


def test_a_name_taken_in_the_archive_is_not_overwritten(world):
    world.drop("RE12345.pdf", pdf("one"))
    (first,) = world.json("backfill", exits=0)
    world.environ["IMPORTER_DOCUMENTS__REVISION"] = "allow"
    world.drop("RE12345.pdf", pdf("two"))
    (second,) = world.json("backfill", exits=0)
    assert first["location"] != second["location"]
    for told in (first, second):
        assert sha256(Path(told["location"]).read_bytes()) == told["sha256"]


def test_refused_credentials_stop_the_line_at_the_first_refusal(world):
    for number in range(20):
        world.drop(f"RE{10000 + number}.pdf")
    world.environ |= {"IMPORTER_API__PASSWORD": "wrong", "IMPORTER_SCHEDULE__BACKOFF": "1m..1m"}
    world.importer("backfill", exits=5)
    assert len(world.sandbox.requests) == 1, "one probe, and no storm"
    assert {d["state"] for d in world.documents()} <= {"pending"}
    assert world.importer("status").returncode == 5
    # and when they are right again, everything goes out
    del world.environ["IMPORTER_API__PASSWORD"]
    world.environ["IMPORTER_API__PASSWORD"] = world.sandbox.behaviour.password
    world.importer("backfill", exits=0)
    assert len(set(world.stored())) == len(world.stored()) == 20


def test_credentials_refused_in_the_middle_cost_no_attempts(world):
    world.sandbox.fail(faults.status(401), endpoint="import", times=1)
    world.drop("RE12345.pdf")
    world.importer("backfill", exits=5)
    told = world.document("RE12345.pdf")
    assert (told["state"], told["attempts"]) == ("pending", 0)
    (told,) = world.json("backfill", exits=0)
    assert told["state"] == "imported"


def test_one_forbidden_invoice_does_not_stop_the_others(world):
    world.environ["IMPORTER_SCHEDULE__BACKOFF"] = "10ms..20ms"
    world.sandbox.fail(faults.status(403), endpoint="import", reference="RE10001", times=None)
    with world.running() as service:
        world.drop("RE10001.pdf")
        service.wait_for("document.held", path="RE10001.pdf", reason="forbidden_for_invoice")
        world.drop("RE10002.pdf")
        service.wait_for("document.imported", path="RE10002.pdf")


def test_an_unreachable_api_loses_nothing(tmp_path):
    world = World(tmp_path / "importer")
    world.environ["IMPORTER_API__BASE_URL"] = "http://127.0.0.1:9/api"
    world.drop("RE12345.pdf")
    (told,) = world.json("backfill", "--wait", "0s", exits=4)
    assert told["state"] in ("pending", "deferred")
    assert (world.inbox / "RE12345.pdf").exists()


def test_an_invoice_that_is_not_there_yet_is_waited_for(tmp_path):
    with sandbox(any_invoice=False) as abillify:
        world = World(tmp_path / "importer", abillify)
        world.drop("RE12345.pdf")
        (told,) = world.json("backfill", exits=4)
        assert (told["state"], told["reason"]["code"]) == ("waiting", "invoice_unknown")
        abillify.add_invoice("RE12345")
        world.importer("retry", "D1", exits=0)
        (told,) = world.json("backfill", exits=0)
        assert told["state"] == "imported"


def test_a_refusal_carries_the_vendors_words(world):
    world.sandbox.fail(faults.status(422), endpoint="import", times=1)
    world.drop("RE12345.pdf")
    (told,) = world.json("backfill", exits=3)
    assert told["reason"]["code"] == "refused_by_api"
    assert told["reason"]["details"]["status"] == 422


def test_patience_is_shown_when_the_api_asks_for_it(world):
    world.sandbox.fail(faults.status(429, retry_after="1"), endpoint="import", times=1)
    world.drop("RE12345.pdf")
    (told,) = world.json("backfill", exits=0)
    assert (told["state"], told["attempts"]) == ("imported", 2)
    assert len(world.sandbox.effects) == 1


def test_a_file_in_use_is_waited_for(world):
    """Given a writer that has not finished, then only the whole file is imported."""
    content = pdf(pages=3)
    path = world.inbox / "RE12345.pdf"
    path.write_bytes(content[:100])
    with world.running() as service:
        service.wait_for("line.opened")
        path.write_bytes(content)
        service.wait_for("document.imported", path="RE12345.pdf")
    assert [effect.content for effect in world.sandbox.effects] == [content]


def test_a_profile_tells_each_stage_of_the_way_and_changes_nothing_else(world):
    names = ["RE12345.pdf", "RE10002.pdf", "unknown.pdf"]
    for name in names:
        world.drop(name)
    done = world.importer("--log-level", "error", "backfill", "--profile", exits=3)
    stages = {line.rsplit(maxsplit=4)[0]: int(line.split()[-4]) for line in done.stderr.splitlines()[1:]}
    assert 1 <= stages.pop("move files") <= 3
    assert 3 <= stages.pop("commit") <= 10, "what is wanted together is one commit"
    assert stages == {
        "read": 3,
        "examine": 3,
        "admit": 3,
        "wait for the rate": 2,
        "intend": 2,
        "wait for a connection": 2,
        "upload": 2,
        "record": 2,
        "put away": 3,
    }
    processor = {line.rsplit(maxsplit=4)[0]: line.split()[-2] for line in done.stderr.splitlines()[1:]}
    assert {name for name, told in processor.items() if told != "-"} == {
        *("read", "examine", "commit", "upload", "move files")
    }, "while a stage awaits something, its thread works for other documents"
    assert done.stdout.startswith("3 documents\n")
