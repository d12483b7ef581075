"""Where a document's time goes: each stage of its way, measured when somebody asks (`backfill --profile`)."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol


class Measure(Protocol):
    """Opens a stage by its name; it ends with the context."""

    def __call__(self, name: str, *, awaits: bool = False) -> AbstractContextManager[None]:
        """With `awaits`, other documents are carried on meanwhile: the processor's time is then not this stage's."""
        ...


_NOTHING = nullcontext()


def unmeasured(name: str, *, awaits: bool = False) -> AbstractContextManager[None]:  # noqa: ARG001 - a Measure
    """Measures nothing, and costs next to nothing."""
    return _NOTHING


@dataclass(slots=True)
class Stage:
    """What one stage has taken, over all documents and threads."""

    times: int = 0
    elapsed: float = 0.0
    """Seconds from its begin to its end, waiting for disk, server and other threads included."""
    processor: float | None = None
    """Seconds of the processor; None for a stage that awaits something."""


class Profile:
    """Adds up the stages. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, Stage] = {}

    @contextmanager
    def measure(self, name: str, *, awaits: bool = False) -> Iterator[None]:
        began, processor_began = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            processor, elapsed = time.thread_time() - processor_began, time.perf_counter() - began
            with self._lock:
                stage = self._stages.setdefault(name, Stage())
                stage.times += 1
                stage.elapsed += elapsed
                if not awaits:
                    stage.processor = (stage.processor or 0.0) + processor

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
            elapsed = 1e3 * stage.elapsed / stage.times
            processor = "-" if stage.processor is None else f"{1e3 * stage.processor / stage.times:.2f}"
            share = stage.elapsed / total
            rows.append(f"{name:18} {stage.times:>8} {elapsed:>9.2f} {processor:>12} {share:>6.0%}")
        return "\n".join(rows)
