"""Keeps the pipeline busy: scans, hands files and due documents to workers, tends the line, drains at the end.

One thread (the caller's) decides what is to be done; `concurrency` workers do it. Between attempts only the ledger
remembers a document, so that a restart is nothing special.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from importer.adapters.inbox import FoundFile, Problem, Scanner
from importer.adapters.ledger import Ledger
from importer.adapters.reading import NotReady, ReadError
from importer.clock import Clock
from importer.line import Line
from importer.pipeline import Pipeline

IDLE = timedelta(days=1).total_seconds()

BREATH = 0.1
"""Seconds between two scans at least: events come in bursts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much at once, and how far."""

    concurrency: int
    rescan: float
    """Seconds between two scans when nothing wakes us."""
    files: int | None = None
    """Take no more files than this."""
    accepts: Callable[[FoundFile], bool] = lambda _: True
    in_place: Callable[[FoundFile], bool] = lambda _: False
    only_own: bool = False
    """Go on only with documents that came from our own files, not with whatever else is due."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one turn left behind."""

    next_turn: float
    """Seconds after which another turn is worthwhile even if nothing wakes us."""
    unsettled: bool
    """Whether there are files that are not complete yet."""
    untaken: bool
    """Whether there are complete files that no worker has begun with."""


@dataclass(slots=True)
class _Work:
    """What the workers are at."""

    files: deque[FoundFile] = field(default_factory=deque)
    moves: deque[int] = field(default_factory=deque)
    """Documents whose file has not been put away."""
    documents: set[int] = field(default_factory=set)
    running: int = 0


