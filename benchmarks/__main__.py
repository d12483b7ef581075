"""Every benchmark, bounded in size, and one summary: `make bench`, `make bench-quick`.

python -m benchmarks [--quick] [--requests-python PYTHON]
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import fsyncs, growth, idle, peers, scan, soak, startup, throughput
from benchmarks.measure import Figure, Missing, revision, say, table


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    documents: int
    files: int
    backlog: tuple[int, int]
    rows: int
    idle: float
    soak: int


FULL = Size(rounds=5, documents=800, files=100_000, backlog=(20_000, 100_000), rows=1_000_000, idle=65, soak=4_000)
QUICK = Size(rounds=3, documents=200, files=10_000, backlog=(1_000, 5_000), rows=10_000, idle=15, soak=1_000)


def parts(size: Size, python: str) -> list[Callable[[], Sequence[Figure]]]:
    return [
        lambda: throughput.figures(throughput.SCENARIOS, documents=size.documents, rounds=size.rounds),
        lambda: fsyncs.figures(documents=size.documents // 2, concurrency=16),
        lambda: scan.figures(files=size.files, rounds=size.rounds, sizes=list(size.backlog)),
        lambda: startup.figures(rounds=3 * size.rounds),
        lambda: growth.figures(rows=size.rows, documents=100, rounds=size.rounds),
        lambda: idle.figures(rows=size.rows, seconds=size.idle),
        lambda: soak.figures(files=size.soak, heap=size.soak // 2),
        lambda: peers.figures(documents=size.documents // 4, rounds=size.rounds, python=python),
    ]


def machine() -> str:
    cores, load = os.cpu_count(), os.getloadavg()[0]
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{system}, {cores} cores, load {load:.1f} at the start"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="sizes that show whether it runs, not how fast")
    parser.add_argument("--requests-python", default=sys.executable, help="an interpreter that has `requests`")
    chosen = parser.parse_args()
    began, where = time.perf_counter(), machine()
    found: list[Figure] = []
    failures = []
    for part in parts(QUICK if chosen.quick else FULL, chosen.requests_python):
        try:
            of_this = part()
            say("".join(f"\n{figure.row()}" for figure in of_this))
            found += of_this
        except (Missing, RuntimeError, subprocess.SubprocessError) as error:
            failures.append(str(error))
            say(f"\n{error}\n")
    seconds = time.perf_counter() - began
    print(f"\n\nCommit {revision()}; {where}; {seconds / 60:.0f} minutes\n\n{table(found)}\n")
    for failure in failures:
        print(f"Not measured: {failure}\n")
    print(f"What the peers do not guarantee:\n\n{peers.NOT_GUARANTEED}")
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
