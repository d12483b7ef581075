"""Keeps the pipeline busy: scans, begins with files and due documents, tends the line, drains at the end.

One thread (the caller's) decides what is to be done; the pipeline's do it. Between attempts only the ledger remembers a
document, so that a restart is nothing special.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger

from importer.adapters.inbox import FoundFile, Problem, Scanner
from importer.adapters.ledger import Ledger, LedgerUnavailable
from importer.adapters.processor import OneProcessor
from importer.adapters.reading import NotReady, ReadError
from importer.clock import Clock
from importer.core.model import Document
from importer.core.person import is_needed_for
from importer.id_set import IdSet
from importer.intake import Intake
from importer.lanes import under_way
from importer.line import Line
from importer.pipeline import Pipeline
from importer.progress import Progress, Undertaking
from importer.relay import Crew, Runner, Way
from importer.resender import Resender

IDLE = timedelta(days=1).total_seconds()

OUTAGE = 5.0
"""Seconds until a ledger that cannot be reached is asked again."""

BREATH = 0.1
"""Seconds between two questions for what is due, while what is under way changes that all the time."""


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
    outlives_outages: bool = False
    """Go on when the ledger's server has been away, however long."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one turn left behind."""

    next_turn: float
    """Seconds after which another turn is worthwhile even if nothing wakes us."""
    unsettled: bool
    """Whether there are files that are not complete yet."""
    untaken: bool
    """Whether there are complete files that nothing was begun with."""


@dataclass(slots=True)
class _Work:
    """What is to be done, and what is under way."""

    moves: deque[int] = field(default_factory=deque)
    """Documents whose file has not been put away."""
    due: deque[int] = field(default_factory=deque)
    """Documents whose time has come."""
    documents: set[int] = field(default_factory=set)
    """Those that are under way."""
    is_for_fresh: bool = True
    """Whether the next room is for a fresh file."""
    running: int = 0
    resending: bool = False
    """Whether an invoice is being sent again: one at a time, beside the documents."""


