r"""What it costs to look through an inbox in which everything is known, beside `find`; and memory under a backlog.

    python -m benchmarks.scan [--files 1000000] [--rounds 5] [--backlog 20000 100000]

Rescan   one process holds an `importer.adapters.inbox.Scanner` that has handed out every file, as the service does, and
         scans again when it is told to: wall and CPU time of that scan, and the process's highest memory.
Theirs   `find FOLDER -type f -printf '%p\t%s\t%T@\n' > /dev/null`, whole runs. In 1 000 folders, and in one.
Restart  `importer backfill` over files that the ledger knows and that wait there: a run over all minus one over none.
Backlog  the most memory of `importer backfill`, with its children, until its 300th upload out of N new files.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import corpus
from benchmarks.home import Home
from benchmarks.measure import (
    ROOT,
    Figure,
    Missing,
    Peak,
    Run,
    interleaved,
    main,
    options,
    ratio,
    run,
    say,
    stopping,
    workplace,
)
from benchmarks.prefilled import lay_out, multiply, template
from benchmarks.sink import Sink, serving

FOLDERS = 1000
UPLOADS = 300
PATIENCE = 60.0
"""Seconds in which these uploads are waited for."""

Layout = tuple[str, int, float, float, float]
LAYOUTS: tuple[Layout, ...] = (
    ("1 000 folders", FOLDERS, 1.5, 2.0, 80.0),
    ("one folder", 1, 2.5, 2.5, 120.0),
)
"""Name, number of folders, and the goals: wall and CPU time / find's, memory in MB."""


def make_empty(folder: Path, files: int, folders: int) -> None:
    for number in range(folders):
        (folder / f"{number:04}").mkdir(parents=True, exist_ok=True)
    for number in range(files):
        name = folder / f"{number % folders:04}" / f"Rechnung_RE-2024-{number:07}.pdf"
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o644))


# ------------------------------------------------------------ the rescan


