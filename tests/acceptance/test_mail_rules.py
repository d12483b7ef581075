"""An e-mail of which only the subject says the invoice, from the inbox to Abillify."""

import pytest

from tests.adapters.mail_corpus import REPORT, WHOLE

RULES = r"""
[tokens]
invoice = 'RE-\d{4}-\d{4}'
[kinds]
Rechnung = "invoice"
[[rule]]
name = "names"
pattern = "{kind}_{invoice}"
[[rule]]
name = "subjects"
from = "subject"
pattern = "{kind} {invoice}"
label = "{subject} ({date})"
"""


@pytest.fixture
def mails(world):
    (world.folder / "config" / "rules.toml").write_text(RULES)
    return world


def explained(world, path):
    (told,) = world.json("explain", path, exits=0)
    return told


def test_the_subject_decides_where_the_name_is_silent(mails):
    path = mails.drop("scan.eml", WHOLE)
    told = explained(mails, path)

    assert (told["decision"], told["invoice_reference"], told["rule"]) == ("import", "RE-2024-0815", "subjects")
    assert told["label"] == "Rechnung RE-2024-0815 (2025-03-03)"
    assert told["rules"][1]["from"] == "subject"
    assert told["facts"]["eml"]["attachments"] == ["RE-2024-0815.pdf"]
    assert "rule 'subjects' on the subject “Rechnung RE-2024-0815”: " in mails.importer("explain", path, exits=0).stdout
    (document,) = mails.json("backfill", exits=0)
    assert (document["state"], document["label"]) == ("imported", "Rechnung RE-2024-0815 (2025-03-03)")


def test_a_name_alone_has_no_subject_and_says_so(mails):
    told = explained(mails, "scan.eml")

    assert (told["decision"], told["reason"]["code"]) == ("reject", "no_rule")
    assert "which only the file itself tells" in mails.importer("explain", "scan.eml", exits=0).stdout


@pytest.mark.parametrize(
    ("content", "decision", "code"),
    [
        (REPORT, "reject", "no_rule"),
        (
            WHOLE.replace(b"RE-2024-0815\r\n", b"RE-2024-0815\r\nSubject: Rechnung RE-2024-0816\r\n"),
            "reject",
            "ambiguous",
        ),
        (WHOLE[:600], "hold", "damaged"),
    ],
)
def test_no_wrong_document_passes_by_accident(mails, content, decision, code):
    told = explained(mails, mails.drop("scan.eml", content))

    assert (told["decision"], told["reason"]["code"]) == (decision, code)
