"""How often the disk is waited for: fsync, fdatasync and syncfs a document, counted, by what they are for.

    python -m benchmarks.fsyncs [--documents 400] [--concurrency 16]

A real `backfill` under `strace -f` (Debian package `strace`): a run over N documents minus one over the first C.
Counted and not timed, because strace slows down what it watches.
"""

import re
import shutil
from collections import Counter
from pathlib import Path

from benchmarks import corpus
from benchmarks.home import Home
from benchmarks.measure import Figure, main, needs, options, run, say, workplace
from benchmarks.sink import Sink, serving

GOAL = 0.5
CALLS = "fsync,fdatasync,syncfs,sync,sync_file_range,msync"
CALLED = re.compile(r"\b(?:fsync|fdatasync|syncfs|sync|sync_file_range|msync)\((?:\d+<([^>]*)>)?")
KINDS = (
    ("ledger", re.compile(r"ledger\.db")),
    ("witness", re.compile(r"witness")),
    ("receipt", re.compile(r"receipt")),
    ("document", re.compile(r"\.pdf$")),
)


def kind_of(path: str) -> str:
    return next((kind for kind, pattern in KINDS if pattern.search(path)), "folders and others")


def counted(place: Path, sink: Sink, files: list[Path], concurrency: int) -> Counter[str]:
    """The calls of one backfill, by what they are for."""
    home, trace = Home.make(place / f"home-{len(files)}"), place / "trace"
    home.fill(files)
    command: list[str | Path] = [
        needs("strace", "strace"),
        "-f",
        "-y",
        "-qq",
        "--seccomp-bpf",
        "-e",
        f"trace={CALLS}",
        "-o",
        trace,
    ]
    run([*command, *home.command("backfill")], env=home.environment(sink, concurrency=concurrency))
    shutil.rmtree(home.folder)
    lines = (line for line in trace.read_text(errors="replace").splitlines() if "resumed>" not in line)
    return Counter(kind_of(match[1] or "") for line in lines if (match := CALLED.search(line)))


def figures(*, documents: int, concurrency: int) -> list[Figure]:
    say("\nfsyncs ")
    needs("strace", "strace")
    with workplace() as place, serving(place, 50) as sink:
        files = corpus.make(place / "files", documents, size=50_000)
        few = counted(place, sink, files[:concurrency], concurrency)
        whole = counted(place, sink, files, concurrency)
    each = {kind: (whole[kind] - few[kind]) / (documents - concurrency) for kind in whole}
    told = ", ".join(f"{kind} {count:.2f}" for kind, count in sorted(each.items(), key=lambda item: -item[1]))
    return [Figure(f"fsyncs a document, 50 ms, C={concurrency}", sum(each.values()), GOAL, note=told)]


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--concurrency", type=int, default=16)
    chosen = parser.parse_args()
    main(lambda: figures(documents=chosen.documents, concurrency=chosen.concurrency))
