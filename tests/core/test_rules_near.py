"""Near misses, copy marks and rules without effect, through the public door of the rules."""

import pytest
from hypothesis import given, strategies as st

from importer.adapters.patterns import compile_pattern
from importer.core.rules import FileName, Match, RuleSpec, RulesSpec, compile_rules, lint, with_near_misses
from importer.core.rules.sampling import samples

TOKENS = {"invoice": r"(?:RE|INV)-?(?:\d{4}-)?\d{4,8}"}
KINDS = {"Rechnung": "invoice", "2. Mahnung": "dunning2", "Mahnung 1": "dunning1", "Brief": "letter"}
KIND_INVOICE = {"pattern": "{kind}[_ ]{invoice}"}
ALONE = {"pattern": "{invoice}", "kind": "invoice"}


def rules_of(*rules, **tokens):
    specs = (RuleSpec(**{"name": f"rule {number}"} | rule) for number, rule in enumerate(rules, 1))
    return compile_rules(RulesSpec(tokens=TOKENS | tokens, kinds=KINDS, rules=tuple(specs)), compile_pattern)


def near_misses(path, *rules):
    compiled, name = rules_of(*rules), FileName.parse(path)
    return [account.near_miss for account in with_near_misses(compiled, name, compiled.explain(name))]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("RE-2024-0l23", "`RE-2024-0l23` has the letter `l` where a digit is expected"),
        ("RE-2024-O123", "`RE-2024-O123` has the letter `O` where a digit is expected"),
        ("RE-2024-I123", "`RE-2024-I123` has the letter `I` where a digit is expected"),
        ("RE-2024-012S", "`RE-2024-012S` has the letter `S` where a digit is expected"),
        ("RE-2024-0B23", "`RE-2024-0B23` has the letter `B` where a digit is expected"),
        ("RE-2O24-0l23", "`RE-2O24-0l23` has the letters `O` and `l` where a digit is expected"),
        ("REl2345", "`REl2345` has the letter `l` where a digit is expected"),
        ("1NV12345", "`1NV12345` has the digit `1` where a letter is expected"),
        ("RE–12345", "`RE–12345` has `–` (en dash) where a plain `-` is expected"),
        ("RE\u201112345", "`RE\u201112345` has `\u2011` (non-breaking hyphen) where a plain `-` is expected"),
        ("RE−2024−0123", "`RE−2024−0123` has `−` (minus sign) where a plain `-` is expected"),
        ("RE123", "`RE123` has 1 digit too few"),
        ("RE-2024-01", "`RE-2024-01` has 2 digits too few"),
        ("RE1234567890", "`RE1234567890` has 2 digits too many"),
        ("RE-2024-0l23 - Kopie (2)", "`RE-2024-0l23` has the letter `l` where a digit is expected"),
    ],
)
def test_a_mistake_that_one_change_would_mend_is_told(name, told):
    assert near_misses(f"{name}.pdf", ALONE) == [told]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Rechung_RE12345", "`Rechung` is nearly the word `Rechnung`"),
        ("2. mahnug RE12345", "`mahnug` is nearly the word `mahnung`"),
        ("Rechnung_RE12E45", None),
        ("Rechnung_Müller", None),
        ("Rechnung", None),
        ("", None),
    ],
)
def test_a_word_that_is_nearly_a_kind_word_is_told(name, told):
    assert near_misses(f"{name}.pdf", KIND_INVOICE) == [told]


def test_a_near_miss_is_told_of_the_rule_that_misses_and_of_no_other():
    assert near_misses("Rechnung_RE-2024-0l23.pdf", KIND_INVOICE, ALONE) == [
        "`RE-2024-0l23` has the letter `l` where a digit is expected",
        None,
    ]


def test_a_name_that_is_understood_has_no_near_miss_although_a_rule_nearly_matches():
    assert near_misses("RE123.pdf", ALONE, {"regex": r"(?P<invoice>RE\d{3})", "kind": "letter"}) == [None, None]


def test_a_near_miss_is_a_hint_and_never_an_answer():
    assert not isinstance(rules_of(ALONE).infer(FileName.parse("RE-2024-0l23.pdf")), Match)


@given(st.text(max_size=80))
def test_near_misses_of_any_name_come_to_an_end(name):
    assert len(near_misses(name, ALONE, KIND_INVOICE)) == 2


