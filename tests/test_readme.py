"""The README cannot drift: its commands, tables and examples are held against the code."""

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from importer.adapters.patterns import compile_pattern
from importer.adapters.rules_file import load_rules
from importer.cli.exits import Exit
from importer.cli.main import VERBS, cli
from importer.config import load_settings
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


def blocks(language=""):
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", README, re.DOTALL | re.MULTILINE)


def commands():
    inline = re.findall(r"`(importer [^`]+)`", README)
    fenced = [line.strip() for block in blocks() for line in block.splitlines() if line.strip().startswith("importer ")]
    return sorted({command.split("#")[0].strip() for command in inline + fenced})


@pytest.mark.parametrize("command", commands())
def test_every_command_parses(command):
    _, verb, *arguments = shlex.split(command.replace("[DIR]", "x").replace("[PATH...]", "").replace("PATH...", "x"))
    found = cli.get_command(click.Context(cli), verb)
    assert found is not None, f"there is no verb {verb}"
    existing = [str(ROOT / "README.md") if argument == "FILE" else argument for argument in arguments]
    found.make_context(verb, existing, obj={})


def test_every_verb_is_told():
    assert [re.match(r"`importer (\w+)", row[0])[1] for row in rows("Verbs")] == list(VERBS)


def test_every_state_is_told():
    assert [row[0].strip("`") for row in rows("States, and what to do")] == [state.value for state in State]


def test_every_exit_code_is_told():
    assert [int(row[0]) for row in rows("Exit codes")] == list(Exit)


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


def test_the_configuration_shown_loads(tmp_path):
    settings = next(block for block in blocks("toml") if "base_url" in block)
    config = tmp_path / "config" / "importer.toml"
    config.parent.mkdir()
    config.write_text(settings)
    assert load_settings(config, {}).api.base_url.startswith("https://")


def test_the_rules_shown_load_and_their_examples_hold(tmp_path):
    shown = next(block for block in blocks("toml") if "[[rule]]" in block)
    path = tmp_path / "rules.toml"
    path.write_text(shown, encoding="utf-8")
    assert len(load_rules(path, compile_pattern).rules) == 1
    assert tomllib.loads(shown)["rule"][0]["examples"]


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
