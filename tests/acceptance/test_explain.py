"""`importer explain` beside a ledger: what it says of files that are known, and of names alone."""

import os
import pty
import re
import subprocess

import pytest

from importer.sandbox import faults
from importer.telling import NEAREST
from tests.world import World, eml, pdf


@pytest.fixture
def waiting(world):
    """RE99999 is not there yet; its document waits, and its file lies in the inbox."""
    for endpoint in ("import", "invoice"):
        world.sandbox.fail(faults.status(404), endpoint=endpoint, reference="RE99999", times=None)
    world.drop("RE99999.pdf")
    world.importer("backfill", "--wait", "0s", exits=4)
    return world


def explained(world, path):
    (told,) = world.json("explain", path, exits=0)
    return told


def test_a_file_that_is_on_its_way_is_no_duplicate_of_itself(waiting):
    told = explained(waiting, waiting.inbox / "RE99999.pdf")
    assert (told["decision"], told["reason"]["code"]) == ("import", "on_its_way")
    assert "is on its way as D1 (waiting: " in told["reason"]["message"]
    assert ", next attempt " in told["reason"]["message"]
    assert told["ledger"]["id"] == "D1"
    assert told["request"]["headers"]["Idempotency-Key"].endswith(":1")


def test_a_held_file_tells_its_own_reason(world):
    world.drop("RE12345.pdf", pdf("one"))
    world.importer("backfill", exits=0)
    world.drop("RE12345.pdf", pdf("two"))
    (held,) = world.json("backfill", exits=3)
    told = explained(world, held["location"])
    assert (told["decision"], told["reason"]) == ("hold", held["reason"])
    assert told["ledger"]["id"] == "D2"


def test_a_rejected_file_is_judged_anew_by_its_own_name(world):
    """Given two of one name, so that the second lies in rejected/ as ~2, when a rule is added, then both would go."""
    world.drop("Sonderfall RE12345 xyz.pdf", pdf("one"))
    world.importer("backfill", exits=3)
    world.drop("Sonderfall RE12345 xyz.pdf", pdf("two"))
    (second,) = world.json("backfill", exits=3)
    assert "~2" in second["location"]
    assert explained(world, second["location"])["decision"] == "reject"
    rules = world.folder / "config" / "rules.toml"
    rule = '[[rule]]\nname = "special"\nregex = \'Sonderfall (?P<invoice>RE12345) xyz\'\nkind = "invoice"\n'
    example = '[rule.examples]\n"Sonderfall RE12345 xyz.pdf" = "RE12345 invoice"\n'
    rules.write_text(f"[tokens]\ninvoice = 'RE\\d+'\n[kinds]\nRechnung = \"invoice\"\n{rule}{example}")
    told = explained(world, second["location"])
    assert (told["decision"], told["invoice_reference"]) == ("import", "RE12345")
    assert "importer retry D2" in world.importer("explain", second["location"], exits=0).stdout


def test_a_file_imported_in_place_is_done(world, tmp_path):
    path = world.drop(tmp_path / "export" / "RE12345.pdf")
    world.importer("backfill", path, exits=0)
    told = explained(world, path)
    assert (told["decision"], told["request"]) == ("duplicate", None)
    assert "was imported as D1" in told["reason"]["message"]
    assert "nothing would be sent" in world.importer("explain", path, exits=0).stdout


def test_the_ledger_line_shows_the_document_that_the_reason_speaks_of(world):
    world.drop("nonsense.pdf", pdf("first"))
    world.drop("RE12345.pdf", pdf("second"))
    world.importer("backfill", exits=3)
    told = explained(world, world.drop("Rechnung_RE12345.pdf", pdf("third")))
    assert (told["decision"], told["ledger"]["invoice_reference"]) == ("hold", "RE12345")
    assert told["ledger"]["id"] == told["reason"]["details"]["other"]
    assert explained(world, world.drop("unsinn.pdf", pdf("fourth")))["ledger"] is None


@pytest.mark.parametrize("name", ["Rechnung_RE12345.docx", "Rechnung_RE12345.xml", "RE12345"])
def test_a_name_that_can_never_go_is_refused_without_a_file(world, name):
    told = explained(world, name)
    assert (told["decision"], told["reason"]["code"], told["request"]) == ("reject", "unsupported_type", None)


def test_what_follows_from_bytes_is_not_made_up_for_a_name(world):
    told = explained(world, "RE12345.pdf")
    assert told["request"]["parts"]["file"]["size"] is told["request"]["parts"]["file"]["sha256"] is None
    assert "Idempotency-Key" not in told["request"]["headers"]
    assert "description" not in told["request"]["parts"], "the fingerprint would stand there"
    assert "judged by its name alone" in world.importer("explain", "RE12345.pdf", exits=0).stdout


def test_rules_that_fail_alike_are_told_together_and_every_rule_is_named(world):
    name = "Sonderfall Meier.pdf"
    names = [rule["rule"] for rule in explained(world, name)["rules"]]
    told = " ".join(world.importer("explain", name, exits=0).stdout.split())
    assert all(repr(name) in told for name in names)
    assert told.count(" rules '") + told.count(" rule '") < len(names) / 2


