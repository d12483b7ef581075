"""What comes in: looks at the inbox in small steps, and keeps short queues of the files to take next.

A million files may wait in the inbox. The queues hold a few thousand, and the scanner finds the others again when their
turn comes. A file that arrives meanwhile goes before them, and before files that have arrived a little earlier: those
are a backlog by now. The first look may take minutes: files are taken as soon as it has found as many as are looked at
together.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from importer.adapters.inbox import FoundFile, Problem, Scan, Scanner
from importer.adapters.ledger import Ledger, LedgerError
from importer.announced import Announced
from importer.batches import sighting_of
from importer.clock import Clock

QUEUED = 4096
"""Files of a backlog that are looked at together (`importer.batches`), and wait in memory."""

FRESH = 1024
"""Fresh files that wait in memory; of more, the latest come in one by one as the others are taken."""

BREATH = 0.1
"""Seconds between two looks, or two gatherings of a backlog."""

BLINK = 0.005
"""Seconds between two reactions to events, at least: they come in bursts."""

STEP = 0.02
"""Seconds that a look goes on before what is under way is seen to."""

AHEAD = 128
"""Files of a queue, the next ones, that are asked for again where other importers may have taken them meanwhile."""

GLANCE = 0.25
"""Seconds between two such questions."""

INBOX_MISSING = "inbox_missing"
"""The problem that means that nothing of the inbox can be seen."""

SHARE = 10
"""A look at everything that takes a second comes once in so many seconds, however short the rescan time is; so does a
reaction to events."""


class Survey(Protocol):
    """`importer.pipeline.Pipeline.survey`."""

    def __call__(self, files: Sequence[FoundFile], *, is_idle: bool) -> None: ...


class Intake:
    """Belongs to the service's main thread, but for `changed` and `retry`.

    Importers that share a ledger find the same files in the same order. Each takes what it found together in an order
    of its own, and leaves out what another one has taken: no two of them work through it side by side, each reading
    all of it.

    Args:
        rescan: seconds between two looks at everything when nothing asks for one.
        accepts: which of the files count.
        survey: told of new files before they can be taken.
        is_known: told of a file's document, where the ledger has it already.
    """

    def __init__(
        self,
        scanner: Scanner,
        ledger: Ledger,
        *,
        rescan: float,
        accepts: Callable[[FoundFile], bool],
        survey: Survey,
        is_known: Callable[[int], None],
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._scanner = scanner
        self._ledger = ledger
        self._rescan = rescan
        self._accepts = accepts
        self._survey = survey
        self._is_known = is_known
        self._clock = clock
        self._log = log
        self._told: deque[FoundFile] = deque()
        """Told of by events, the latest first."""
        self._found: deque[FoundFile] = deque()
        """New in a later look than the first one; before that, everything is backlog."""
        self._files: deque[FoundFile] = deque()
        self._more = self._more_fresh = False
        self._breath = BLINK
        self._settles_at: float | None = None
        self._began = self._ended = self._next_look = self._next_gathering = clock.steady()
        self._gathered = self._ended - BREATH
        self._next_glance = self._began + GLANCE
        self._is_begun = False
        """Whether a look at everything is under way."""
        self._looks = 0
        self._announced = Announced()
        self._is_looked_through = False
        """Whether a look at everything has ended whose findings were not taken in yet."""
        self.look_seconds: float | None = None
        """How long the last look at everything took."""
        self.unannounced = 0
        """Files that no event has told of: only a look at everything has found them."""
        self.blind: Problem | None = None
        """Why the last look at everything could not see the inbox; None when it could."""
        self.problems: dict[str, str] = {}
        """Files and folders that could not be looked at, with the reason; they stay where they are."""

    # ------------------------------------------------------------ told by others

    def changed(self, path: str | None, *, was_renamed: bool = False) -> None:
        """An event: something has changed there, or somewhere; see `Scanner.hint`. From any thread."""
        self._announced.note(path)
        self._scanner.hint(path, was_renamed=was_renamed)

    def retry(self, path: Path) -> None:
        """A file that was taken, and was not ready after all. From any thread."""
        self._announced.note(str(path))
        self._scanner.forget(path)

    def note(self, problems: Sequence[Problem]) -> None:
        """Once for each of them: a folder that cannot be seen is a problem in every look."""
        for problem in problems:
            if self.problems.get(str(problem.path)) != problem.message:
                self.problems[str(problem.path)] = problem.message
                self._log.warning(f"scan.{problem.code}", path=str(problem.path), message=problem.message)

    # ------------------------------------------------------------ what is there

    def next_fresh(self) -> FoundFile | None:
        """The next one that has just come."""
        queue = self._told or self._found
        return queue.popleft() if queue and len(self._files) >= self._held_back else None

    def next_of_backlog(self) -> FoundFile | None:
        """The next one of those that lay there before."""
        return self._files.popleft() if len(self._files) > self._held_back else None

    @property
    def has_files(self) -> bool:
        """Whether any complete file waits to be taken, or may turn up any moment."""
        is_behind = self._looks == 0 or self._scanner.is_looking or self._next_gathering <= self._clock.steady()
        return self._queued > 0 or self._more or self._more_fresh or is_behind

    @property
    def looks(self) -> int:
        """How often everything was looked at."""
        return self._looks

    @property
    def is_unsettled(self) -> bool:
        """Whether any file may count as complete later."""
        return self._settles_at is not None or self._scanner.has_news or self._scanner.has_lost_track

    @property
    def waiting(self) -> int:
        """Files that were not taken yet, as far as they are known."""
        return self._queued + self._scanner.waiting

    @property
    def _held_back(self) -> int:
        """As many files of a backlog stay while the first look goes on: those after them may belong to their batch."""
        return QUEUED if self._scanner.is_in_first_look else 0

    @property
    def _most(self) -> int:
        """Files of the backlog that wait in memory, at most."""
        return self._held_back + FRESH if self._scanner.is_in_first_look else QUEUED

    @property
    def _queues(self) -> tuple[deque[FoundFile], ...]:
        return self._told, self._found, self._files

    @property
    def _queued(self) -> int:
        return sum(map(len, self._queues))

    @property
    def unsettled(self) -> list[str]:
        """Paths of some of the files that are not complete."""
        return self._scanner.unsettled

    def go_on(self, *, is_busy: bool, is_full: bool) -> float:
        """A step; returns the seconds until another one is worthwhile.

        Args:
            is_busy: whether anything is under way.
            is_full: whether no more files are wanted.
        """
        now = self._clock.steady()
        if not self._is_begun and now >= self._look_at:
            self._is_begun, self._began = True, now
            self._scanner.begin()
        if self._scanner.is_looking:
            self._look(now)
            now = self._clock.steady()
        if now >= self._gather_at:
            room = 0 if is_full else max(0, self._most - len(self._files))
            self._take_in(self._scanner.gather(now, room, self._fresh_room), is_busy=is_busy)
            self._breath = min(BREATH, max(BLINK, SHARE * (self._clock.steady() - now)))
        if not is_full:  # what nobody here will take is nobody's business here
            self._leave_out_taken(now)
        return 0.0 if self._scanner.is_looking else max(0.0, min(self._look_at, self._gather_at) - self._clock.steady())

    @property
    def _look_at(self) -> float:
        """When to begin with a look at everything."""
        if self._scanner.has_lost_track:
            return min(self._next_look, self._ended + max(BREATH, self.look_seconds or 0.0))
        return self._next_look

    @property
    def _fresh_room(self) -> int:
        return max(0, FRESH - len(self._told) - len(self._found))

    @property
    def _gather_at(self) -> float:
        moment = self._next_gathering
        if self._more and len(self._files) <= (self._held_back + self._most) // 2:
            moment = min(moment, self._gathered + BREATH)
        if self._scanner.has_news or (self._more_fresh and self._fresh_room):
            moment = min(moment, self._gathered + self._breath)
        return moment

    def _look(self, now: float) -> None:
        end = now + STEP
        while self._scanner.go_on(now):
            now = self._clock.steady()
            if now >= end:
                return
        self._next_gathering = now = self._clock.steady()
        if self._is_begun:
            self._is_begun, self._looks, self._ended = False, self._looks + 1, now
            if self._looks == 1:
                self._announced.begin(self._clock.now())
            self._is_looked_through, self.look_seconds = True, now - self._began
            self._next_look = max(self._began + self._rescan, now + SHARE * (now - self._began), now + BREATH)

    def _take_in(self, scan: Scan, *, is_busy: bool) -> None:
        self.note(scan.problems)
        if self._is_looked_through:
            self._is_looked_through = False
            self.blind = next((problem for problem in scan.problems if problem.code == INBOX_MISSING), None)
        now = self._clock.steady()
        self._gathered, self._more, self._more_fresh = now, scan.more, scan.more_fresh
        self._settles_at = None if scan.next_look is None else now + scan.next_look
        self._next_gathering = float("inf") if scan.next_look is None else now + max(BREATH / 10, scan.next_look)
        try:
            fresh = self._unknown(scan.settled[: scan.fresh])
            others = self._unknown(scan.settled[scan.fresh :])
        except LedgerError:
            for file in scan.settled:  # to the scanner they are handed out: it would never find them again
                self._scanner.forget(file.path)
            raise
        self.unannounced += sum(self._announced.is_news(file) for file in (*fresh, *others))
        if not self._queued and not self.is_unsettled:
            self._announced.forget()
        self._survey([*fresh, *others], is_idle=not self._queued and not is_busy)
        for file in (*fresh, *others):
            self._log.debug("file.settled", path=file.relative)
        if self._ledger.is_shared:
            random.shuffle(fresh)
            random.shuffle(others)
        self._told.extendleft(file for file in reversed(fresh) if file.told)
        found = self._found if self._looks > 1 else self._files
        found.extendleft(file for file in reversed(fresh) if not file.told)
        self._files.extend(others)

    def _leave_out_taken(self, now: float) -> None:
        """What another importer has taken since it was found is not even read."""
        if self._ledger.is_shared and self._queued and now >= self._next_glance:
            for queue in self._queues:
                ahead = list(islice(queue, AHEAD))
                unknown = self._unknown(ahead)  # asked first: without an answer the queue stays as it is
                for _ in ahead:
                    queue.popleft()
                queue.extendleft(reversed(unknown))
            self._next_glance = self._clock.steady() + GLANCE

    def _unknown(self, files: Sequence[FoundFile]) -> list[FoundFile]:
        """Those of the files that count and that the ledger does not know as they are now."""
        wanted = list(filter(self._accepts, files))
        known = self._ledger.seen_among([sighting_of(file) for file in wanted]) if wanted else {}
        for document_id in known.values():
            self._is_known(document_id)
        return [file for file in wanted if str(file.path) not in known]
