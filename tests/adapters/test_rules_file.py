"""The rules file as the operator writes it."""

import pytest

from importer.adapters.patterns import compile_pattern
from importer.adapters.rules_file import RulesFileError, load_rules
from importer.core.rules import FileName, Match

GOOD = r"""
[tokens]
invoice = 'RE-?\d{4,10}'
[kinds]
Rechnung = "invoice"
[[rule]]
name = "kind then number"
pattern = "{kind}[_- ]{invoice}"
[rule.examples]
"Rechnung_RE12345.pdf" = "RE12345 invoice"
"Rechnung_RE.pdf" = "no match"
"""


@pytest.fixture
def load(tmp_path):
    def load(content, **options):
        path = tmp_path / "rules.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_rules(path, compile_pattern, **options)

    return load


@pytest.fixture
def faults(load, tmp_path):
    def faults(content):
        with pytest.raises(RulesFileError) as raised:
            load(content)
        assert str(raised.value).count(str(tmp_path / "rules.toml")) == len(raised.value.faults)
        return [str(fault) for fault in raised.value.faults]

    return faults


def test_a_good_file_gives_rules(load):
    assert isinstance(load(GOOD).infer(FileName.parse("Rechnung_RE12345.pdf")), Match)


def test_unknown_keys_are_told_together_with_every_other_fault(faults):
    content = "knids = {}\n" + GOOD.replace("pattern =", 'patern = "x"\nkind = "invoise"\npattern =')

    told = faults(content)

    assert told[0].startswith('rule "kind then number", patern: there is no such key; did you mean `pattern`?') or (
        told[1].startswith('rule "kind then number", patern: there is no such key; did you mean `pattern`?')
    )
    assert any(fault.startswith("knids: there is no such key; did you mean `kinds`?") for fault in told)
    assert any("`invoise` is no kind; did you mean `invoice`?" in fault for fault in told)
    assert len(told) == 3


def test_values_of_the_wrong_type_are_told_with_their_place(faults):
    told = faults(GOOD.replace('name = "kind then number"', 'resend = "yes"') + '[tokens2]\nx = "y"\n')

    assert any(fault.startswith("rule 1, resend:") for fault in told)
    assert 'rule 1, name: field required; give the rule a name: name = "..."' in told
    assert any(fault.startswith("tokens2: there is no such key; did you mean `tokens`?") for fault in told)


def test_everything_that_is_wrong_is_told_in_one_go(faults):
    content = r"""
token = {x = "y"}
[tokens]
invoice = 'RE\d+'
odd = 5
[kinds]
Rechnung = "invoice"
Brief = 5
[[rule]]
name = "unknown key"
knd = "invoice"
pattern = "{kind} {invoice}"
[[rule]]
pattern = "{kind}_{odd}_{invoice}"
reference = "{invoice}"
folder = "/abs"
[[rule]]
name = "no such kind"
pattern = "{invoice}"
kind = "invoise"
[[rule]]
name = "wrong type"
pattern = "{invoice}"
kind = 5
[[rule]]
name = "no such token"
pattern = "{kind} {invoic}"
[[rule]]
name = "twice"
pattern = "{kind}{kind} {invoice}"
[[rule]]
name = "both"
pattern = "{kind} {invoice}"
regex = "("
"""

    told = [fault.partition(": ")[0] for fault in faults(content)]

    assert sorted(told) == sorted(
        [
            *("token", "tokens.odd", "kinds.Brief", 'rule "unknown key", knd', "rule 2, name", 'rule "2", folder'),
            *('rule "no such kind", kind', 'rule "wrong type", kind', 'rule "no such token", pattern'),
            *('rule "twice", pattern', 'rule "both", pattern', 'rule "both", regex'),
        ]
    )


def test_a_wrong_example_keeps_the_rules_from_loading_unless_they_are_to_be_shown(faults, load):
    content = GOOD.replace("RE12345 invoice", "RE12345 creditnote").replace('"no match"', '"ambiguous"')

    assert ["expected `RE12345 creditnote`" in fault for fault in faults(content)] == [True, False]
    assert load(content, run_their_examples=False)


@pytest.mark.parametrize(
    ("content", "told"),
    [("[tokens", "is not TOML"), (b"\xff", "is not UTF-8"), ("", "there is none"), ("rule = 5", "rule:")],
)
def test_a_file_that_is_no_rules_file_is_told(faults, content, told):
    assert told in faults(content)[0]


def test_a_missing_file_is_told_with_its_path(tmp_path):
    with pytest.raises(RulesFileError, match=r"nowhere\.toml: file: cannot be read"):
        load_rules(tmp_path / "nowhere.toml", compile_pattern)
