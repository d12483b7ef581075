"""docs/security.md promises nothing without a test: each one that it names is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOLD = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
THREATS = ["hostile file", "hostile name", "hostile API answer", "stolen ledger", "Other users", "stolen backup", "log"]


def names_in(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def rows():
    return [line.strip("|").split("|") for line in TOLD.splitlines() if line.startswith("| **")]


def test_every_threat_has_tests_and_every_test_exists():
    for threat, answer, shown in rows():
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown)
        assert answer.strip()
        assert named, threat
        for file, name in named:
            assert name in names_in(file), f"{file}::{name}, for {threat.strip()}"


def test_no_threat_is_forgotten():
    threats = [row[0] for row in rows()]
    for expected in THREATS:
        assert any(expected in threat for threat in threats), expected
