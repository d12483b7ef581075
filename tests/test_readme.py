"""The README cannot drift: its tables and its map are held against the code; tests/test_docs.py has its commands."""

import re
from pathlib import Path

import pytest

from importer.adapters.patterns import compile_pattern
from importer.adapters.rules_file import load_rules
from importer.cli.exits import Exit
from importer.cli.main import VERBS
from importer.config.scaffold import templates
from importer.core.model import State
from importer.core.rules import FileName, Match
from importer.report import FIELDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(heading):
    """The cells of the table under a heading."""
    section = README.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:] if "---" not in line]


def test_every_verb_is_told():
    assert [re.match(r"`importer (\w+)", row[0])[1] for row in rows("Verbs")] == list(VERBS)


def test_every_state_is_told():
    assert [row[0].strip("`") for row in rows("States, and what to do")] == [state.value for state in State]


def test_every_exit_code_is_told():
    assert [(int(code), meaning) for code, meaning in rows("Exit codes")] == [(each, each.meaning) for each in Exit]


def test_every_field_is_told():
    told = README.split("a document has the fields", 1)[1].split(".\n", 1)[0]
    assert tuple(re.findall(r"`(\w+)`", told)) == FIELDS


@pytest.mark.parametrize(("name", "reference", "kind"), rows("Rules: what a name says"))
def test_the_shipped_rules_say_what_the_table_says(name, reference, kind):
    rules = load_rules(ROOT / "config" / "rules.toml", compile_pattern)
    inferred = rules.infer(FileName.parse(name.strip("`")))
    if kind:
        assert isinstance(inferred, Match)
        assert (inferred.reference, inferred.kind) == (reference, kind)
    else:
        assert not isinstance(inferred, Match)


def test_the_map_names_what_is_there():
    told = README.split("## A map of the code", 1)[1]
    package = ROOT / "importer"
    for path in [*package.iterdir(), *(package / "core").iterdir(), *(package / "adapters").iterdir()]:
        if path.name.startswith("_") or path.suffix == ".typed" or path.name in {"facts.py", "naming.py"}:
            continue
        if path.parent.name == "core" and path.name in {"receipts.py", "wording.py"}:
            continue  # helpers of the archive, named in their own docstrings
        assert path.name in told, f"{path.relative_to(ROOT)} is missing from the map"


def test_the_shipped_configuration_is_what_init_writes():
    assert templates() == ROOT / "config"
