"""What the command line loads: `--help` hardly anything, a verb that only reads nothing that sends or inspects."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LOADED_BY = """
import json, sys
from importer.__main__ import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
SENDING_AND_INSPECTING = {"httpx", "httpcore", "pypdf", "lxml", "re2", "watchdog", "structlog", "prometheus_client"}


def loaded_by(*arguments, cwd):
    """The modules that are loaded when the command has ended, however it ends."""
    command = [sys.executable, "-c", LOADED_BY, *arguments]
    wide = os.environ | {"COLUMNS": "80"}
    ended = subprocess.run(command, cwd=cwd, env=wide, capture_output=True, text=True, check=False)
    return set(json.loads(ended.stderr.splitlines()[-1]))


def ours(loaded):
    return {name for name in loaded if name.partition(".")[0] == "importer"}


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_help_loads_nothing_but_its_text(arguments, tmp_path):
    loaded = loaded_by(*arguments, cwd=tmp_path)

    assert ours(loaded) == {"importer", "importer.__main__", "importer.cli", "importer.cli.help_text"}
    assert "click" not in loaded


def test_usage_loads_nothing_but_the_command_line_itself(tmp_path):
    loaded = loaded_by(cwd=tmp_path)

    assert ours(loaded) == {
        *("importer", "importer.__main__", "importer.cli"),
        *("importer.cli.exits", "importer.cli.help_text", "importer.cli.main"),
    }
    assert not loaded & (
        SENDING_AND_INSPECTING | {"sqlalchemy", "alembic", "pydantic", "rich", "importlib.metadata", "asyncio"}
    )


@pytest.mark.parametrize("verb", [["list"], ["list", "--json"], ["show", "--json", "D1"]])
def test_a_verb_that_only_reads_loads_nothing_that_sends_or_inspects(verb, tmp_path):
    subprocess.run([sys.executable, "-m", "importer", "init", "."], cwd=tmp_path, capture_output=True, check=True)

    loaded = loaded_by(*verb, cwd=tmp_path)

    assert "importer.adapters.ledger.reader" in loaded
    assert not loaded & SENDING_AND_INSPECTING


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_complete_verbs_and_options(shell):
    def completed(words, number):
        asked = {"_IMPORTER_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        command = [Path(sys.executable).parent / "importer"]
        return subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=True).stdout

    assert "reconcile" in completed("importer rec", 1 if shell != "fish" else "rec")
    assert "--check-remote" in completed("importer backfill --ch", 2 if shell != "fish" else "--ch")
