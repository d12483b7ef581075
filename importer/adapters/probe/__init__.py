"""What a file's bytes say, found out in a guarded child process: no document can crash, stall or fill the importer."""

import os
import queue
from contextlib import nullcontext, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from importer.adapters.probe.worker import Limits, ProbeError, Starting, Worker
from importer.core.facts import Facts

__all__ = ["WORKERS", "Limits", "Probe", "ProbeError"]

WORKERS = max(2, min(8, os.cpu_count() or 1))
"""Inspecting is work for the processor, so more children than processors gain nothing; two at least, so that a document
over which one toils does not stop the others."""


class Probe:
    """Inspects documents, several at once; safe to use from any number of threads.

    Children are started when they are first needed, at most `workers` of them, and end with the probe, or with the
    process that made it, however that ends.
    """

    def __init__(self, workers: int = WORKERS, limits: Limits | None = None, starting: Starting = nullcontext) -> None:
        self._workers = [Worker(limits or Limits(), starting) for _ in range(workers)]
        # Last in, first out: a child that has warmed up is used again before another one is started.
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the children that are ready or at work."""
        return tuple(pid for worker in self._workers if (pid := worker.pid) is not None)

    def probe(self, content: bytes, extension: str) -> Facts:
        """The facts of these bytes; a document that crashes or exhausts the inspection has facts with a `failure`.

        Args:
            content: the whole file.
            extension: the last part of its name; upper or lower case, with or without the dot.

        Raises:
            ProbeError: no child can be started, so that nothing is known of the document.
            ValueError: the probe is closed.
        """
        worker = self._idle.get()
        try:
            return replace(worker.inspect(content), extension=extension.lower().removeprefix("."))
        finally:
            self._idle.put(worker)

    def get_ready(self) -> None:
        """Starts a child, where there is none; if that cannot be done, the first document will tell."""
        with suppress(queue.Empty):
            worker = self._idle.get_nowait()
            try:
                worker.get_ready()
            finally:
                self._idle.put(worker)

    def close(self) -> None:
        """End the children, each once it has answered; harmless when repeated."""
        for worker in self._workers:
            worker.close()
