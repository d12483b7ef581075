"""Where a document's time goes: each stage of its way, measured when somebody asks (`backfill --profile`)."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

Measure = Callable[[str], AbstractContextManager[None]]
"""Opens a stage by its name; it ends with the context."""

_NOTHING = nullcontext()


def unmeasured(_: str) -> AbstractContextManager[None]:
    """Measures nothing, and costs next to nothing."""
    return _NOTHING


@dataclass(slots=True)
class Stage:
    """What one stage has taken, over all documents and threads."""

    times: int = 0
    elapsed: float = 0.0
    """Seconds from its begin to its end, waiting for disk, server and other threads included."""
    processor: float = 0.0
    """Seconds of the processor; of a stage that another thread ends than has begun it, nobody knows them."""


class Profile:
    """Adds up the stages. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, Stage] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        thread = threading.get_ident()
        began, processor_began = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            processor, elapsed = time.thread_time() - processor_began, time.perf_counter() - began
            with self._lock:
                stage = self._stages.setdefault(name, Stage())
                stage.times += 1
                stage.elapsed += elapsed
                stage.processor += processor if threading.get_ident() == thread else 0.0

    @property
    def stages(self) -> list[tuple[str, Stage]]:
        """In the order in which they first ended."""
        with self._lock:
            return list(self._stages.items())

    def text(self) -> str:
        """A line for each stage; milliseconds are for one document that came through it."""
        total = sum(stage.elapsed for _, stage in self.stages) or 1.0
        rows = [f"{'stage':18} {'times':>8} {'ms':>9} {'of them CPU':>12} {'share':>6}"]
        for name, stage in self.stages:
            elapsed, processor = 1e3 * stage.elapsed / stage.times, 1e3 * stage.processor / stage.times
            share = stage.elapsed / total
            rows.append(f"{name:18} {stage.times:>8} {elapsed:>9.2f} {processor:>12.2f} {share:>6.0%}")
        return "\n".join(rows)