def test_in_brief_only_the_nearest_are_shown_and_the_rest_counted(world):
    told = world.importer("explain", "--brief", "Sonderfall Meier.pdf", exits=0).stdout
    assert told.count(" rules '") + told.count(" rule '") == NEAREST
    assert re.search(r"and \d+ rules that fit even less", told)


def test_the_parts_are_readable(world):
    path = world.drop("RE12345.pdf")
    out = world.importer("explain", path, exits=0).stdout
    assert f"file = RE12345.pdf (application/pdf, {path.stat().st_size} bytes)" in out
    assert ", 1 page" in out
    assert "1 pages" not in out


def test_files_outside_the_inbox_are_told_apart(world, tmp_path):
    paths = [world.drop(tmp_path / folder / "RE12345.pdf") for folder in ("a", "b")]
    told = world.json("explain", *paths, exits=0)
    assert [explanation["path"] for explanation in told] == [str(path) for path in paths]


def test_a_ledger_that_cannot_be_read_is_a_warning(world):
    (world.folder / "var").mkdir(exist_ok=True)
    (world.folder / "var" / "ledger.db").write_bytes(b"no ledger" * 1000)
    path = world.drop("RE12345.pdf")
    done = world.importer("explain", path, "--json", exits=0)
    assert '"decision": "import"' in done.stdout
    assert '"ledger": null' in done.stdout
    assert "explained without the ledger" in done.stderr


def test_a_file_without_its_marker_waits_for_it(tmp_path):
    world = World(tmp_path / "importer")
    world.environ["IMPORTER_INBOX__DONE_FILE"] = "{name}.done"
    path = world.drop("RE12345.pdf")
    told = explained(world, path)
    assert told["decision"] == "ignore"
    assert "waits for RE12345.pdf.done" in told["reason"]["message"]
    marker = world.drop("RE12345.pdf.done", b"")
    assert explained(world, path)["decision"] == "import"
    assert explained(world, marker)["decision"] == "ignore"


@pytest.mark.parametrize("name", ["RE12345\x1b[31m.pdf", "RE12345\n.pdf", "RE12345\u202efdp.exe.pdf"])
def test_no_name_reaches_the_terminal_as_it_is(world, name):
    path = world.drop(name)
    outputs = [world.importer("explain", path, exits=0).stdout, world.importer("backfill", "--dry-run").stdout]
    (told,) = world.json("backfill", exits=3)
    outputs += [world.importer(*verb, exits=0).stdout for verb in (["list"], ["show", "D1"])]
    escaped = ascii(name)[1:-1]
    for output in outputs:
        assert escaped in output
        assert name not in output
        assert not {"\x1b", "\u202e"} & set(output)
    assert told["path"] == name


def test_a_near_miss_is_told_in_words_and_as_a_field(world):
    told = explained(world, "RE-2024-0l23.pdf")
    sentence = "`RE-2024-0l23` has the letter `l` where a digit is expected"
    assert {rule["near_miss"] for rule in told["rules"]} == {None, sentence}
    assert told["decision"] == "reject"
    out = world.importer("explain", "--brief", "RE-2024-0l23.pdf", exits=0).stdout
    assert f"near miss: {sentence}" in out
    assert "RE-2024-0▸l23" in out, "how far the rule came"


def test_the_name_is_told_as_the_rules_read_it(world):
    told = explained(world, "Rechnung RE12345\u200b - Kopie (2).pdf")
    assert told["name"] == {"stem": "Rechnung RE12345", "copy_marks": [" (2)", " - Kopie"], "differs": True}
    assert told["invoice_reference"] == "RE12345"
    out = world.importer("explain", "Rechnung RE12345 (2).pdf", exits=0).stdout
    assert "read as" in out
    assert "without ` (2)`, which copying programs add" in out
    assert "read as" not in world.importer("explain", "Rechnung RE12345.pdf", exits=0).stdout


def test_what_the_ledger_knows_of_the_invoice_is_told(world):
    world.drop("RE12345.pdf", pdf("one"))
    world.drop("1. Mahnung RE12345.pdf", pdf("two"))
    world.importer("backfill", exits=0)
    path = world.drop("2. Mahnung RE12345.pdf", pdf("three"))
    told = explained(world, path)
    assert told["ledger"] is None
    assert {(d["kind"], d["state"]) for d in told["same_invoice"]} == {
        ("invoice", "imported"),
        ("dunning1", "imported"),
    }
    out = world.importer("explain", path, exits=0).stdout
    assert "RE12345 has " in out
    assert "dunning1 imported: 1. Mahnung RE12345.pdf" in out


def test_the_facts_of_an_e_mail_are_told(world):
    path = world.drop("E-Mail RE12345.eml", eml("Ihre Rechnung"))
    out = world.importer("explain", path, exits=0).stdout
    assert "from Buchhaltung <ar@acme.example>" in out
    assert "Ihre Rechnung" in out


@pytest.mark.parametrize(("environ", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_is_for_terminals_that_want_it(world, environ, is_coloured):
    world.environ |= environ | {"TERM": "xterm-256color"}
    ours, theirs = pty.openpty()
    command = world.command("explain", "--brief", "RE12345.pdf")
    done = subprocess.run(command, stdout=theirs, stderr=theirs, env=world.full_environ, timeout=90, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "RE12345" in shown
    assert ("\x1b[32m" in shown) is is_coloured
    assert "\x1b" not in world.importer("explain", "RE12345.pdf", exits=0).stdout