def test_a_copy_mark_is_off_the_stem_that_labels_and_rules_see():
    rule = {"pattern": "{invoice}", "kind": "invoice", "label": "{stem} of {filename}"}

    inference = rules_of(rule).infer(FileName.parse("RE12345 - Kopie (2).pdf"))

    assert isinstance(inference, Match)
    assert inference.label == "RE12345 of RE12345 - Kopie (2).pdf"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"pattern": "a/{invoice}"}, "no file name holds `a/`"),
        ({"pattern": "{invoice}.pdf"}, "a pattern is for the name without its extension"),
        ({"pattern": "{invoice} - Kopie"}, "` - Kopie` of “"),
        ({"pattern": "{invoice} (1)"}, "is taken off before any rule looks"),
        ({"pattern": "{invoice}", "extension": "docx"}, "no file of the extension `docx`"),
        ({"pattern": "{invoice}", "folder": "a\\b"}, "write `/` between folders"),
        ({"pattern": "{empty}_{invoice}", "reference": "{invoice}"}, "no text was found that {empty}"),
        ({"pattern": "{kind} {invoice}", "kind": "creditnote"}, "[kinds] has no word that says creditnote"),
        ({"pattern": "x{invoice}"}, "no name was found that it matches"),
        ({"regex": r"a/(?P<invoice>RE\d{5})"}, "no name was found that it matches"),
        ({"pattern": "{invoice}", "fallback": True}, "is taken by rule “other” before this fallback"),
        ({"pattern": "{invoice}", "kind": "letter"}, "it always collides with rule “other”"),
        ({"regex": r"(?P<invoice>RE\d{5})", "kind": "letter"}, "it always collides with rule “other”"),
    ],
)
def test_a_rule_without_effect_is_reported_and_no_other(rule, told):
    compiled = rules_of(
        {"kind": "invoice"} | rule,
        {"name": "other", "pattern": "{invoice}", "kind": "invoice", "examples": {"RE1234.pdf": "RE1234 invoice"}},
        empty=r"[^\x00-\x{10FFFF}]",
    )

    warnings = [warning for warning in lint(compiled) if warning.rule != "other"]

    assert [warning.rule for warning in warnings] == ["rule 1"]
    assert told in str(warnings[0])


@pytest.mark.parametrize(
    "rule",
    [
        {"pattern": "{kind}_{invoice}"},
        {"pattern": "Brief {any} {invoice}", "kind": "letter", "folder": "a/**/b*"},
        {"pattern": "{date} {invoice}", "kind": "invoice", "extension": "eml"},
        {"regex": r"(?i)Sonder(?:fall|posten)? [A-F]{2,3}[^x] (?P<invoice>RE\d+)\.v\d", "kind": "letter"},
        {"pattern": "{invoice}", "kind": "email", "source": "subject"},
        {"pattern": "{invoice}", "kind": "email", "source": "attachment"},
    ],
)
def test_a_rule_that_works_is_not_reported(rule):
    assert lint(rules_of(rule)) == ()


def test_an_example_proves_a_rule_of_which_no_name_could_be_made():
    odd = {"regex": r"(?P<invoice>RE\d{5})[[:alpha:]]\pZ?q", "kind": "letter"}

    assert lint(rules_of(odd)) == (), "nothing is claimed of what cannot be read"
    assert lint(rules_of(odd | {"examples": {"RE12345aq.pdf": "RE12345 letter"}})) == ()


@pytest.mark.parametrize(
    "expression",
    [
        r"RE-?\d{4,10}",
        r"(?:a|b+)[x-z]{2}?",
        r"\pL+\.\x41",
        r"[^abc]?\w*",
        r"(?P<n>\d{3,})$",
        r"[]a]",
        r"[a\]b]",
        r"a|",
        r"é{2}",
    ],
)
def test_samples_match_their_expression_and_are_always_the_same(expression):
    pattern, made = compile_pattern(expression), list(samples(expression, 10))

    assert made
    assert made == list(samples(expression, 10))
    assert all(pattern.fullmatch(text) is not None for text in made)


@given(st.text("ab(|)[]{}*+?.\\d^$-1,", max_size=12))
def test_sampling_any_expression_comes_to_an_end(expression):
    assert len(list(samples(expression, 5))) <= 5
