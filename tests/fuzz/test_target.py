"""The coverage-guided target, for a moment: `make fuzz` goes on from there for as long as one likes."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SECONDS = 4

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: there are wheels for Linux on x86-64 with glibc only (requirements/fuzz.txt)",
)


def run(*options, **environ):
    command = [sys.executable, "-m", "tests.fuzz.probe", *options]
    output = {"capture_output": True, "text": True, "errors": "replace"}
    return subprocess.run(command, cwd=PROJECT, env=os.environ | environ, timeout=100, check=False, **output)


def test_the_target_finds_no_crash(tmp_path):
    found = run(f"-max_total_time={SECONDS}", FUZZ_CORPUS=str(tmp_path))

    assert found.returncode == 0, f"{found.stderr[-6000:]}\nreproduce it: make fuzz ARGS=build/fuzz/crash-..."
    assert "DONE" in found.stderr


def test_the_target_would_tell_a_crash(tmp_path):
    """What it asks of facts can fail: here no fact may be longer than nothing at all."""
    mail = tmp_path / "mail"
    mail.write_bytes(b"From: a@example.org\nDate: Mon, 15 Apr 2024 09:12:41 +0200\n\ntext")

    found = run(str(mail), FUZZ_LONGEST="0")
    assert found.returncode != 0
    assert "Uncaught Python exception" in found.stderr + found.stdout
