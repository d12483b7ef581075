"""What is wrong with rules is told at once, each fault with its place and remedy."""

import pytest

from importer.adapters.patterns import compile_pattern
from importer.core.rules import RulesError, RuleSpec, RulesSpec, compile_rules, run_examples

GOOD = {"name": "good", "pattern": "{kind} {invoice}"}


def faults_of(*rules, tokens=None, kinds=None):
    spec = RulesSpec(
        tokens={"invoice": r"RE\d+", **(tokens or {})},
        kinds={"Rechnung": "invoice", **(kinds or {})},
        rules=tuple(RuleSpec(**rule) for rule in rules),
    )
    try:
        compile_rules(spec, compile_pattern)
    except RulesError as error:
        return error.faults
    return ()


def test_good_rules_have_no_faults():
    assert faults_of(GOOD) == ()


@pytest.mark.parametrize(
    ("changes", "key", "told"),
    [
        ({"pattern": "{knd} {invoice}", "kind": "invoice"}, "pattern", "did you mean `kind`?"),
        ({"pattern": "{kind} {invoce}", "reference": "{invoce}"}, "pattern", "did you mean `invoice`?"),
        ({"pattern": "{kind} {invoice} {invoice}"}, "pattern", "stands in it twice"),
        ({"pattern": "{kind} {kind} {invoice}"}, "pattern", "stands in it twice"),
        ({"pattern": "{kind} {invoice"}, "pattern", "left open"),
        ({"pattern": "{kind}]{invoice}"}, "pattern", "closes nothing"),
        ({"pattern": "{kind}[]{invoice}"}, "pattern", "allows no character"),
        ({"pattern": "{kind}[0-9]{invoice}"}, "pattern", "not as a range"),
        ({"pattern": "{kind}[^_]{invoice}"}, "pattern", "its opposite"),
        ({"pattern": ""}, "pattern", "it is empty"),
        ({"pattern": "{invoice}"}, "pattern", "what the document is"),
        ({"pattern": None}, "pattern", "either `pattern` or `regex`"),
        ({"regex": "x"}, "pattern", "either `pattern` or `regex`"),
        ({"pattern": "{kind}"}, "reference", "does not say which capture"),
        ({"pattern": None, "regex": r"(?P<a>\d)(?P<b>\d)", "kind": "invoice"}, "reference", "which capture"),
        ({"pattern": None, "regex": r"(?P<a>\d)(?=x)", "kind": "invoice"}, "regex", "without look-around"),
        ({"pattern": None, "regex": r"(?P<a>\d)\1", "kind": "invoice"}, "regex", "back-references"),
        ({"pattern": None, "regex": r"(?P<stem>\d)(?P<a>\d)", "kind": "invoice"}, "regex", "meaning of its own"),
        ({"reference": "{invoices}"}, "reference", "did you mean `invoice`?"),
        ({"reference": "fixed"}, "reference", "the same for every file"),
        ({"reference": "{"}, "reference", "left open"),
        ({"pattern": "{kind} {any}", "reference": "{any}"}, "reference", "free text"),
        ({"label": "{kindword}"}, "label", "did you mean `kind_word`?"),
        ({"pattern": "{invoice}", "kind": "letter", "label": "{kind_word}"}, "label", "the rule has no {kind_word}"),
        ({"description": "{any}"}, "description", "the rule has no {any}"),
        ({"kind": "invoise"}, "kind", "did you mean `invoice`?"),
        ({"kind": ""}, "kind", "is no kind"),
        ({"folder": "/abs"}, "folder", "leads out"),
        ({"folder": "a/../.."}, "folder", "leads out"),
        ({"examples": {"a.pdf": "RE1 invoise"}}, 'examples."a.pdf"', "did you mean `invoice`?"),
        ({"examples": {"a.pdf": "nothing"}}, 'examples."a.pdf"', "neither"),
        ({"name": " "}, "name", "it is empty"),
    ],
)
def test_a_fault_in_a_rule_is_told_once_with_its_key_and_remedy(changes, key, told):
    rule = {**GOOD, **changes}

    (fault,) = faults_of(rule)

    assert fault.where == f'rule "{rule["name"]}", {key}'
    assert told in str(fault)
    assert fault.remedy


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        ({"x": "("}, "tokens.x"),
        ({"x": r"a(?!b)"}, "look-around"),
        ({"x": r"\d*"}, "stand for nothing"),
        ({"kind": r"\d"}, "meaning of its own"),
        ({"any2": r"\d"}, "meaning of its own"),
        ({"my-token": r"\d"}, "not a name"),
    ],
)
def test_a_fault_in_a_token_is_told(tokens, told):
    (fault,) = faults_of(GOOD, tokens=tokens)

    assert told in str(fault)


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ({"Brief": "leter"}, "did you mean `letter`?"),
        ({"Brief": "refused"}, "did you mean `refuse`?"),
        ({" - ": "letter"}, "no letter or digit"),
        ({"*": "refuse"}, "no letter or digit"),
        ({"*mahn*": "dunning1"}, "can only refuse"),
        ({"mahn*ung": "refuse"}, "only at an end"),
        ({"RECHNUNG": "letter"}, "another kind"),
        ({"Mahnung 2": "dunning2", "mahnung_2": "dunning3"}, "another kind"),
        ({"Größe": "letter", "Groesse": "email"}, "another kind"),
    ],
)
def test_a_fault_in_a_kind_word_is_told(kinds, told):
    (fault,) = faults_of(GOOD, kinds=kinds)

    assert told in str(fault)


def test_all_faults_come_at_once():
    faults = faults_of(
        {**GOOD, "kind": "x", "folder": "/", "label": "{nope}"},
        {**GOOD, "pattern": "["},
        tokens={"y": "("},
        kinds={"Brief": "x"},
    )

    assert [fault.where for fault in faults] == [
        "tokens.y",
        'kinds."Brief"',
        'rule "good", kind',
        'rule "good", folder',
        'rule "good", label',
        'rule "good", pattern',
        'rule "good"',
    ]


def test_both_a_pattern_and_an_expression_are_checked_where_only_one_may_be():
    faults = faults_of({**GOOD, "pattern": "{kind} {invoic}", "regex": "("})

    assert [fault.where for fault in faults] == ['rule "good", pattern', 'rule "good", pattern', 'rule "good", regex']


def test_a_token_that_does_not_exist_is_not_told_as_a_missing_reference_as_well():
    (fault,) = faults_of({**GOOD, "pattern": "{kind} {invoic}"})

    assert "did you mean `invoice`?" in fault.remedy


def test_a_file_without_rules_is_a_fault():
    (fault,) = faults_of()

    assert "every file would be refused" in fault.problem


def test_examples_are_run_on_all_rules_and_tell_why_they_fail():
    examples = {
        "Rechnung RE1.pdf": "RE1 invoice",
        "Rechnung RE2.pdf": "RE1 invoice",
        "x.pdf": "no match",
        "y.pdf": "refused",
        "z.pdf": "ambiguous",
    }
    spec = RulesSpec(
        tokens={"invoice": r"RE\d+"}, kinds={"Rechnung": "invoice"}, rules=(RuleSpec(**GOOD, examples=examples),)
    )

    results = run_examples(compile_rules(spec, compile_pattern))

    assert [result.passed for result in results] == [True, False, True, True, False]
    assert "the rules say `RE2 invoice`" in str(results[1].fault)
    assert "the rules say `no match`" in str(results[4].fault)
