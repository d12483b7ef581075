"""Fifty schedules of the campaign in every run of the suite, and proof that its checker can fail."""

import re
from pathlib import Path

import pytest

from tests.campaign import runner
from tests.campaign.faults_table import FAULTS, C
from tests.campaign.shortcuts import SHORTCUTS, switched_on

ROOT = Path(__file__).parent.parent.parent
REVEALING = {
    "a random key for each attempt": (10, 30),
    "a new key after every error": (10, 30),
    "one stable key for ever": (4, 36),
    "marked done before it is sent": (0, 1),
    "no look at the remote side after the ledger was rolled back": (2, 43),
    "one look straight after a rebuild": (2036,),
    "a new key straight after a 500": (0, 2),
    "a new key without a read-back": (4, 30),
    "a new key after one read-back within the grace": (0, 2),
    "a new key after a refusal while a send is in doubt": (2, 3),
    "a key re-sent at 30 h of age": (0, 2),
    "key age by the local clock": (0, 2),
    "no guard between intent and send": (0, 5),
}
"""Seeds whose schedules lead into the trap that each shortcut leaves open."""


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


@pytest.mark.parametrize("name", SHORTCUTS)
def test_the_checker_fails_every_shortcut(bench, name):
    def breaks(seed):
        with switched_on(name) as shortcut:
            told = bench.run(seed, shortcut.options, shortcut.policies).violations
        return any(violation.startswith(f"{shortcut.breaks} ") for violation in told)

    assert any(map(breaks, REVEALING[name]))


@pytest.mark.parametrize("name", [name for name, shortcut in SHORTCUTS.items() if shortcut.options])
def test_without_its_shortcut_what_is_drawn_for_it_does_no_harm(bench, name):
    for seed in REVEALING[name]:
        assert bench.run(seed, SHORTCUTS[name].options).violations == []


def test_a_ledger_that_forgot_is_noticed_and_rebuilt(bench):
    amnesias = [amnesia for seed in (1, 3, 10) for amnesia in bench.run(seed, frozenset({"forgetful"})).amnesias]
    assert {a.fate for a in amnesias if a.rebuilt_at is not None} == {"restored", "deleted", "log lost"}


def test_every_fault_of_the_list_stands_in_the_docs():
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(number) for number in rows] == list(range(1, 116)) == list(FAULTS)


def test_every_test_that_the_list_names_exists():
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = [name for *_, where in FAULTS.values() for name in re.findall(r"test_\w+", where)]
    assert [name for name in named if f"def {name}(" not in source] == []
    assert sum(where.startswith(C) for *_, where in FAULTS.values()) > 60
