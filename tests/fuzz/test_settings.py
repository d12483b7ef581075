"""Any configuration and any rules: they hold, or every fault is told; and nothing else."""

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from importer.adapters.patterns import compile_pattern
from importer.adapters.probe.guard import clean
from importer.adapters.rules_file import RulesFileError, load_rules
from importer.config import ConfigError, Settings, load_settings, settings_reference
from importer.config.environment import variable_of
from importer.core.facts import EmlFacts, Facts, Format
from importer.core.naming import IgnoredNames
from importer.core.rules import FileName, Rules, lint, with_near_misses
from tests.fuzz.material import DEEP, NAMES, TOML, as_toml

SETTINGS = {key: default for key, default, _ in settings_reference()}
SECTIONS = sorted({key.partition(".")[0] for key in SETTINGS})
WRITTEN = [
    "0",
    "1s",
    "99999999999d",
    "1..2",
    "1s..1h",
    "20MiB",
    "20/s",
    "0/h",
    "",
    " ",
    "~",
    "../..",
    "a/{year}/{",
    "{year}{day}",
    "\x00",
    "https://[",
    "https://h:99999/api",
    "http://127.0.0.1/x",
    "https://ü.example/api",
    "https://@/api",
    "sqlite:///",
    "sqlite:///:memory:",
    "postgresql+psycopg://a:b@h/d",
    "127.0.0.1:99999",
    "[::1]:1",
    "hold",
    "events",
    "{name}{stem}",
    "[a",
]
VALUES = (
    TOML
    | st.sampled_from(WRITTEN)
    | st.lists(st.sampled_from(WRITTEN), max_size=3)
    | st.sampled_from([0, -1, 1, 10**12])
)

quickly = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def outcome(refused, load, *arguments):
    """What comes of it, be it the documented refusal."""
    try:
        return load(*arguments)
    except refused as refusal:
        return refusal


@st.composite
def configurations(draw):
    tree = {}
    for key in draw(st.lists(st.sampled_from(sorted(SETTINGS)), max_size=5)):
        section, _, name = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = draw(VALUES)
    tree |= draw(
        st.dictionaries(
            st.sampled_from(SECTIONS) | st.text(st.characters(codec="utf-8"), max_size=5), VALUES, max_size=2
        )
    )
    return tree


@quickly
@given(
    configurations(), st.dictionaries(st.sampled_from([*map(variable_of, SETTINGS), "IMPORTER_X"]), NAMES, max_size=3)
)
def test_any_configuration_gives_settings_or_every_fault(tmp_path, tree, environ):
    file = tmp_path / "importer.toml"
    file.write_text(as_toml(tree), encoding="utf-8")

    found = outcome(ConfigError, load_settings, file, environ)

    if not isinstance(found, Settings):
        assert found.faults
        assert all(fault.file and fault.problem and fault.remedy for fault in found.faults)
        assert str(found)


@quickly
@given(st.sets(st.sampled_from(sorted(SETTINGS)), min_size=1))
def test_every_wrong_setting_is_told(tmp_path, keys):
    tree = {}
    for key in keys:
        section, _, name = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = {"no": "setting has tables"}
    file = tmp_path / "importer.toml"
    file.write_text(as_toml(tree), encoding="utf-8")

    with pytest.raises(ConfigError) as refusal:
        load_settings(file, {})

    assert keys <= {fault.key.partition("[")[0] for fault in refusal.value.faults}


@quickly
@given(st.binary() | st.text("[]{}=\"'\\.,#\n ax1-:T", max_size=60).map(str.encode))
@example(b"a=" + b"[" * DEEP)
@example(b"a=" + b"{a=" * DEEP)
@example(b"a" + b".a" * 2000 + b"=1")
@example(b"[a" + b".a" * 2000 + b"]")
@example(b"a=" + b"9" * 5000)
@example(b"a=2026-99-99")
def test_any_bytes_in_place_of_a_file_are_refused_with_the_reason(tmp_path, content):
    file = tmp_path / "x.toml"
    file.write_bytes(content)

    for found in (outcome(ConfigError, load_settings, file, {}), outcome(RulesFileError, rules_of, file)):
        assert isinstance(found, Settings | Rules) or found.faults


