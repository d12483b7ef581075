"""The whole pipeline beside the bare loop B, on the same documents and the same server.

    python -m benchmarks.throughput [--rounds 5] [--documents 800] [--scenario NAME]...

Ours    `importer backfill` of files that were just copied into its inbox: a real process, configuration as shipped but
        for `api.concurrency`, `api.rate = 0/s` and `inbox.settle = 0s`, and a new SQLite ledger on a disk.
Theirs  `python -m benchmarks.bare_loop`, see there.

Both are measured from outside and by the same rule: wall time and CPU time (with all child processes) of a run over N
documents minus the least that a run over the first C took in any round. What both have in common, start and end of the
processes, imports, a new ledger, the first connections, falls out; all that is done for a document stays in, before its
upload and after.
"""

import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import corpus
from benchmarks.home import Home
from benchmarks.measure import ROOT, Figure, Run, interleaved, main, options, ratio, run, say, workplace
from benchmarks.sink import Sink, capacity, serving


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    size: int
    latency_ms: float
    concurrency: int
    throughput: float
    """The goal: ours / theirs, at least."""
    cpu: float | None
    """The goal: ours / theirs, at most."""
    long_share: float = 0.0


SCENARIOS = (
    Scenario("50 KB, 50 ms, C=16", 50_000, 50, 16, 1.0, 1.3),
    Scenario("50 KB, 50 ms, C=32", 50_000, 50, 32, 1.2, None),
    Scenario("50 KB, 0 ms, C=8", 50_000, 0, 8, 0.9, 1.3),
    Scenario("500 KB, 50 ms, C=16", 500_000, 50, 16, 1.0, 2.0),
    Scenario("50 KB, 50 ms, C=16, 5 % of 300 pages", 50_000, 50, 16, 0.95, None, 0.05),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of `documents` documents, without start and end."""

    documents: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.documents / self.wall


@dataclass(frozen=True, slots=True)
class Pass:
    """A run over the first few documents and one over all of them."""

    few: Run
    whole: Run


@dataclass(frozen=True, slots=True)
class Course:
    """One scenario, laid out on a disk."""

    scenario: Scenario
    sink: Sink
    place: Path
    files: list[Path]

    def ours(self) -> Pass:
        return self._pass(self._backfill)

    def theirs(self) -> Pass:
        return self._pass(self._bare_loop)

    def _pass(self, measured: Callable[[list[Path]], Run]) -> Pass:
        return Pass(measured(self.files[: self.scenario.concurrency]), measured(self.files))

    def costs(self, passes: Sequence[Pass]) -> list[Cost]:
        """Without the start: the shortest of all rounds, since whatever disturbs a start can only prolong it."""
        documents = len(self.files) - self.scenario.concurrency
        wall, cpu = min(one.few.wall for one in passes), min(one.few.cpu for one in passes)
        return [Cost(documents, one.whole.wall - wall, one.whole.cpu - cpu) for one in passes]

    def _backfill(self, files: list[Path]) -> Run:
        home = Home.make(Path(tempfile.mkdtemp(dir=self.place)))
        home.fill(files)
        self.sink.take_stats()
        result = home.backfill(self.sink, concurrency=self.scenario.concurrency)
        self._check(files)
        return result

    def _bare_loop(self, files: list[Path]) -> Run:
        folder = self.place / ("files" if files is self.files else "few")
        self.sink.take_stats()
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "benchmarks.bare_loop",
            self.sink.url,
            str(self.scenario.concurrency),
            folder,
        ]
        result = run(command, cwd=ROOT)
        self._check(files)
        return result

    def _check(self, files: list[Path]) -> None:
        seen = self.sink.take_stats()
        if seen.imports != len(files):
            raise RuntimeError(f"{len(files)} documents, but {seen.imports} uploads")


def measure(scenario: Scenario, place: Path, *, documents: int, rounds: int) -> list[Figure]:
    say(f"\n{scenario.name} ")
    with serving(place, scenario.latency_ms) as sink:
        files = corpus.make(place / "files", documents, size=scenario.size, long_share=scenario.long_share)
        for file in files[: scenario.concurrency]:
            (place / "few").mkdir(exist_ok=True)
            shutil.copyfile(file, place / "few" / file.name)
        with serving(place) as prompt:
            most = capacity(prompt, connections=scenario.concurrency, size=scenario.size)
        course = Course(scenario, sink, place, files)
        passes = interleaved({"ours": course.ours, "theirs": course.theirs}, rounds)
    bound = f"the sink without latency: {most.requests_per_second:.0f}/s, {1e6 * most.cpu_per_request:.0f} us CPU each"
    return _figures(scenario, course.costs(passes["ours"]), course.costs(passes["theirs"]), bound)


def _figures(scenario: Scenario, ours: Sequence[Cost], theirs: Sequence[Cost], sink: str) -> list[Figure]:
    wall = ratio([cost.rate for cost in ours], [cost.rate for cost in theirs])
    cpu = ratio([cost.cpu for cost in ours], [cost.cpu for cost in theirs])
    rates = f"{_median(c.rate for c in ours):.0f}/s beside {_median(c.rate for c in theirs):.0f}/s; {sink}"
    each = [1e3 * _median(c.cpu / c.documents for c in side) for side in (ours, theirs)]
    told = f"{each[0]:.2f} ms beside {each[1]:.2f} ms a document"
    name = f"/ B, {scenario.name}"
    return [
        Figure(f"throughput {name}", wall.median, scenario.throughput, at_least=True, spread=wall.spread, note=rates),
        Figure(f"CPU {name}", cpu.median, scenario.cpu, spread=cpu.spread, note=told),
    ]


def _median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def figures(scenarios: Sequence[Scenario], *, documents: int, rounds: int) -> list[Figure]:
    found = []
    # Removed at the very end: for five minutes ext4 goes out of its way not to use an inode again, and each new file
    # (a receipt) then costs half a millisecond.
    with workplace() as place:
        for number, scenario in enumerate(scenarios):
            folder = place / str(number)
            folder.mkdir()
            of_this = measure(scenario, folder, documents=documents, rounds=rounds)
            say("".join(f"\n{figure.row()}" for figure in of_this))  # what follows takes minutes
            found += of_this
    return found


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--documents", type=int, default=800)
    parser.add_argument("--scenario", action="append", choices=[one.name for one in SCENARIOS])
    chosen = parser.parse_args()
    wanted = [one for one in SCENARIOS if not chosen.scenario or one.name in chosen.scenario]
    main(lambda: figures(wanted, documents=chosen.documents, rounds=chosen.rounds))
