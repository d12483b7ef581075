"""Fifty schedules of the campaign in every run of the suite, and proof that its checker can fail."""

import re
from pathlib import Path

import pytest

from tests.campaign import runner
from tests.campaign.faults_table import FAULTS, C
from tests.campaign.shortcuts import SHORTCUTS, switched_on

ROOT = Path(__file__).parent.parent.parent
REVEALING = {
    "a random key for each attempt": (3, 5, 8),
    "a new key after every error": (5, 8, 18),
    "one stable key for ever": (0, 2, 3),
    "a new key straight after a 500": (19, 30),
    "a new key without a read-back": (0, 2, 3),
    "a new key after one read-back within the grace": (19, 30),
    "a new key after a refusal while a send is in doubt": (18,),
    "no read-back while the key is young, and an age limit of 30 h": (1, 2, 3),
}
"""Seeds whose schedules lead into the trap that each shortcut leaves open; without it they are among the fifty."""


@pytest.fixture(scope="module")
def bench():
    with runner.bench() as ready:
        yield ready


@pytest.mark.parametrize("first", range(0, 50, 10))
def test_fifty_schedules_lose_and_double_nothing(bench, first):
    for seed in range(first, first + 10):
        result = bench.run(seed)
        assert result.violations == [], f"python -m tests.campaign --seed {seed}"


def test_a_seed_repeats_its_story(bench):
    assert bench.run(8).story == bench.run(8).story


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_the_checker_fails_every_shortcut(bench, shortcut):
    with switched_on(shortcut) as policies:
        told = [
            violation for seed in REVEALING[shortcut] for violation in bench.run(seed, policies=policies).violations
        ]
    assert any(re.match("I[1-6] ", violation) for violation in told)


def test_every_fault_of_the_list_stands_in_the_docs():
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(number) for number in rows] == list(range(1, 116)) == list(FAULTS)


def test_every_test_that_the_list_names_exists():
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = [name for *_, where in FAULTS.values() for name in re.findall(r"test_\w+", where)]
    assert [name for name in named if f"def {name}(" not in source] == []
    assert sum(where == C for *_, where in FAULTS.values()) > 60