class Service:
    """The loop around the pipeline; `run` and `backfill` are two ways to end it."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        scanner: Scanner,
        ledger: Ledger,
        line: Line,
        limits: Limits,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._pipeline = pipeline
        self._scanner = scanner
        self._ledger = ledger
        self._line = line
        self._limits = limits
        self._clock = clock
        self._log = log
        self._work = _Work()
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        self._taken = 0
        self._look = threading.Event()
        self._last_scan = self._next_scan = self._next_round = clock.steady()
        self._unreadable: set[Path] = set()
        self._unsettled = True
        self.problems: dict[str, str] = {}
        """Files and folders that could not be looked at, with the reason; they stay where they are."""
        self.touched: set[int] = set()
        """Ids of the documents that this service has had to do with."""
        self.on_turn: Callable[[int], None] = lambda _: None
        """Told after every turn how many files are still to be taken."""
        self.wake = threading.Event()
        """Set by whoever has news: a worker that is done, a watcher, a signal."""

    def run(self, stop: Callable[[Round], bool]) -> None:
        """Turns until `stop` says so, then drains: what is under way is finished, nothing new is begun.

        Raises:
            whatever ended a worker: a fault of ours, or of the ledger.
        """
        self._pipeline.recover()
        workers = ThreadPoolExecutor(self._limits.concurrency, thread_name_prefix="worker")
        try:
            while True:
                self.wake.clear()
                turn = self._turn(workers)
                if self._failure is not None or stop(turn):
                    break
                self.wake.wait(turn.next_turn)
        finally:
            self._log.debug("service.draining")
            workers.shutdown(cancel_futures=True)
        if self._failure is not None:
            raise self._failure

    @property
    def is_busy(self) -> bool:
        """Whether any worker is at work."""
        with self._lock:
            return self._work.running > 0

    def rescan(self) -> None:
        """An event: look at the inbox now instead of at the next regular time."""
        self._look.set()
        self.wake.set()

    def _turn(self, workers: ThreadPoolExecutor) -> Round:
        probe_in = self._line.tend()
        scan_in = self._scan()
        self._hand_out_moves(workers)
        self._hand_out_files(workers)
        due_in = self._hand_out_documents(workers) if self._line.is_open else None
        self.on_turn(len(self._work.files))
        next_turn = min(seconds for seconds in (scan_in, probe_in, due_in, IDLE) if seconds is not None)
        # A worker that found a file changing has asked for a look before it was done.
        unsettled = self._unsettled or self._look.is_set()
        return Round(next_turn, unsettled, untaken=bool(self._work.files) and not self._is_full)

    # ------------------------------------------------------------ what is there

    def _scan(self) -> float:
        """Looks at the inbox when it is time. Returns the seconds until the next look."""
        now = self._clock.steady()
        if self._look.is_set():
            self._next_scan = min(self._next_scan, self._last_scan + BREATH)
        if now >= self._next_scan:
            self._look.clear()
            self._last_scan = now
            found = self._scanner.scan(now)
            self._note(found.problems)
            settled = list(filter(self._limits.accepts, found.settled))
            self._pipeline.survey(settled, is_idle=not self._work.files and not self.is_busy)
            for file in settled:
                self._log.debug("file.settled", path=file.relative)
            self._work.files.extend(settled)
            self._unsettled = found.next_look is not None
            if now >= self._next_round:
                self._begin_round(now)
            pause = self._limits.rescan if found.next_look is None else min(found.next_look, self._limits.rescan)
            self._next_scan = now + max(BREATH, pause)
        return max(0.0, self._next_scan - self._clock.steady())

    def _note(self, problems: Sequence[Problem]) -> None:
        """Once for each of them: a folder that cannot be seen is a problem in every scan."""
        for problem in problems:
            if self.problems.get(str(problem.path)) != problem.message:
                self.problems[str(problem.path)] = problem.message
                self._log.warning(f"scan.{problem.code}", path=str(problem.path), message=problem.message)

    def _begin_round(self, now: float) -> None:
        """What is worth another try once in a while: dead importers' claims, failed moves, unreadable files."""
        self._next_round = now + max(1.0, self._limits.rescan)
        self._pipeline.recover()
        self._work.moves.extend(document.id for document in self._ledger.unfinished_moves())
        for path in self._unreadable:
            self._scanner.forget(path)
        self._unreadable.clear()

    def _hand_out_files(self, workers: ThreadPoolExecutor) -> None:
        while self._work.files and self._has_room() and not self._is_full:
            file = self._work.files.popleft()
            with self._lock:
                self._taken += 1
            self._begin(workers.submit(self._take, file))

    @property
    def _is_full(self) -> bool:
        """Whether as many new files are taken, or under way, as are wanted."""
        return self._limits.files is not None and self._taken >= self._limits.files

    def _hand_out_moves(self, workers: ThreadPoolExecutor) -> None:
        while self._work.moves and self._has_room():
            self._hand_out(workers, self._work.moves.popleft())

    def _hand_out(self, workers: ThreadPoolExecutor, document_id: int) -> None:
        if document_id not in self._work.documents:
            self._work.documents.add(document_id)
            self._begin(workers.submit(self._resume, document_id))

    def _hand_out_documents(self, workers: ThreadPoolExecutor) -> float | None:
        """Hands out what is due. Returns the seconds until more falls due, or None when nothing will by itself."""
        among = self.touched if self._limits.only_own else None
        now = self._clock.now()
        for document_id in self._pipeline.due(4 * self._limits.concurrency, among=among):
            if not self._has_room():
                return None  # the next worker that is done wakes us
            self._hand_out(workers, document_id)
        # What is due already and was not handed out waits for a worker that is done, or for the line.
        moment = self._ledger.next_due_at(after=now, among=among)
        return None if moment is None else max(0.05, (moment - now).total_seconds())

    # ------------------------------------------------------------ workers

    def _has_room(self) -> bool:
        with self._lock:
            return self._work.running < 2 * self._limits.concurrency

    def _begin(self, future: "Future[None]") -> None:
        with self._lock:
            self._work.running += 1
        future.add_done_callback(self._end)

    def _end(self, future: "Future[None]") -> None:
        with self._lock:
            self._work.running -= 1
            if not future.cancelled() and (error := future.exception()) is not None and self._failure is None:
                self._failure = error
        self.wake.set()

    def _take(self, file: FoundFile) -> None:
        try:
            taken = self._pipeline.take(file, in_place=self._limits.in_place(file))
        except NotReady as error:
            self._log.info("file.not_ready", path=file.relative, message=str(error))
            self._scanner.forget(file.path)
            self._give_back()
            self.rescan()
        except ReadError as error:
            self._note([Problem("file_unreadable", file.path, str(error))])
            self._unreadable.add(file.path)
            self._give_back()
        else:
            self.problems.pop(str(file.path), None)
            self.touched.add(taken.document_id)
            if not taken.is_new:
                self._give_back()

    def _give_back(self) -> None:
        """It was no new file; another one may be taken instead."""
        with self._lock:
            self._taken -= 1

    def _resume(self, document_id: int) -> None:
        try:
            self._pipeline.resume(document_id)
            self.touched.add(document_id)
        finally:
            self._work.documents.discard(document_id)
