"""`importer rules`: the examples, rules without effect, and what other rules would change."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from importer.sandbox import faults
from tests.world import eml, pdf

MINE = """
[tokens]
invoice = 'RE\\d{4,8}'
[kinds]
Rechnung = "invoice"
"1. Mahnung" = "dunning1"
[[rule]]
name = "word first"
pattern = "{kind}[_ ]{invoice}"
[rule.examples]
"Rechnung RE12345.pdf" = "RE12345 invoice"
"""


def rules_file(world, more="", name="mine.toml", replacing=("", "")):
    path = world.folder / name
    path.write_text(MINE.replace(*replacing) + more)
    return path


def use(world, path):
    (world.folder / "config" / "rules.toml").write_text(path.read_text())


def state_of(folder):
    """Every file below, with its content: to see that nothing was written."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".db-shm", ".db-wal"}]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_examples_of_the_configured_rules_hold(world):
    told = world.json("rules", "test", exits=0)

    assert all(rule["passed"] and not rule["warnings"] for rule in told)
    assert sum(len(rule["examples"]) for rule in told) > 100
    assert "0 failed, 0 warnings" in world.importer("rules", "test", exits=0).stdout


def test_a_failing_example_is_told_with_the_reason_and_ends_with_2(world):
    path = rules_file(world, '"Brief RE12345.pdf" = "RE12345 letter"\n')

    (rule,) = world.json("rules", "test", path, exits=2)

    assert [(e["path"], e["passed"], e["actual"]) for e in rule["examples"]] == [
        ("Rechnung RE12345.pdf", True, "RE12345 invoice"),
        ("Brief RE12345.pdf", False, "no match"),
    ]
    shown = world.importer("rules", "test", path, exits=2).stdout
    assert "word first: 1 of 2 examples" in shown
    assert "Brief RE12345.pdf: expected RE12345 letter, got no match" in shown


def test_a_rule_without_effect_is_a_warning_of_test_and_of_doctor(world):
    path = rules_file(world, '[[rule]]\nname = "odd"\npattern = "1. Mahnung {invoice}"\nkind = "letter"\n')
    use(world, path)

    told = world.json("rules", "test", exits=0)

    assert [rule["rule"] for rule in told if rule["warnings"]] == ["odd"]
    assert "always collides with rule “word first”" in told[1]["warnings"][0]["problem"]
    (finding,) = [finding for finding in world.json("doctor", exits=0) if finding["check"] == "rules"]
    assert 'warning: rule "odd": it always collides' in finding["message"]
    assert "always collides" in " ".join(world.importer("rules", "test", exits=0).stdout.split())


def test_a_rules_file_with_faults_is_wrong_configuration(world):
    path = rules_file(world, "[[rule]]\nname = 'x'\npattern = '{nothing}'\n")

    for verb in (["rules", "test", path], ["rules", "diff", path], ["rules", "diff", path.with_name("absent.toml")]):
        done = world.importer(*verb, exits=2)
        assert str(verb[-1]) in done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture
def lived(world):
    """Two imported, one rejected, one held, one accepted by a person, and two new in the inbox."""
    world.drop("Rechnung RE10001.pdf")
    world.drop("1. Mahnung RE10001.pdf")
    world.drop("RE10002 Sonderfall.pdf")
    world.drop("RE10003.pdf", pdf("a"))
    world.importer("backfill", exits=3)
    world.drop("RE10003.pdf", pdf("b"))
    world.drop("RE10004.pdf", pdf("a"))
    world.importer("backfill", exits=3)
    world.importer("resolve", world.document("RE10004.pdf")["id"], "--accept", exits=0)
    world.importer("backfill", exits=0)
    world.drop("Rechnung RE20001.pdf")
    world.drop("RE20002.pdf")
    return world


def test_the_same_rules_differ_in_nothing(lived):
    assert lived.json("rules", "diff", lived.folder / "config" / "rules.toml", exits=0) == []


