"""Filename rules through their public door: compile, infer, and what the accounts say."""

import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from importer.adapters.patterns import compile_pattern
from importer.core.model import Kind
from importer.core.rules import Ambiguous, FileName, Match, NoMatch, RuleResult, RuleSpec, RulesSpec, compile_rules

TOKENS = {"invoice": r"RE-?\d{4,10}", "number": r"\d{4,8}", "customer": r"K\d+", "long": r"RE-\d{4}(?:-\d+)?"}
KINDS = {
    "Rechnung": "invoice",
    "Gutschrift": "creditnote",
    "1. Mahnung": "dunning1",
    "Mahnung 2": "dunning2",
    "Mahnstufe 3": "dunning3",
    "Mahnung": "refuse",
    "Lieferschein": "refuse",
    "Große Übersicht": "letter",
}


def rules_of(*rules, tokens=None, kinds=None):
    spec = RulesSpec(
        tokens=TOKENS if tokens is None else tokens,
        kinds=KINDS if kinds is None else kinds,
        rules=tuple(RuleSpec(**{"name": f"rule {index}", **rule}) for index, rule in enumerate(rules, 1)),
    )
    return compile_rules(spec, compile_pattern)


def infer(path, *rules, **options):
    """What `explain` tells; and proves that `infer` says the same of the rules that recognised something."""
    compiled = rules_of(*rules, **options)
    name = path if isinstance(path, FileName) else FileName.parse(path)
    explained = compiled.explain(name)
    recognised = tuple(account for account in explained.accounts if account.recognised)
    assert compiled.infer(name) == replace(explained, accounts=recognised)
    return explained


def said(inference):
    return (inference.reference, inference.kind.value) if isinstance(inference, Match) else inference.reason.code


KIND_INVOICE = {"pattern": "{kind}[_- ]{invoice}"}
INVOICE_ANY = {"pattern": "{invoice}[_- ]{any}", "kind": "invoice"}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Rechnung_RE12345.pdf", ("RE12345", "invoice")),
        ("RECHNUNG-re12345.PDF", ("re12345", "invoice")),
        ("Rechnung RE-2024.pdf", ("RE-2024", "invoice")),
        ("Rechnung  RE12345.pdf", "no_rule"),
        ("xRechnung_RE12345.pdf", "no_rule"),
        ("Rechnung_RE12345x.pdf", "no_rule"),
        ("Rechnung_RE12345678901.pdf", "no_rule"),
        ("Rechnung_RE.pdf", "no_rule"),
        ("Rechnung_RE12345", ("RE12345", "invoice")),
        (".Rechnung_RE12345", "no_rule"),
        ("Rechnung\u00a0RE\u200b12345\u00ad.pdf", ("RE12345", "invoice")),
        ("\ufeffRechnung_\u202eRE12345.pdf", ("RE12345", "invoice")),
        ("Rechnung_RE12345\u0301.pdf", "no_rule"),
        ("Rechnung_RE12345٣.pdf", "no_rule"),
    ],
)
def test_a_template_matches_the_whole_stem_whatever_the_case(name, answer):
    assert said(infer(name, KIND_INVOICE)) == answer


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("1. Mahnung", "dunning1"),
        ("1.Mahnung", "dunning1"),
        ("1_mahnung", "dunning1"),
        ("1Mahnung", "dunning1"),
        ("1. - MAHNUNG", "dunning1"),
        ("Mahnung2", "dunning2"),
        ("Mahnung-2", "dunning2"),
        ("grosse uebersicht", "letter"),
        ("GROSSE ÜBERSICHT", "letter"),
        (unicodedata.normalize("NFD", "Große_Übersicht"), "letter"),
    ],
)
def test_a_kind_word_is_known_in_every_spelling(word, kind):
    assert said(infer(f"{word}_RE12345.pdf", KIND_INVOICE)) == ("RE12345", kind)


@pytest.mark.parametrize("word", ["Mahnung", "Mahnung 20", "11. Mahnung", "Lieferschein", "Rechnungen", "Grösse"])
def test_a_word_that_is_only_a_piece_of_the_text_or_that_refuses_names_no_kind(word):
    assert not isinstance(infer(f"{word}_RE12345.pdf", KIND_INVOICE), Match)


def test_a_refusing_word_is_named():
    refusal = infer("Mahnung_RE12345.pdf", KIND_INVOICE)

    assert isinstance(refusal, Ambiguous)
    assert refusal.accounts[0].result is RuleResult.BLOCKED
    assert refusal.reason.message == (
        "The name “Mahnung_RE12345.pdf” holds the word “Mahnung”, which does not say one of the nine kinds "
        "(rules.toml, [kinds]). Name it for example “1. Mahnung RE12345.pdf”, or give the word a kind."
    )
    assert refusal.reason.details["words"] == ["Mahnung"]