class Service:
    """The loop around the pipeline; `run` and `backfill` are two ways to end it."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        scanner: Scanner,
        ledger: Ledger,
        line: Line,
        resender: Resender,
        limits: Limits,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._pipeline = pipeline
        self._resender = resender
        self._ledger = ledger
        self._line = line
        self._limits = limits
        self._clock = clock
        self._log = log
        self._work = _Work()
        self._lock = threading.Lock()
        self._has_ended = threading.Condition(self._lock)
        self._resends = Crew("resender", 1)  # of its own, whatever there is to import
        self._processor = OneProcessor()
        self._failure: BaseException | None = None
        self._taken = 0
        self._next_round = clock.steady()
        self._asked_at, self._due_at, self._is_stale = -BREATH, 0.0, True
        self._line_at = inf
        """When the line is to be tended; from then on it may have room for what is due already."""
        self._unreadable: set[Path] = set()
        self.touched = IdSet()
        """Ids of the documents that this service has had to do with."""
        self.for_a_person: set[int] = set()
        """Those among them that were left to a person."""
        self.intake = Intake(
            scanner,
            ledger,
            rescan=limits.rescan,
            accepts=limits.accepts,
            survey=pipeline.survey,
            is_known=self.touched.add,
            clock=clock,
            log=log,
        )
        self.has_caught_up = False
        """Whether all of the inbox was looked at, and every file in it is in the ledger, as of the last turn."""
        self.on_turn: Callable[[], float] = lambda: IDLE
        """Called in every turn, by the main thread; returns the seconds until it wants to be called again."""
        self.progress = Progress(time.monotonic)
        """What is under way; by a clock that stands still with a suspended machine."""
        self.wake = threading.Event()
        """Set by whoever has news: a document that is done, a watcher, a signal."""

    def run(self, stop: Callable[[Round], bool]) -> None:
        """Turns until `stop` says so, then drains: what is under way is finished, nothing new is begun.

        Raises:
            whatever ended a document's way: a fault of ours, or of the ledger.
        """
        try:
            while True:
                self.wake.clear()
                self._processor.tend(self._clock.steady())
                turn = self.progress.watched(self._survived_turn)
                if self._failure is not None or stop(turn):
                    break
                self.wake.wait(turn.next_turn)
        finally:
            self._log.debug("service.draining")
            self._pipeline.begin_nothing_new()
            self._resender.begin_nothing_new()
            with self._has_ended:
                self._has_ended.wait_for(lambda: self._work.running == 0)
            self._resends.close()
            self._processor.let_go()
        if self._failure is not None:
            raise self._failure

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way."""
        with self._lock:
            return self._work.running > 0

    def changed(self, path: str | None = None) -> None:
        """An event: look there, or at all of the inbox, now instead of at the next regular time."""
        self.intake.changed(path)
        self.wake.set()

    def renamed(self, path: str) -> None:
        """An event: a file has got this name, after it was written elsewhere or under another one."""
        self.intake.changed(path, was_renamed=True)
        self.wake.set()

    def decided(self) -> None:
        """A person has decided: look into the ledger for what is due, now instead of when the next one falls due."""
        with self._lock:
            self._is_stale = True
        self.wake.set()

    @property
    def left(self) -> int:
        """Files found that are not done with."""
        with self._lock:
            running = self._work.running
        return running + self.intake.waiting

    @property
    def problems(self) -> dict[str, str]:
        """Files and folders that could not be looked at, with the reason; they stay where they are."""
        return self.intake.problems

    def _survived_turn(self) -> Round:
        """A turn; without the ledger it comes to nothing, and the next one is tried a little later."""
        try:
            return self._turn()
        except LedgerUnavailable as error:
            if not self._limits.outlives_outages:
                raise
            self._log.warning("ledger.unavailable", at="turn", message=str(error))
            return Round(OUTAGE, unsettled=True, untaken=True)

    def _turn(self) -> Round:
        probe_in = self._tend()
        round_in = self._begin_round()
        intake_in = self.intake.go_on(is_busy=self.is_busy, is_full=self._is_full)
        self._look_for_due()
        self._hand_out()
        due_in = self._due_in()
        self.has_caught_up = self.intake.looks > 0 and self.left == 0
        resend_in = self._hand_out_resend()
        waits = (intake_in, round_in, probe_in, due_in, resend_in, self.on_turn(), IDLE)
        next_turn = min(seconds for seconds in waits if seconds is not None)
        untaken = self.intake.has_files and not self._is_full
        return Round(next_turn, self.intake.is_unsettled, untaken)

    def _recover(self) -> None:
        self._pipeline.recover()
        self._resender.recover()

    # ------------------------------------------------------------ what is there

    def _begin_round(self) -> float:
        """What is worth another try once in a while: dead importers' claims, failed moves, unreadable files.

        Returns the seconds until the next time.
        """
        now = self._clock.steady()
        if now >= self._next_round:
            self._next_round = now + max(1.0, self._limits.rescan)
            self._recover()
            if not self._work.moves:
                self._work.moves.extend(document.id for document in self._ledger.unfinished_moves())
            for path in list(self._unreadable):
                self.intake.retry(path)
            self._unreadable.clear()
        return self._next_round - now

    def _tend(self) -> float | None:
        """Tends the line. Returns the seconds until that is worthwhile again."""
        wait = self._line.tend()
        steady = self._clock.steady()
        if steady >= self._line_at:
            self._is_stale = True
        self._line_at = inf if wait is None else steady + wait
        return wait

    def _hand_out(self) -> None:
        """Every other room is for what is fresh, the others are for what has waited: neither waits for ever."""
        while self._has_room():
            if self._work.is_for_fresh and self._hand_out_file(self.intake.next_fresh):
                self._work.is_for_fresh = False
            elif self._hand_out_waiting():
                self._work.is_for_fresh = True
            elif not self._hand_out_file(self.intake.next_fresh):
                break

    def _hand_out_waiting(self) -> bool:
        return (
            self._hand_out_document(self._work.moves)
            or (self._line.is_open and self._hand_out_document(self._work.due))
            or self._hand_out_file(self.intake.next_of_backlog)
        )

    def _hand_out_file(self, following: Callable[[], FoundFile | None]) -> bool:
        if self._is_full or (file := following()) is None:
            return False
        with self._lock:
            self._taken += 1
        self._begin("take", self._take(file))
        return True

    @property
    def _is_full(self) -> bool:
        """Whether as many new files are taken, or under way, as are wanted."""
        return self._limits.files is not None and self._taken >= self._limits.files

    def _hand_out_document(self, ids: deque[int]) -> bool:
        while ids:
            document_id = ids.popleft()
            if document_id not in self._work.documents:
                self._work.documents.add(document_id)
                self._begin("resume", self._resume(document_id))
                return True
        return False

    def _look_for_due(self) -> None:
        steady = self._clock.steady()
        if self._line.is_open and not self._work.due and steady >= self._asked_at + BREATH:
            self._asked_at, self._is_stale = steady, False
            self._due_at = steady + self._ask_for_due()

    def _due_in(self) -> float:
        """Seconds until it is worthwhile to ask the ledger again what is due."""
        if not self._line.is_open or self._work.due:
            return IDLE  # the line's opening, or the next document that is done, wakes us
        return max(0.0, (self._asked_at + BREATH if self._is_stale else self._due_at) - self._clock.steady())

    def _ask_for_due(self) -> float:
        among = self._own
        now = self._clock.now()
        self._work.due.extend(self._pipeline.due(4 * self._limits.concurrency, among=among))
        # What is due already and was not handed out waits for one that is done, or for the line.
        moment = self._ledger.next_due_at(after=now, among=among)
        return IDLE if moment is None else max(0.05, (moment - now).total_seconds())

    def _hand_out_resend(self) -> float:
        """One at a time, beside the imports. Returns the seconds until it is worthwhile to look again."""
        if self._work.resending:
            return IDLE  # its end wakes us
        resend_id, wait = self._resender.next_due(among=self._own)
        if resend_id is None:
            return wait if self._line.is_open else IDLE
        self._work.resending = True
        self._begin("resend", self._resend(resend_id))
        return IDLE

    async def _resend(self, resend_id: int) -> None:
        try:
            await self._resends.takes_over()
            self._resender.send_for_service(resend_id)
        finally:
            self._work.resending = False

    def is_anything_resent_until(self, deadline: datetime) -> bool:
        """Whether an invoice of one of our documents is to be sent again until then."""
        return self._resender.any_due(deadline, among=self.touched)

    @property
    def _own(self) -> IdSet | None:
        return self.touched if self._limits.only_own else None

    # ------------------------------------------------------------ under way

    def _has_room(self) -> bool:
        with self._lock:
            return self._work.running < under_way(self._limits.concurrency)

    def _begin(self, what: str, way: Way[None]) -> None:
        with self._lock:
            self._work.running += 1
        Runner(way, partial(self._end, self.progress.begin(what))).begin()

    def _end(self, undertaking: Undertaking, _: Any, error: BaseException | None) -> None:
        self.progress.end(undertaking)
        try:
            if error is not None and not self._is_outlived(error) and self._failure is None:
                self._failure = error
        finally:
            with self._has_ended:
                self._is_stale = True
                self._work.running -= 1
                self._has_ended.notify()
            self.wake.set()

    def _is_outlived(self, error: BaseException) -> bool:
        """What could not be written down counts as interrupted: its claim runs out, and somebody settles it."""
        if not self._limits.outlives_outages or not isinstance(error, LedgerUnavailable):
            return False
        self._log.warning("ledger.unavailable", at="worker", message=str(error))
        return True

    async def _take(self, file: FoundFile) -> None:
        try:
            taken = await self._pipeline.take(file, in_place=self._limits.in_place(file))
        except NotReady as error:
            self._log.info("file.not_ready", path=file.relative, message=str(error))
            self.intake.retry(file.path)
            self._give_back()
        except LedgerUnavailable:
            self.intake.retry(file.path)
            self._give_back()
            raise
        except ReadError as error:
            self.intake.note([Problem("file_unreadable", file.path, str(error))])
            self._unreadable.add(file.path)
            self._give_back()
        else:
            self.problems.pop(str(file.path), None)
            self.touched.add(taken.document_id)
            self._note(taken.document)
            if not taken.is_new:
                self._give_back()

    def _note(self, document: Document | None) -> None:
        if document is not None and is_needed_for(document):
            self.for_a_person.add(document.id)
        elif document is not None:
            self.for_a_person.discard(document.id)

    def _give_back(self) -> None:
        """It was no new file; another one may be taken instead."""
        with self._lock:
            self._taken -= 1

    async def _resume(self, document_id: int) -> None:
        try:
            self._note(await self._pipeline.resume(document_id))
            self.touched.add(document_id)
        finally:
            self._work.documents.discard(document_id)