TEMPLATES = st.lists(
    st.sampled_from(
        ["{kind}", "{invoice}", "{any}", "{date}", "{stem}", "{kind_word}", "{subject}", "{sender}", "{x}", "{{", "}}"]
    )
    | st.sampled_from(
        ["[_- ]", "[", "]", "[]", "[[]", "[a-z]", "{", "}", "_", " ", "RE", "(", "ß", "\u0301", "\n", "*"]
    ),
    max_size=6,
).map("".join)
EXPRESSIONS = st.text("ab(|)[]{}*+?.\\d^$-1,<>P=:", max_size=12) | st.sampled_from(
    [
        r"RE-?\d{4,10}",
        r"(?P<invoice>\d+)",
        r"(?P<kind>\w+) (?P<a>\d)",
        r"\C",
        r"\pN+",
        "(?i)x",
        "(?P<ä>x)",
        "a{1001}",
        "((((a*)*)*)*)",
    ]
)
WORDS = st.sampled_from(
    ["invoice", "refuse", "dunning1", "subject", "attachment", "filename", "eml", "RE1 invoice", "no match"]
)
RULE = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b", ""]),
        "from": WORDS,
        "pattern": TEMPLATES,
        "regex": EXPRESSIONS,
        "folder": TEMPLATES | st.sampled_from(["**", "a/../b", "/", "**/**/*?*"]),
        "extension": WORDS,
        "kind": WORDS,
        "reference": TEMPLATES,
        "label": TEMPLATES,
        "description": TEMPLATES,
        "resend": st.booleans(),
        "fallback": st.booleans(),
        "examples": st.dictionaries(TEMPLATES | st.just("Rechnung RE12345.pdf"), WORDS, max_size=2),
        "nonsense": TOML,
    },
)
SOUND = st.fixed_dictionaries(
    {
        "name": st.sampled_from("abc"),
        "pattern": TEMPLATES.map(lambda text: f"{text}{{invoice}}"),
        "kind": st.just("invoice"),
    },
    optional={"fallback": st.booleans(), "folder": st.just("**"), "from": st.sampled_from(["subject", "attachment"])},
)
SPOILT = st.dictionaries(
    st.sampled_from(["name", "from", "pattern", "kind", "examples", "resend", "label", "x"]), TOML, max_size=3
)
KINDS = st.dictionaries(
    TEMPLATES | st.sampled_from(["Rechnung", "*mahn*", "1. Mahnung", "*", "a*b"]), WORDS, max_size=3
)
TOKENS = st.dictionaries(st.sampled_from(["invoice", "any2", "date", "ä", "", "x"]), EXPRESSIONS, max_size=3)
DRAFTS = st.fixed_dictionaries(
    {},
    optional={
        "tokens": TOKENS.map(lambda tokens: {"invoice": r"RE\d+"} | tokens) | TOML,
        "kinds": KINDS | TOML,
        "rule": st.lists(SOUND | RULE | SPOILT | TOML, max_size=3) | st.lists(SOUND, min_size=1, max_size=3) | TOML,
        "nonsense": TOML,
    },
)
GOOD = st.fixed_dictionaries(
    {
        "tokens": st.just({"invoice": r"RE\d+"}),
        "rule": st.lists(SOUND, min_size=1, max_size=3, unique_by=lambda rule: rule["name"]),
    },
    optional={"kinds": KINDS},
)


def rules_of(file):
    return load_rules(file, compile_pattern, run_their_examples=True)


@quickly
@given(DRAFTS | GOOD, NAMES, NAMES)
def test_any_draft_of_rules_gives_rules_or_faults_and_rules_have_an_answer_for_any_name(tmp_path, tree, name, other):
    file = tmp_path / "rules.toml"
    file.write_text(as_toml(tree), encoding="utf-8")

    found = outcome(RulesFileError, rules_of, file)

    if isinstance(found, RulesFileError):
        assert found.faults
        assert all(fault.where and fault.problem and fault.remedy for fault in found.faults)
    else:
        answered(found, name, other)


def answered(rules, name, other):
    assert isinstance(rules, Rules)
    list(lint(rules))
    subject, attached = clean(other), clean(name)
    eml = EmlFacts(subject=subject, attachments=(attached, subject), sender=attached, date=subject, parts=1)
    for path, facts in ((FileName.parse(f"{other}/{name}"), None), (FileName((), f"{name}.eml"), facts_of(eml))):
        inference = rules.explain(path, facts)
        assert len(inference.accounts) >= len(rules.rules)
        with_near_misses(rules, path, inference)


def facts_of(eml):
    return Facts(format=Format.EML, size=1, extension="eml", eml=eml)


@quickly
@given(st.lists(st.text("*?[]!-a.~\\", max_size=6) | NAMES, max_size=4), NAMES)
def test_any_patterns_for_names_to_ignore_are_understood(patterns, name):
    assert (name in IgnoredNames(patterns)) in (True, False)