def test_a_refusing_word_is_named_although_no_rule_takes_the_name():
    refusal = infer("Lieferschein 77.pdf", KIND_INVOICE)

    assert said(refusal) == "no_rule"
    assert "the word “Lieferschein”, which does not say" in refusal.reason.message
    assert refusal.reason.details["words"] == ["Lieferschein"]


def test_a_name_of_which_nothing_is_known_is_refused_with_an_example():
    assert infer("x.pdf", KIND_INVOICE).reason.message == (
        "No rule matches “x.pdf”. Rename it so that it says one invoice and one kind, such as “Rechnung_RE12345.pdf”, "
        "or add a rule."
    )


def test_what_was_recognised_is_told_although_no_rule_takes_the_name():
    refusal = infer("RE12346_RE12345.pdf", KIND_INVOICE)

    assert said(refusal) == "no_rule"
    assert "(it holds `RE12346`, which looks like {invoice}, `RE12345`, which" in refusal.reason.message


PIECES = {**KINDS, "*mahn*": "refuse", "*rechnung": "refuse", "storn*": "refuse", "*rechnung zu": "refuse"}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Erstmahnung", "Erstmahnung"),
        ("Mahngebühr", "Mahngebühr"),
        ("MAHN", "MAHN"),
        ("xRechnung", "xRechnung"),
        ("Stornobeleg", "Stornobeleg"),
        ("Endrechnung zu x", "Endrechnung zu"),
        ("Rechnungen", None),
        ("xstorno", None),
        ("Mah nung", None),
    ],
)
def test_a_word_with_a_star_is_found_inside_longer_words_and_told_whole(text, word):
    answer = infer(f"RE12345_{text}.pdf", INVOICE_ANY, kinds=PIECES)

    assert isinstance(answer, Match) is (word is None)
    assert word is None or answer.reason.details["words"] == [word]


@pytest.mark.parametrize(
    ("word", "kind"), [("1. Mahnung", "dunning1"), ("Mahnung_2", "dunning2"), ("Rechnung", "invoice")]
)
def test_a_word_with_a_star_says_nothing_inside_a_whole_kind_word(word, kind):
    assert said(infer(f"{word}_RE12345.pdf", KIND_INVOICE, kinds=PIECES)) == ("RE12345", kind)


def test_a_whole_word_with_a_kind_counts_more_than_the_same_word_with_a_star():
    assert said(infer("Mahnung_RE12345.pdf", KIND_INVOICE, kinds={"Mahnung": "dunning1", "*mahnung*": "refuse"})) == (
        "RE12345",
        "dunning1",
    )


def test_a_rule_that_spells_out_a_refusing_word_knows_better():
    assert said(infer("Mahnung RE12345.pdf", KIND_INVOICE, {"pattern": "Mahnung {invoice}", "kind": "dunning1"})) == (
        "RE12345",
        "dunning1",
    )


def test_a_token_takes_its_longest_match_and_never_a_shorter_one():
    rule = {"pattern": "{long}[-]{any}", "kind": "invoice"}

    assert said(infer("RE-2024-00123.pdf", rule)) == "no_rule"
    assert said(infer("RE-2024-00123-x.pdf", rule)) == ("RE-2024-00123", "invoice")


@pytest.mark.parametrize("rest", ["678901", "\u0301 x"])
def test_a_token_is_never_cut_out_of_a_longer_number_or_word(rest):
    rule = {"pattern": "{invoice}{any}", "kind": "invoice"}

    assert said(infer(f"RE12345678{rest}.pdf", rule)) == "no_rule"
    assert said(infer("RE12345678_x.pdf", rule)) == ("RE12345678", "invoice")


def test_only_the_longest_of_what_was_recognised_is_told():
    longer = {"pattern": "{long}", "kind": "invoice"}

    assert infer("RE12345_1. Mahnung.pdf", INVOICE_ANY).accounts[0].message == (
        "the free text holds the kind word `1. Mahnung`"
    )
    refusal = infer("zz RE-2024-00123.pdf", longer, {"pattern": "{invoice}", "kind": "invoice"})
    assert "(it holds `RE-2024-00123`, which looks like {long})" in refusal.reason.message


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Müller", ("RE12345", "invoice")),
        ("Kunde 4711", ("RE12345", "invoice")),
        ("47110815", ("RE12345", "invoice")),
        ("RE12346", "ambiguous"),
        ("siehe re-9999!", "ambiguous"),
        ("PRE12346", ("RE12345", "invoice")),
        ("K77", ("RE12345", "invoice")),
        ("Gutschrift", "ambiguous"),
        ("Rechnung", "ambiguous"),
        ("1. Mahnung", "ambiguous"),
        ("Lieferschein", "ambiguous"),
        ("Rechnungen", ("RE12345", "invoice")),
    ],
)
def test_free_text_says_nothing_about_invoice_or_kind(text, answer):
    number = {"pattern": "No{number}", "kind": "invoice"}

    assert said(infer(f"RE12345_{text}.pdf", INVOICE_ANY, number)) == answer