def test_other_rules_are_replayed_over_ledger_and_inbox_and_nothing_is_written(lived):
    before = state_of(lived.folder)
    sent = len(lived.sandbox.requests)
    path = rules_file(lived, replacing=('"1. Mahnung" = "dunning1"', '"1. Mahnung" = "letter"'))
    before[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()

    told = {difference["path"]: difference for difference in lived.json("rules", "diff", path, exits=3)}

    def sides(path):
        return [(told[path][side]["invoice_reference"], told[path][side]["kind"]) for side in ("old", "new")]

    assert sides("1. Mahnung RE10001.pdf") == [("RE10001", "dunning1"), ("RE10001", "letter")]
    assert sides("RE20002.pdf") == [("RE20002", "invoice"), (None, None)]
    assert told["RE20002.pdf"]["id"] is None
    assert told["RE20002.pdf"]["new"]["reason"]["code"] == "no_rule"
    assert not {"Rechnung RE10001.pdf", "RE10002 Sonderfall.pdf", "Rechnung RE20001.pdf"} & told.keys()
    assert {path for path, difference in told.items() if difference["by_person"]} == {"RE10004.pdf"}
    assert state_of(lived.folder) == before
    assert len(lived.sandbox.requests) == sent

    done = lived.importer("rules", "diff", path, exits=3)
    assert " imported  1. Mahnung RE10001.pdf: RE10001 dunning1 -> RE10001 letter" in done.stdout
    assert "in the inbox  RE20002.pdf: RE20002 invoice -> refused [no_rule]" in done.stdout
    assert "RE10004.pdf: RE10004 invoice -> refused [no_rule] (a person has decided about it)" in done.stdout
    assert "would be classified differently, 1 of them decided by a person" in done.stderr


def test_what_was_refused_and_would_be_understood_is_told(lived):
    special = '[[rule]]\nname = "special"\npattern = "{invoice} Sonderfall"\nkind = "letter"\n'

    told = {d["path"]: d for d in lived.json("rules", "diff", rules_file(lived, special), exits=3)}

    assert told["RE10002 Sonderfall.pdf"]["old"]["reason"]["code"] in ("ambiguous", "no_rule")
    assert told["RE10002 Sonderfall.pdf"]["new"]["rule"] == "special"


def test_a_file_on_its_way_in_the_inbox_is_told_once(world):
    for endpoint in ("import", "invoice"):
        world.sandbox.fail(faults.status(404), endpoint=endpoint, reference="RE99999", times=None)
    world.drop("RE99999.pdf")
    world.importer("backfill", "--wait", "0s", exits=4)

    (told,) = world.json("rules", "diff", rules_file(world), exits=3)

    assert (told["id"], told["state"]) == ("D1", "waiting")


def test_rules_that_read_the_subject_look_into_the_archived_mail(world):
    world.drop("mail.eml", eml("Ihre Rechnung RE12345"))
    world.importer("backfill", exits=3)
    subject = '[[rule]]\nname = "subject"\nfrom = "subject"\npattern = "Ihre {kind} {invoice}"\n'

    (told,) = world.json("rules", "diff", rules_file(world, subject), exits=3)

    assert (told["new"]["invoice_reference"], told["new"]["kind"]) == ("RE12345", "invoice")


def test_a_large_ledger_is_replayed_row_by_row(world):
    """Given many rows, when all of them differ, then all are told, each once."""
    world.drop("Rechnung RE10001.pdf")
    world.importer("backfill", exits=0)
    with closing(sqlite3.connect(world.folder / "var" / "ledger.db")) as ledger, ledger:
        columns = [row[1] for row in ledger.execute("PRAGMA table_info(documents)") if row[1] != "id"]
        special = {
            "path": "CAST('1. Mahnung RE' || value || '.pdf' AS BLOB)",
            "identity": "'x' || value",
            "claim_token": "NULL",
        }
        values = ", ".join(special.get(column, column) for column in columns)
        ledger.execute(
            f"INSERT INTO documents ({', '.join(columns)}) WITH RECURSIVE n(value) AS "
            f"(SELECT 20001 UNION ALL SELECT value + 1 FROM n WHERE value < 22500) SELECT {values} FROM n, documents"
        )

    told = world.json("rules", "diff", rules_file(world), exits=3)

    assert [difference["id"] for difference in told] == [f"D{number}" for number in range(2, 2502)]
    assert told[-1]["new"] == {
        "invoice_reference": "RE22500", "kind": "dunning1", "rule": "word first", "reason": None
    }  # fmt: skip
