"""Rules with `from`: what an e-mail's subject and attachments say where its file's name says nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from importer.adapters.patterns import compile_pattern
from importer.adapters.rules_file import RulesFileError, load_rules
from importer.core.facts import EmlFacts, Facts, Format
from importer.core.model import Kind
from importer.core.rules import (
    Ambiguous,
    FileName,
    Match,
    NoMatch,
    RuleResult,
    RulesError,
    RuleSpec,
    RulesSpec,
    compile_rules,
    run_examples,
    with_near_misses,
)

TOKENS = {"invoice": r"RE-?\d{4}(?:-\d+)?"}
KINDS = {"Rechnung": "invoice", "Gutschrift": "creditnote", "E-Mail": "email", "Mahnung": "refuse"}
BY_NAME = {"name": "name", "pattern": "{kind}[_- ]{invoice}"}
BY_SUBJECT = {"name": "subject", "source": "subject", "pattern": "Ihre {kind} {invoice}"}
IN_SUBJECT = {"name": "in subject", "source": "subject", "pattern": "{any}{kind}[ ]{invoice}{any}"}
BY_ATTACHMENT = {"name": "attachment", "source": "attachment", "pattern": "{invoice}", "kind": "invoice"}
ALL = (BY_NAME, BY_SUBJECT, IN_SUBJECT, BY_ATTACHMENT)


def rules_of(*rules):
    return compile_rules(
        RulesSpec(tokens=TOKENS, kinds=KINDS, rules=tuple(RuleSpec(**r) for r in rules)), compile_pattern
    )


def mail(subject="", *attachments, **facts):
    return Facts(format=Format.EML, size=1, eml=EmlFacts(subject=subject, attachments=attachments, **facts))


def infer(name, facts, *rules):
    """What `explain` tells; and proves that `infer` says the same of the rules that recognised something."""
    compiled, name = rules_of(*(rules or ALL)), FileName.parse(name)
    explained = compiled.explain(name, facts)
    recognised = tuple(account for account in explained.accounts if account.recognised)
    assert compiled.infer(name, facts) == replace(explained, accounts=recognised)
    return explained


def said(inference):
    return (inference.rule, inference.reference) if isinstance(inference, Match) else inference.reason.code


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("Ihre Rechnung RE-2024-0815", ("subject", "RE-2024-0815")),
        ("Re: Ihre Rechnung RE-2024-0815", ("subject", "RE-2024-0815")),
        ("AW: WG: Fwd:Fw: RE[2]: Antwort: Ihre Rechnung RE-2024-0815", ("subject", "RE-2024-0815")),
        ("AW: Ihre Rechnung RE-2024-0815 vom 3.3.", ("in subject", "RE-2024-0815")),
        ("Ihre\u00a0Rechnung RE-2024-0815\u200b", ("subject", "RE-2024-0815")),
        ("SPAM: Ihre Rechnung RE-2024-0815", "no_rule"),
        ("Ihre Rechnung RE-2024-0815 und RE-2024-0816", "ambiguous"),
        ("Ihre Rechnung RE-2024-0815 zur Gutschrift", "ambiguous"),
        ("Zur Mahnung Ihre Rechnung RE-2024-0815 vom 3.3.", "ambiguous"),
        ("Ihre Mahnung RE-2024-0815", "ambiguous"),
        ("Hallo", "no_rule"),
        ("", "no_rule"),
        ("Ihre Rechnung RE-2024-0815…", "ambiguous"),
        ("… Ihre Rechnung RE-2024-0815 vom 3. …", "ambiguous"),
        ("Eine Rechnung RE-2024-0815 \ufffd", "ambiguous"),
        ("Eine Rechnung RE-2024-0815 =?utf-8?Q?=3?=", "ambiguous"),
    ],
)
def test_a_subject_is_read_as_carefully_as_a_name(subject, answer):
    assert said(infer("mail.eml", mail(subject))) == answer


@pytest.mark.parametrize(
    ("attachments", "answer"),
    [
        (["RE-2024-0815.pdf"], ("attachment", "RE-2024-0815")),
        (["RE-2024-0815.pdf", "image001.png", "text/calendar", "AGB.pdf"], ("attachment", "RE-2024-0815")),
        (["RE-2024-0815.pdf", "RE-2024-0815.xml"], ("attachment", "RE-2024-0815")),
        (["RE-2024-0815.pdf", "RE-2024-0816.pdf"], "ambiguous"),
        (["RE-2024-0815.pdf", "Anlage zu RE-2024-0816.pdf"], "ambiguous"),
        (["RE-2024-0815.pdf", "Anlage zu RE-2024-0815.pdf"], ("attachment", "RE-2024-0815")),
        (["RE-2024-0815.pdf", "Lieferschein Mahnung.pdf"], ("attachment", "RE-2024-0815")),
        (["RE-2024-0815.pdf", "RE-20\ufffd4.pdf"], "ambiguous"),
        (["image001.png"], "no_rule"),
        ([], "no_rule"),
    ],
)
def test_attachments_have_to_agree(attachments, answer):
    assert said(infer("mail.eml", mail("Guten Tag", *attachments))) == answer


@pytest.mark.parametrize(
    ("subject", "attachment", "answer"),
    [
        ("Ihre Rechnung RE-2024-0815", "RE-2024-0815.pdf", ("subject", "RE-2024-0815")),
        ("Ihre Rechnung RE-2024-0815", "RE-2024-0816.pdf", "ambiguous"),
        ("Ihre Gutschrift RE-2024-0815", "RE-2024-0815.pdf", "ambiguous"),
        ("Zu RE-2024-0816", "RE-2024-0815.pdf", "ambiguous"),
        ("Letzte Mahnung", "RE-2024-0815.pdf", "ambiguous"),
        ("Rechnung anbei", "RE-2024-0815.pdf", ("attachment", "RE-2024-0815")),
    ],
)
def test_subject_and_attachments_must_not_contradict_one_another(subject, attachment, answer):
    assert said(infer("mail.eml", mail(subject, attachment))) == answer


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Rechnung RE-2024-0001.eml", ("name", "RE-2024-0001")),
        ("Rechnung RE-2024-0001 RE-2024-0002.eml", "ambiguous"),
        ("Mahnung RE-2024-0001.eml", "ambiguous"),
        ("Brief zu RE-2024-0001.eml", "ambiguous"),
        ("Brief zu re 2024 0815.eml", ("subject", "RE-2024-0815")),
        ("Brief zu RE-2024-0815.eml", ("subject", "RE-2024-0815")),
        ("Gutschrift.eml", "ambiguous"),
        ("Rechnung.eml", ("subject", "RE-2024-0815")),
        ("scan0001.eml", ("subject", "RE-2024-0815")),
        ("scan\udcff.eml", "unreadable_name"),
    ],
)
def test_the_name_counts_first_and_must_not_contradict(name, answer):
    assert said(infer(name, mail("Ihre Rechnung RE-2024-0815"))) == answer


def test_what_says_two_things_or_not_all_does_not_count():
    subject = "Ihre Rechnung RE-2024-0815"

    assert said(infer("mail.eml", mail(subject, doubled=("subject",)))) == "ambiguous"
    assert said(infer("mail.eml", mail("Hallo", "RE-2024-0815.pdf", names_left_out=1))) == "ambiguous"
    assert said(infer("mail.eml", mail(subject, doubled=("date",)))) == ("subject", "RE-2024-0815")


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (None, "which only the file itself tells"),
        (Facts(format=Format.PDF, size=1), "which only e-mails have"),
        (mail("Ihre Rechnung RE-2024-0815", unreadable="broken"), "which only e-mails have"),
        (mail("Ihre Rechnung RE-2024-0815", report="delivery-status"), "speaks of another message"),
    ],
)
def test_where_there_is_nothing_to_read_the_account_says_so(facts, told):
    inference = infer("mail.eml", facts)

    assert isinstance(inference, NoMatch)
    assert [account.result for account in inference.accounts][1:] == [RuleResult.NOT_TRIED] * 3
    assert told in inference.accounts[1].message


def test_accounts_name_their_source():
    inference = infer("mail.eml", mail("AW: Ihre Rechnung RE-2024-0815", "RE-2024-0815.pdf", "logo.png"))

    told = [json.loads(json.dumps(account.as_json())) for account in inference.accounts]
    assert [(one["rule"], one["from"], one["text"], one["result"]) for one in told] == [
        ("name", "filename", None, "mismatch"),
        ("subject", "subject", "AW: Ihre Rechnung RE-2024-0815", "matched"),
        ("in subject", "subject", "AW: Ihre Rechnung RE-2024-0815", "mismatch"),
        ("attachment", "attachment", "RE-2024-0815.pdf", "matched"),
    ]
    by_name = infer("Rechnung RE-2024-0001.eml", mail("Ihre Rechnung RE-2024-0815"))
    assert "counts only where the name is silent" in by_name.accounts[1].message


def test_a_disagreement_says_who_says_what():
    inference = infer("mail.eml", mail("Ihre Rechnung RE-2024-0815", "RE-2024-0816.pdf"))

    assert isinstance(inference, Ambiguous)
    for text in ("subject “Ihre Rechnung RE-2024-0815” says RE-2024-0815", "attachment “RE-2024-0816.pdf” says"):
        assert text in inference.reason.message


def test_a_fallback_is_tried_where_no_other_rule_for_the_subject_knows_it():
    fallback = {"name": "last", "source": "subject", "pattern": "{any} {invoice}", "kind": "email", "fallback": True}
    rules = rules_of(*ALL, fallback)

    assert said(rules.infer(FileName.parse("m.eml"), mail("Zu RE-2024-0815"))) == ("last", "RE-2024-0815")
    assert said(rules.infer(FileName.parse("m.eml"), mail("Ihre Rechnung RE-2024-0815")))[0] == "subject"


def test_a_rule_for_a_folder_looks_at_where_the_file_lies():
    rule = {**BY_SUBJECT, "folder": "post/**"}

    assert said(infer("post/a/mail.eml", mail("Ihre Rechnung RE-2024-0815"), rule))[0] == "subject"
    assert said(infer("mail.eml", mail("Ihre Rechnung RE-2024-0815"), rule)) == "no_rule"


def test_a_label_tells_subject_sender_and_day_on_one_line_of_bounded_length():
    rule = {**IN_SUBJECT, "label": "{subject} | {sender} | {date} | {stem}", "description": "{kind_word} {date}"}
    subject = "Ihre Rechnung RE-2024-0815 vom\x00\u2028gestern\u202e " + "und so weiter " * 20
    facts = mail(subject, sender="a\tb <a@example.org>", date="2025-12-31T23:30:00-05:00")

    match = infer("mail (1).eml", facts, rule)

    shown, sender, day, stem = match.label.split(" | ")
    assert shown.startswith("Ihre Rechnung RE-2024-0815 vom gestern und so")
    assert (len(shown) <= 120, shown[-1]) == (True, "…")
    assert (sender, day, stem) == ("a b <a@example.org>", "2025-12-31", "mail")
    assert match.label.isprintable()
    assert match.description == "Rechnung 2025-12-31"


def test_a_date_in_the_name_is_meant_before_the_mails_and_a_pdf_has_neither():
    rule = {"name": "dated", "pattern": "{date}_{invoice}", "kind": "invoice", "label": "{date}|{subject}|{sender}"}
    facts = mail("Hallo", date="2025-12-31T23:30:00-05:00")

    assert infer("2024-01-02_RE-2024.eml", facts, rule).label == "2024-01-02|Hallo|"
    assert infer("2024-01-02_RE-2024.pdf", Facts(format=Format.PDF, size=1), rule).label == "2024-01-02||"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"source": "subjekt"}, "did you mean `subject`?"),
        ({"source": "subject", "extension": "pdf"}, "would never be asked"),
    ],
)
def test_a_source_that_is_none_is_a_fault(changes, told):
    with pytest.raises(RulesError) as raised:
        rules_of({**BY_NAME, **changes})
    (fault,) = raised.value.faults
    assert (fault.where, told in str(fault)) == ('rule "name", from', True)


def test_examples_are_what_the_rule_reads():
    subject = {
        **BY_SUBJECT,
        "folder": "post/**",
        "examples": {"AW: Ihre Rechnung RE-2024-0815": "RE-2024-0815 invoice"},
    }
    attachment = {**BY_ATTACHMENT, "examples": {"RE-2024-0815.pdf": "RE-2024-0815 invoice", "a.pdf": "no match"}}

    assert [result.passed for result in run_examples(rules_of(BY_NAME, subject, attachment))] == [True] * 3
    wrong = {**BY_SUBJECT, "examples": {"Ihre Rechnung RE-2024-0815": "RE-2024-0816 invoice"}}
    assert [result.passed for result in run_examples(rules_of(wrong))] == [False]


def test_a_near_miss_of_the_name_is_no_near_miss_of_a_rule_for_subjects():
    rules, name = (
        rules_of(BY_NAME, {**BY_NAME, "name": "s", "source": "subject"}),
        FileName.parse("Rechnung RE-2O24.eml"),
    )
    by_name, by_subject = with_near_misses(rules, name, rules.explain(name, mail("Hallo")))

    assert by_name.near_miss
    assert by_subject.near_miss is None


def test_the_rules_file_has_the_key_from(tmp_path):
    path = tmp_path / "rules.toml"
    written = (
        "[tokens]\ninvoice = 'RE\\d+'\n"
        '[[rule]]\nname = "x"\nfrom = "subject"\npattern = "{invoice}"\nkind = "email"\n'
    )
    path.write_text(written)
    assert said(load_rules(path, compile_pattern).infer(FileName.parse("mail.eml"), mail("WG: RE1"))) == ("x", "RE1")

    path.write_text(written.replace("from", "form"))
    with pytest.raises(RulesFileError, match=r'rule "x", form: there is no such key; did you mean `from`\?'):
        load_rules(path, compile_pattern)
    path.write_text(written.replace('"subject"', "1"))
    with pytest.raises(RulesFileError, match='rule "x", from: '):
        load_rules(path, compile_pattern)


def test_the_example_of_the_guide_holds_beside_the_shipped_rules(tmp_path):
    root = Path(__file__).parents[2]
    blocks = re.findall(r"^```toml\n(.*?)^```$", (root / "docs/rules.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    (shown,) = (block for block in blocks if 'from = "subject"' in block)
    path = tmp_path / "rules.toml"
    path.write_text((root / "config" / "rules.toml").read_text("utf-8") + "\n" + shown, "utf-8")

    match = load_rules(path, compile_pattern).infer(
        FileName.parse("1.eml"), mail("Fwd: Rechnung RE-2024-0815 für März")
    )

    assert (match.reference, match.label) == ("RE-2024-0815", "Fwd: Rechnung RE-2024-0815 für März ()")


def test_the_kind_can_come_from_the_subject():
    assert infer("mail.eml", mail("Ihre Gutschrift RE-2024-0815")).kind is Kind.CREDITNOTE