def test_a_token_outside_the_reference_is_free_text_too():
    rule = {"pattern": "{invoice}_{note}", "kind": "invoice", "reference": "{invoice}"}
    tokens = {**TOKENS, "note": r"\pL+\d*"}

    assert said(infer("RE12345_abc.pdf", rule, tokens=tokens)) == ("RE12345", "invoice")
    assert said(infer("RE12345_Mahnung.pdf", rule, tokens=tokens)) == "ambiguous"
    assert said(infer("RE12345_RE12346.pdf", rule, tokens=tokens)) == "ambiguous"


def test_a_blocked_rule_leaves_the_name_to_a_rule_that_understands_it_all():
    by_kind = {"pattern": "{invoice}[_- ]{kind}"}

    answer = infer("RE12345_Mahnstufe_3.pdf", INVOICE_ANY, by_kind)

    assert said(answer) == ("RE12345", "dunning3")
    assert [account.result for account in answer.accounts] == [RuleResult.BLOCKED, RuleResult.MATCHED]
    assert "Mahnstufe_3" in answer.accounts[0].message


@pytest.mark.parametrize("rule", [KIND_INVOICE, INVOICE_ANY])
def test_a_fallback_is_silent_where_something_was_recognised(rule):
    fallback = {"pattern": "{any}{invoice}{any}", "kind": "letter", "fallback": True}
    name = "Mahnung_RE12345.pdf" if rule is KIND_INVOICE else "RE12345_RE12346.pdf"

    answer = infer(name, fallback, rule)

    assert said(answer) == "ambiguous"
    assert answer.accounts[0].result is RuleResult.NOT_TRIED


def test_a_fallback_takes_what_no_other_rule_knows():
    fallback = {"pattern": "{any} {invoice}", "kind": "letter", "fallback": True}

    assert said(infer("Hallo RE12345.pdf", fallback, KIND_INVOICE)) == ("RE12345", "letter")


def test_one_rule_with_two_readings_is_ambiguous():
    rule = {"pattern": "{any} {number} {any}", "kind": "invoice"}

    refusal = infer("a 1234 5678 b.pdf", rule)

    assert said(refusal) == "ambiguous"
    assert "`1234` or `5678`" in refusal.reason.message
    assert said(infer("a 1234 b c d.pdf", rule)) == ("1234", "invoice")


def test_rules_that_disagree_refuse_in_either_order():
    whole = {"pattern": "{invoice}", "kind": "invoice"}
    digits = {"pattern": "RE[-]{number}", "kind": "invoice"}

    for pair in [(whole, digits), (digits, whole)]:
        refusal = infer("RE-1234.pdf", *pair)
        assert said(refusal) == "ambiguous"
        assert "RE-1234 invoice" in refusal.reason.message
        assert "1234 invoice" in refusal.reason.message


def test_of_rules_that_agree_the_first_gives_label_description_and_resend():
    first = {**KIND_INVOICE, "label": "{kind_word} {invoice} [{kind}]", "description": "{{{stem}}} {filename}"}
    second = {"pattern": "Rechnung_{invoice}", "kind": "invoice", "label": "other", "resend": True}

    answer = infer("Rechnung_RE12345.pdf", first, second)

    assert (answer.rule, answer.label, answer.resend) == ("rule 1", "Rechnung RE12345 [invoice]", False)
    assert answer.description == "{Rechnung_RE12345} Rechnung_RE12345.pdf"
    assert answer.captures == {"kind": "Rechnung", "invoice": "RE12345"}
    assert infer("Rechnung_RE12345.pdf", second, first).resend


def test_label_and_description_are_one_line():
    answer = infer("RE12345_a\nb\u2028c.pdf", {**INVOICE_ANY, "label": "{any}", "description": "{filename}"})

    assert (answer.label, answer.description) == ("a b c", "RE12345_a b c.pdf")


