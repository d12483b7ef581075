"""Whether `importer run` stays as it is: memory, threads and open files while documents come in, for as long as wished.

    python -m benchmarks.soak [--files 100000] [--heap 33333]

The documents are dropped in portions, each when the one before is imported; they show what stays behind a document.
Then comes a heap of others, dropped at once, and then one more document: what it waits for is told in uploads that
went before it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks import corpus
from benchmarks.home import Home
from benchmarks.measure import Figure, main, options, resident_of, say, stopping, tree, workplace
from benchmarks.sink import Sink, serving

PORTIONS = 10
SIZE = 2_000
GOAL = 1.1
"""What may be there at the end, of what was there after the second portion: by then everything has been used once."""
STUCK = 300.0
"""Seconds without any upload."""


@dataclass(frozen=True, slots=True)
class State:
    memory: int
    threads: int
    handles: int

    @classmethod
    def of(cls, pid: int) -> "State":
        own = Path("/proc", str(pid))
        return cls(resident_of(pid), len([*(own / "task").iterdir()]), len([*(own / "fd").iterdir()]))


class Dropping:
    """Puts documents into an inbox, and knows how many of them were uploaded."""

    def __init__(self, home: Home, sink: Sink) -> None:
        self._home = home
        self._sink = sink
        self._source = Random(1)
        self._dropped = self.uploaded = 0

    def drop(self, count: int, folder: str) -> None:
        """As a spooler does: under another name first."""
        place = self._home.inbox / folder
        place.mkdir(exist_ok=True)
        hidden = self._home.folder / "spool"
        for _ in range(count):
            self._dropped += 1
            hidden.write_bytes(corpus.pdf(SIZE, 1, self._source))
            hidden.rename(place / f"Rechnung_RE-2024-{self._dropped:07}.pdf")

    def rest(self, folder: str) -> None:
        """Until all were uploaded, and those of this folder put away."""
        self.wait()
        while any((self._home.inbox / folder).iterdir()):
            time.sleep(0.05)

    def wait(self, until: int | None = None) -> None:
        """Until all, or so many, were uploaded."""
        wanted, last = until or self._dropped, time.monotonic()
        while self.uploaded < wanted:
            time.sleep(0.05)
            if new := self._sink.take_stats().imports:
                self.uploaded, last = self.uploaded + new, time.monotonic()
            elif time.monotonic() - last > STUCK:
                raise RuntimeError(f"only {self.uploaded} of {self._dropped} documents were uploaded")


def states(dropping: Dropping, pid: int, files: int) -> Iterator[State]:
    for portion in range(PORTIONS):
        dropping.drop(files // PORTIONS, f"{portion:04}")
        dropping.rest(f"{portion:04}")
        state = State.of(pid)
        say(f"{state.memory / 1e6:.0f} MB, {state.threads} threads, {state.handles} files; ")
        yield state


def fresh(dropping: Dropping, home: Home, heap: int) -> int:
    """Uploads that went before a document that was dropped after a whole heap of others."""
    dropping.drop(heap, "heap")
    dropping.wait(dropping.uploaded + min(100, heap // 10))  # it is at them
    dropping.drop(1, "fresh")
    before = dropping.uploaded
    while any((home.inbox / "fresh").iterdir()):
        dropping.wait(dropping.uploaded + 1)
    went = dropping.uploaded - before
    dropping.wait()
    return went


def figures(*, files: int, heap: int) -> list[Figure]:
    say(f"\nsoak, {files} documents and {heap} at once ")
    with workplace() as place, serving(place) as sink:
        home = Home.make(place / "home")
        with stopping(home.start(sink, INBOX__SETTLE="0s")) as service:
            dropping = Dropping(home, sink)
            seen = list(states(dropping, service.pid, files))
            went = fresh(dropping, home, heap)
            if service.poll() is not None:
                raise RuntimeError(f"the service has ended with {service.returncode}")
            children = len(tree(service.pid)) - 1
    early, late = seen[1], seen[-1]
    name = f"after {files:,} documents / after {files // PORTIONS * 2:,}"
    told = f"{late.memory / 1e6:.0f} MB beside {early.memory / 1e6:.0f} MB, with {children} child processes"
    return [
        Figure(f"memory of the service {name}", late.memory / early.memory, GOAL, note=told),
        Figure(f"threads {name}", late.threads / early.threads, GOAL, note=f"{late.threads} beside {early.threads}"),
        Figure(f"open files {name}", late.handles / early.handles, GOAL, note=f"{late.handles} beside {early.handles}"),
        Figure(f"uploads before one document that was dropped after {heap:,} others", went, note="none missed"),
    ]


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--heap", type=int, default=33_333)
    chosen = parser.parse_args()
    main(lambda: figures(files=chosen.files, heap=chosen.heap))