def serve(folder: str) -> None:
    """Hands out everything, then scans once a line of standard input and tells what that has cost."""
    import resource  # noqa: PLC0415 - in a process of its own

    from importer.adapters.inbox import Scanner  # noqa: PLC0415

    def used() -> float:
        spent = resource.getrusage(resource.RUSAGE_SELF)
        return spent.ru_utime + spent.ru_stime

    scanner = Scanner(Path(folder), settle=0.0)
    print(handed_out(scanner), flush=True)
    for _ in sys.stdin:
        cpu, wall = used(), time.perf_counter()
        again = handed_out(scanner)
        cost = {"wall": time.perf_counter() - wall, "cpu": used() - cpu, "handed": again}
        print(json.dumps(cost | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)


def handed_out(scanner: Any) -> int:
    """Of how many files one look at everything finds that they are complete and new."""
    found = scanner.scan(time.monotonic())
    handed = len(found.settled)
    while getattr(found, "more", False):
        found = scanner.gather(time.monotonic())
        handed += len(found.settled)
    return handed


@contextmanager
def scanning(folder: Path, files: int) -> Iterator[Callable[[], Run]]:
    command = [sys.executable, "-c", "import sys; from benchmarks.scan import serve; serve(sys.argv[1])", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def rescan() -> Run:
            stdin.write("\n")
            stdin.flush()
            cost = json.loads(stdout.readline())
            if cost["handed"]:
                raise RuntimeError(f"{cost['handed']} known files were handed out again")
            return Run(cost["wall"], cost["cpu"], cost["peak"], "", 0)

        if int(stdout.readline()) != files:
            raise RuntimeError("not every file was handed out")
        yield rescan
        stdin.close()


def find(folder: Path) -> Run:
    return run(["sh", "-c", r"exec find '%s' -type f -printf '%%p\t%%s\t%%T@\n' > /dev/null" % folder])  # noqa: UP031


def rescans(layout: Layout, *, files: int, rounds: int) -> list[Figure]:
    name, folders, wall_goal, cpu_goal, memory_goal = layout
    say(f"\nrescan of {files} files in {name} ")
    with workplace() as place:
        make_empty(place / "inbox", files, folders)
        find(place / "inbox")
        with scanning(place / "inbox", files) as rescan:
            runs = interleaved({"ours": rescan, "theirs": lambda: find(place / "inbox")}, rounds)
    ours, theirs = runs["ours"], runs["theirs"]
    wall = ratio([one.wall for one in ours], [one.wall for one in theirs])
    cpu = ratio([one.cpu for one in ours], [one.cpu for one in theirs])
    each = [statistics.median(one.wall for one in side) for side in (ours, theirs)]
    told = f"{each[0]:.2f} s beside {each[1]:.2f} s"
    what = f"rescan of {files:,} known files in {name}"
    return [
        Figure(f"time of a {what} / find", wall.median, wall_goal, spread=wall.spread, note=told),
        Figure(f"CPU of a {what} / find", cpu.median, cpu_goal, spread=cpu.spread),
        Figure(f"memory of a {what}", ours[-1].peak / 1e6, memory_goal, unit=" MB", note="the process, from its start"),
    ]


# ------------------------------------------------------------ through the door


def restart(*, files: int) -> list[Figure]:
    """The first scan of a new process over files that wait in the inbox and that only the ledger knows."""
    say(f"\nrestart over {files} known files ")
    with workplace() as place, serving(place) as sink:
        home = template(place / "home", sink)
        nothing = home.backfill(sink, "--wait", "0s")
        make_empty(home.inbox, files, FOLDERS)
        multiply(home.ledger, files)
        lay_out(home.ledger, entries(home.inbox))
        sink.take_stats()
        whole = home.backfill(sink, "--wait", "0s", expected=(0, 4))
        if sink.take_stats().imports:
            raise RuntimeError("a known file was sent again")
        other = find(home.inbox)
    wall = (whole.wall - nothing.wall) / other.wall
    told = f"{whole.wall - nothing.wall:.2f} s beside {other.wall:.2f} s, {whole.peak / 1e6:.0f} MB"
    return [Figure(f"time of a first scan of {files:,} files that the ledger knows / find", wall, note=told)]


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    for sub in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if sub.is_dir():
            yield from os.scandir(sub)


def backlog(files: int, sink: Sink, place: Path) -> tuple[float, float]:
    """Bytes at most, and seconds to the 300th upload."""
    home, source = Home.make(place / f"backlog-{files}"), Random(1)
    for number in range(files):
        path = home.inbox / f"{number % FOLDERS:04}" / f"Rechnung_RE-2024-{number:07}.pdf"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(corpus.pdf(1000, 1, source))
    os.sync()  # the first commit would wait until all of these files are on the disk
    sink.take_stats()
    began, seen = time.perf_counter(), 0
    command = [str(part) for part in home.command("backfill")]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=home.environment(sink), stdout=quiet, stderr=quiet)
    peak = Peak(process.pid)
    watcher = threading.Thread(target=peak.watch)
    watcher.start()
    with stopping(process):
        while seen < UPLOADS and time.perf_counter() < began + PATIENCE:
            time.sleep(0.2)
            seen += sink.take_stats().imports
        seconds = time.perf_counter() - began
        peak.end()
        watcher.join()
        if seen == 0:
            process.kill()  # it is busy with all that it has found, and would drain only after that
    shutil.rmtree(home.folder)
    return peak.bytes, seconds if seen >= UPLOADS else float("inf")


def backlogs(sizes: list[int]) -> list[Figure]:
    found, few = [], None
    with workplace() as place, serving(place) as sink:
        for files in sizes:
            say(f"\nbacklog of {files} new files ")
            used, seconds = backlog(files, sink, place)
            few = few or used
            told = (
                f"{UPLOADS} uploads after {seconds:.0f} s"
                if seconds < PATIENCE
                else f"not {UPLOADS} uploads in {PATIENCE:.0f} s"
            )
            told += f"; {used / few:.2f} of what {sizes[0]:,} took"
            found.append(Figure(f"memory under {files:,} new files", used / 1e6, 150.0, unit=" MB", note=told))
    return found


def figures(*, files: int, rounds: int, sizes: list[int]) -> list[Figure]:
    if shutil.which("find") is None:
        raise Missing("find is not there; apt-get install findutils")
    found = [figure for layout in LAYOUTS for figure in rescans(layout, files=files, rounds=rounds)]
    return [*found, *restart(files=files // 10), *backlogs(sizes)]


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--backlog", type=int, nargs="+", default=[20_000, 100_000])
    chosen = parser.parse_args()
    main(lambda: figures(files=chosen.files, rounds=chosen.rounds, sizes=chosen.backlog))