def test_a_fixed_kind_takes_only_words_that_agree():
    rule = {**KIND_INVOICE, "kind": "creditnote"}

    assert said(infer("Gutschrift RE12345.pdf", rule)) == ("RE12345", "creditnote")
    refusal = infer("Rechnung RE12345.pdf", rule)
    assert said(refusal) == "no_rule"
    assert refusal.accounts[0].expected == "{kind} for creditnote"


def test_a_reference_is_put_together_from_captures():
    tokens = {"year": r"\d{4}", "serial": r"\d{5}"}
    rule = {"pattern": "INV_{year}_{serial}", "kind": "invoice", "reference": "INV/{year}/{serial}"}

    assert said(infer("inv_2024_00017.pdf", rule, tokens=tokens)) == ("INV/2024/00017", "invoice")


def test_a_reference_never_holds_control_characters():
    rule = {"pattern": "{odd}", "kind": "invoice"}

    assert said(infer("A\nB.pdf", rule, tokens={"odd": r"A\sB"})) == "no_rule"
    assert said(infer("A B.pdf", rule, tokens={"odd": r"A\sB"})) == ("A B", "invoice")


@pytest.mark.parametrize(
    ("text", "is_date"),
    [
        ("2024-01-15", True),
        ("20240115", True),
        ("15.01.2024", True),
        ("2024_01_15", True),
        ("2024-02-29", True),
        ("2023-02-29", False),
        ("2024-1-15", False),
        ("2024-01_15", False),
        ("10101010", False),
        ("202401150", False),
        ("32.01.2024", False),
    ],
)
def test_a_date_is_one_of_the_calendar(text, is_date):
    answer = infer(f"{text} RE12345.pdf", {"pattern": "{date} {invoice}", "kind": "letter", "label": "{date}"})

    assert isinstance(answer, Match) is is_date
    assert not is_date or answer.label == text


@pytest.mark.parametrize(
    ("glob", "folder", "fits"),
    [
        ("Mahnungen/**", "Mahnungen", True),
        ("Mahnungen/**", "Mahnungen/2024/01", True),
        ("Mahnungen/**", "mahnungen", False),
        ("Mahnungen/**", "Alte/Mahnungen", False),
        ("**/Mahnungen", "Alte/2024/Mahnungen", True),
        ("**/Mahnungen/**", "Mahnungen", True),
        ("Mahnungen", "Mahnungen/2024", False),
        ("Mahnungen/*", "Mahnungen/2024", True),
        ("Mahnungen/20??", "Mahnungen/2024", True),
        ("Mahnungen/20??", "Mahnungen/202", False),
        ("*a*b*", "xaxxbx", True),
        ("*a*b*", "xbxa", False),
        ("", "", True),
        ("", "Mahnungen", False),
        ("Ü*", unicodedata.normalize("NFD", "Übung"), True),
    ],
)
def test_a_folder_is_a_glob_relative_to_the_inbox(glob, folder, fits):
    answer = infer(f"{folder}/RE12345.pdf", {"pattern": "{invoice}", "kind": "invoice", "folder": glob})

    assert isinstance(answer, Match) is fits
    assert fits or answer.accounts[0].result is RuleResult.OTHER_FOLDER


def test_an_extension_is_compared_whatever_its_case():
    rule = {"pattern": "{invoice}", "kind": "email", "extension": ".EML"}

    assert said(infer("RE12345.eml", rule)) == said(infer("RE12345.EmL", rule)) == ("RE12345", "email")
    assert infer("RE12345.pdf", rule).accounts[0].result is RuleResult.OTHER_EXTENSION


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("doc(12345).Rechnung.pdf", ("12345", "invoice")),
        ("doc(12345).Mahnung.pdf", "ambiguous"),
        ("doc(12345).Notiz.pdf", "no_rule"),
        ("doc(12345).Rechnung - RE12346.pdf", "ambiguous"),
        ("doc(12345).Rechnung - Gutschrift.pdf", "ambiguous"),
        ("doc(12345).Rechnung - Müller.pdf", ("12345", "invoice")),
        ("doc(12345.Rechnung.pdf", "no_rule"),
    ],
)
def test_a_regular_expression_gives_captures_by_its_groups(name, answer):
    rule = {"regex": r"doc\((?P<id>\d{5})\)\.(?P<kind>\pL+)(?: - .*)?"}

    assert said(infer(name, rule, {"pattern": "{invoice}", "kind": "invoice"})) == answer


