"""Ratios from interleaved rounds: the one way in which the benchmarks come to a figure.

The machine's speed drifts within minutes, so nothing is compared across time: both sides run in every round, in turn
first, and the figure is the median over the rounds of the ratio within a round.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
T = TypeVar("T")


class Missing(Exception):
    """Something that a benchmark needs is not installed; the message says what, and how to get it."""


@dataclass(frozen=True, slots=True)
class Run:
    """A child process from its start to its end."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds in user and kernel mode, with all its children that have ended."""
    peak: int
    """Bytes resident at most, of the process itself or the largest of its children."""
    output: str
    status: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the summary."""

    name: str
    reached: float
    goal: float | None = None
    """None: told for comparison only."""
    at_least: bool = False
    unit: str = ""
    spread: tuple[float, float] | None = None
    note: str = ""

    @property
    def missed(self) -> str:
        """By how much, in percent of the goal."""
        if self.goal is None:
            return ""
        short = self.goal - self.reached if self.at_least else self.reached - self.goal
        return f"{100 * short / self.goal:.0f} %" if short > 0 else "met"

    def row(self) -> str:
        spread = f" ({self.spread[0]:.2f}..{self.spread[1]:.2f})" if self.spread else ""
        goal = "" if self.goal is None else f"{'>=' if self.at_least else '<='} {self.goal:g}{self.unit}"
        return f"| {self.name} | {goal} | {self.reached:.3g}{self.unit}{spread} | {self.missed} | {self.note} |"


def table(figures: Sequence[Figure]) -> str:
    head = "| what | goal | reached (lowest..highest round) | missed by | in absolute figures |\n|---|---|---|---|---|"
    return "\n".join([head, *(figure.row() for figure in figures)])


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    expected: Container[int] = (0,),
) -> Run:
    """Runs a command to its end; what it writes to standard error is shown only where it fails.

    Raises:
        RuntimeError: it ended with another status than expected.
    """
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=env, cwd=cwd
        )
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if child.returncode not in expected:
            told = errors.read()[-2000:].decode(errors="replace") + output.read()[-2000:].decode(errors="replace")
            raise RuntimeError(f"{command} ended with {child.returncode}: {told}")
        text = output.read().decode(errors="replace")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, text, child.returncode)


def interleaved(sides: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Each side once a round; who begins changes from round to round."""
    results: dict[str, list[T]] = {name: [] for name in sides}
    order = list(sides)
    for number in range(rounds):
        for name in order if number % 2 == 0 else reversed(order):
            results[name].append(sides[name]())
            say(".")
    return results


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median over the rounds of ours divided by theirs."""

    median: float
    lowest: float
    highest: float

    @property
    def spread(self) -> tuple[float, float]:
        return self.lowest, self.highest


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    pairs = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Ratio(statistics.median(pairs), min(pairs), max(pairs))


def say(text: str) -> None:
    """Progress; figures alone go to standard output."""
    print(text, end="", file=sys.stderr, flush=True)


@contextmanager
def workplace() -> Iterator[Path]:
    """A throw-away folder on a disk: `$BENCH_DIR`, or /var/tmp, which is no memory file system."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR", "/var/tmp")) as folder:  # noqa: S108
        yield Path(folder)


def needs(program: str, package: str) -> str:
    """The program's path.

    Raises:
        Missing: it is not installed.
    """
    if found := shutil.which(program):
        return found
    raise Missing(f"{program} is not there; apt-get install {package}")


@contextmanager
def stopping(child: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """A child that is asked to end, and is waited for."""
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def cpu_of(pid: int) -> float:
    """Seconds that a living process and its living descendants have used so far."""
    ticks = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_of(pid: int) -> int:
    """Bytes resident, of a living process and its living descendants; what they share is counted once."""
    kilobytes = 0
    for one in tree(pid):
        lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes * 1024


@dataclass(slots=True)
class Peak:
    """The most memory that a living process and its children have together, looked at ten times a second."""

    pid: int
    bytes: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._over.wait(0.1):
            try:
                self.bytes = max(self.bytes, resident_of(self.pid))
            except (FileNotFoundError, ProcessLookupError):
                continue  # one of them has just ended

    def end(self) -> None:
        self._over.set()


def revision() -> str:
    """The commit that was measured, marked where files differ from it."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def options(about: str | None) -> argparse.ArgumentParser:
    """The options of every benchmark."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    return parser


def main(figures: Callable[[], Sequence[Figure]]) -> None:
    """Prints what a benchmark found; 2 where something is missing."""
    try:
        found = figures()
    except Missing as error:
        raise SystemExit(f"skipped: {error}") from None
    print(f"\n\nCommit {revision()}\n\n{table(found)}")
