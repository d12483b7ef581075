"""The first day and the auditor's questions, typed as the pages show them; what is printed is what they show."""

import os
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager

from tests.nursery import Nursery
from tests.pages import ROOT, blocks

ELSEWHERE = "in another terminal"


class Terminal:
    """One person's shell: `cd`, `export` and `$?` as anywhere; the importer without the second of its imports."""

    def __init__(self, folder):
        self.folder = folder
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("IMPORTER_")}
        self.environ |= {"IMPORTER_INBOX__SETTLE": "50ms", "COLUMNS": "200", "PYTHONWARNINGS": "error"}
        self.code = 0
        self._nursery = Nursery()

    def close(self):
        self._nursery.end()

    def type(self, command):
        """What is printed, errors and log first."""
        verb, *words = shlex.split(command)
        if command == "echo $?":
            return f"{self.code}\n"
        if verb == "cd":
            self.folder = self.folder / words[0]
            return ""
        if verb == "export":
            self.environ |= dict(word.split("=", 1) for word in words)
            return ""
        os.chdir(self.folder)
        if verb == "importer":
            done = self._nursery.run(words, self.environ, timeout=90)
        else:
            done = subprocess.run(
                ["bash", "-c", command], env=self.environ, capture_output=True, text=True, check=False
            )
        self.code = done.returncode
        return done.stderr + done.stdout


@contextmanager
def in_another_terminal(command):
    """The sandbox that the page starts, on a free port; yields its address."""
    _, *words = shlex.split(command)
    process = subprocess.Popen(
        [sys.executable, "-m", "importer", *words, "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def steps(block):
    """Each command with what is shown below it."""
    for step in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, answer = step.partition("\n")
        yield command, answer


def pattern(answer):
    """`...` alone on a line is any lines, and in a line anything."""
    lines = [re.escape(line).replace(r"\.\.\.", r"[^\n]*") for line in answer.splitlines()]
    return "".join(r"(?:[^\n]*\n)*?" if line == r"[^\n]*" else rf"{line}\n" for line in lines)


def test_the_first_day_and_then_an_auditor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = [*blocks(ROOT / "docs" / "tutorial.md"), *blocks(ROOT / "docs" / "auditing.md")]
    (sandbox,) = [block.text for block in shown if block.mark == ELSEWHERE]
    with in_another_terminal(sandbox) as address:
        terminal = Terminal(tmp_path)
        terminal.environ["IMPORTER_API__BASE_URL"] = address
        try:
            for block in shown:
                if block.language == "console":
                    walk(terminal, block)
        finally:
            terminal.close()


def walk(terminal, block):
    for command, answer in steps(block):
        printed = terminal.type(command)
        assert re.fullmatch(pattern(answer), printed), f"{block}: $ {command}\n{printed}"