def test_a_regular_expression_cuts_no_number_and_respects_a_fixed_kind():
    cut = {"regex": r"(?P<id>\d{5}).*", "kind": "invoice"}
    halves = {"regex": r"(?P<year>\d{4})(?P<id>\d{5})", "kind": "invoice", "reference": "{year}/{id}"}
    fixed = {"regex": r"(?P<kind>\pL+)_(?P<id>\d+)", "kind": "creditnote"}
    optional = {"regex": r"(?:(?P<kind>\pL+)_)?(?P<id>\d+)"}

    assert said(infer("123456.pdf", cut)) == "no_rule"
    assert said(infer("202400017.pdf", halves)) == ("2024/00017", "invoice")
    assert said(infer("Gutschrift_17.pdf", fixed)) == ("17", "creditnote")
    assert said(infer("Rechnung_17.pdf", fixed)) == "no_rule"
    assert said(infer("17.pdf", optional)) == "no_rule"


def test_what_a_regular_expression_spells_out_beside_its_groups_does_not_block_it():
    rule = {"regex": r"Rechnung_RE(?P<id>\d+)", "kind": "invoice", "reference": "RE{id}"}

    assert said(infer("Rechnung_RE12345.pdf", rule, KIND_INVOICE)) == ("RE12345", "invoice")


def test_an_optional_group_that_took_no_part_makes_no_half_reference():
    rule = {"regex": r"(?P<year>\d{4}-)?(?P<id>\d{5})", "kind": "invoice", "reference": "{year}{id}"}

    assert said(infer("2024-00017.pdf", rule)) == ("2024-00017", "invoice")
    assert said(infer("00017.pdf", rule)) == "no_rule"


def test_a_name_that_is_not_utf8_is_refused_with_a_message_that_can_be_printed():
    refusal = infer("Rechnung_M\udcfcller_RE12345.pdf", KIND_INVOICE)

    assert isinstance(refusal, NoMatch)
    assert refusal.reason.code == "unreadable_name"
    assert r"M\xfcller" in refusal.reason.message
    refusal.reason.message.encode()
    assert refusal.accounts[0].result is RuleResult.UNREADABLE


def test_an_account_tells_how_far_a_rule_got():
    account = infer("Rechnung_12345.pdf", KIND_INVOICE).accounts[0]

    assert (account.position, account.matched_text) == (9, "Rechnung_")
    assert (account.expected, account.found) == ("{invoice}", "12345")


@pytest.mark.parametrize(
    ("name", "pattern", "expected", "matched_text"),
    [
        ("RE12345_x.pdf", "{invoice}", "the end of the name", "RE12345"),
        ("RE12345.pdf", "{invoice}[_-]{any}", "one of `_-`", "RE12345"),
        ("a b c.pdf", "a{any}{invoice}", "{any} and then {invoice}", "a"),
        ("a b c.pdf", "a {any} {invoice}", "{invoice}", "a b "),
        ("Beleg.pdf", "Beleg_{invoice}", "`Beleg_`", ""),
    ],
)
def test_an_account_tells_what_was_expected(name, pattern, expected, matched_text):
    account = infer(name, {"pattern": pattern, "kind": "letter"}).accounts[0]

    assert (account.expected, account.matched_text) == (expected, matched_text)


def test_accounts_can_be_written_as_json():
    for name in ["Rechnung_RE12345.pdf", "Mahnung_RE12345.pdf", "x.pdf", "\udcff.pdf"]:
        accounts = [account.as_json() for account in infer(name, KIND_INVOICE).accounts]
        assert json.loads(json.dumps(accounts))[0]["rule"] == "rule 1"


def test_a_template_spells_brackets_and_braces():
    rule = {"pattern": "{{[[]{invoice}[]]}}", "kind": "letter"}

    assert said(infer("{[RE12345]}.pdf", rule)) == ("RE12345", "letter")


NAMES = st.text(st.characters(), max_size=60) | st.text("RE-_ 12345.Mahnung", max_size=40)
PATTERNS = [
    KIND_INVOICE,
    INVOICE_ANY,
    {"pattern": "{any}{kind}{any}{invoice}{any}"},
    {"regex": r".*(?P<invoice>RE\d+).*", "kind": "letter", "folder": "**/x*"},
]


@given(name=NAMES, folder=NAMES)
def test_no_name_raises_and_every_answer_has_an_account_of_every_rule(name, folder):
    inference = infer(FileName((folder,), name), *PATTERNS)

    assert len(inference.accounts) == len(PATTERNS)
    assert not isinstance(inference, Match) or isinstance(inference.kind, Kind)


@given(st.text("RE1Mahnug_ -2ü", min_size=200, max_size=255))
def test_a_hostile_name_and_a_hostile_template_come_to_an_end(stem):
    rule = {"pattern": "{any}[_ -]" * 12 + "{kind}{any}{any}{invoice}{any}"}

    assert rules_of(rule).explain(FileName.parse(f"{stem}.pdf")).accounts
