"""The scan is the truth about the inbox; events only say where it is worthwhile to look first."""

import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, isfinite
from pathlib import Path

from importer.adapters.inbox.backlog import Backlog
from importer.adapters.inbox.known import KnownFolder
from importer.adapters.inbox.look import Look, Newcomer, is_complete
from importer.adapters.inbox.newcomers import Hint, Newcomers
from importer.adapters.inbox.walk import FoundFile, Problem, Selection
from importer.core.naming import DoneFile, IgnoredNames

HINTS = 4096
"""Of more changes than this, only the latest are looked at one by one: a look at everything finds the others."""

LIMIT = 4096
"""As many files of a backlog are handed out at once."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What has settled, and what is still to come."""

    settled: list[FoundFile]
    """Complete, and not handed out before as they are now."""
    fresh: int
    """So many of them, the first ones, have come lately; the others are of a backlog."""
    more: bool
    """Whether further files of the backlog can be handed out at once, or the first look may find some any moment."""
    more_fresh: bool
    """Whether further ones that have come lately can."""
    next_look: float | None
    """Seconds until a file that is known now may settle; None when none is expected to."""
    problems: list[Problem]
    """Folders that cannot be seen, in every look; symbolic links and special files, once."""


class Scanner:
    """Finds files, and hands each out once it is complete. May be shared between threads.

    What it remembers of a file is sixteen bytes. A look at everything (`begin`, then `go_on` until it is through) notes
    what is there; `gather` hands out what has settled, at first what is new, the latest news first, and then the
    backlog, folder by folder, as far as it is asked to. While the first look goes on, what it has found so far is the
    backlog, as far as it is remembered by name.

    Args:
        inbox: the folder where documents arrive, absolute. It may itself be a symbolic link; nothing below it may.
        settle: seconds that a file must look the same.
        recursive: whether folders inside are looked into.
        ignore: glob patterns for names of files and folders.
        done_file: `{name}.done` or the like (`DoneFile.parse`); empty when no marker is waited for.
        exclude: folders and files to leave alone, absolute.
        paths: files and trees to look at instead of the whole inbox, absolute, inside of it or not.
    """

    def __init__(
        self,
        inbox: Path,
        *,
        settle: float,
        recursive: bool = True,
        ignore: Sequence[str] = (),
        done_file: str = "",
        exclude: Collection[Path] = (),
        paths: Sequence[Path] | None = None,
    ) -> None:
        options = {"recursive": recursive, "ignore": ignore, "done_file": done_file, "exclude": exclude, "paths": paths}
        self._afresh: Callable[[], Scanner] = partial(Scanner, inbox, settle=0.0, **options)  # type: ignore[arg-type]
        self._inbox = inbox
        self._paths = [inbox] if paths is None else list(dict.fromkeys(paths))
        self._settle = settle
        left_alone = frozenset(map(str, exclude))
        self._selection = Selection(recursive, IgnoredNames(ignore), DoneFile.parse(done_file), left_alone)
        self._lock = threading.Lock()
        self._folders: dict[str, KnownFolder] = {}
        self._newcomers = Newcomers(self._folders, self._selection, settle)
        self._backlog = Backlog(self._folders, self._selection)
        self._look: Look | None = None
        self._steps: Generator[None, None, None] = _nothing()
        self._looks = 0
        self._has_seen_all = False
        self._trees: deque[tuple[str, Path]] = deque()
        self._named_once: set[Path] = set()
        self._problems: list[Problem] = []
        self._known_oddities: set[Problem] = set()
        self._device: int | None = None
        self._news = threading.Lock()  # never held for long: the watcher and documents must not wait for a look
        self._hints: dict[str, Hint] = {}
        self._told = 0
        self._forgotten: dict[str, Hint] = {}
        self._lost_track = False

    # ------------------------------------------------------------ looking

    def scan(self, now: float, limit: int = LIMIT) -> Scan:
        """Looks at everything once, and gathers.

        Never fails: what cannot be seen is a problem, and nothing there is forgotten.

        Args:
            now: monotonic seconds.
            limit: as many files of a backlog as are wanted.
        """
        self.begin()
        while self.go_on(now):
            pass
        return self.gather(now, limit)

    def begin(self) -> None:
        """A look at everything; one that is under way is given up."""
        with self._lock:
            self._steps.close()
            self._look = None
            with self._news:
                self._lost_track = False  # hints stay: they tell which of the files that it finds come first
            self._trees.clear()
            self._look = look = self._new_look()
            self._steps = self._everything(look)

    def go_on(self, now: float) -> bool:
        """A few milliseconds of looking. False when there is nothing (more) to look at."""
        with self._lock:
            if self._look is None:
                if not self._trees:
                    return False
                self._look = self._new_look()
                self._steps = self._look.tree(*self._trees.popleft())
            self._look.now = now
            if next(self._steps, self) is self:
                self._backlog.due = min(self._backlog.due, self._look.earliest)
                self._look = None
            return self.is_looking

    @property
    def is_looking(self) -> bool:
        """Whether it should go on."""
        return self._look is not None or bool(self._trees)

    # ------------------------------------------------------------ told by others

    def hint(self, path: str | None, *, was_renamed: bool = False) -> None:
        """Something has changed there, or somewhere. May be called from any thread, and returns at once.

        Args:
            path: of a file or folder; None when it cannot be told.
            was_renamed: whether the file got this name, after it was written elsewhere or under another one.
        """
        with self._news:
            if path is None or self._selection.done_file is not None:
                self._lost_track = True
                return
            self._told += 1
            self._hints.pop(path, None)
            self._hints[path] = Hint(self._told, was_renamed)
            if len(self._hints) > HINTS:
                del self._hints[next(iter(self._hints))]
                self._lost_track = True

    def forget(self, path: Path) -> None:
        """Lets a file settle and be handed out again, unchanged though it may be."""
        with self._news:
            self._forgotten[str(path)] = Hint(0, was_renamed=False)

    @property
    def has_news(self) -> bool:
        """Whether gathering is worthwhile because of a hint."""
        return bool(self._hints or self._forgotten)

    @property
    def has_lost_track(self) -> bool:
        """Whether more has changed than can be told: only a look at everything helps."""
        return self._lost_track

    # ------------------------------------------------------------ handing out

    def gather(self, now: float, limit: int = LIMIT, fresh_limit: int = LIMIT) -> Scan:
        """Hands out what is complete: so many files that have come lately, and so many of the backlog."""
        with self._lock:
            self._catch_up(now)
            fresh = self._newcomers.gather(now, fresh_limit, self._is_left_alone, self._is_fresh)
            backlog, more, due = self._of_backlog(now, limit)
            dues = [newcomer.due for newcomer in self._newcomers.files.values() if self._is_fresh(newcomer)]
            more_fresh = len(fresh) == fresh_limit and any(is_complete(due, now) for due in dues)
            if more_fresh:
                dues = [due for due in dues if not is_complete(due, now)]
            earliest = min([*dues, due])
            problems, self._problems = self._problems, []
        next_look = max(0.0, earliest - now) if isfinite(earliest) else None
        return Scan(fresh + backlog, len(fresh), more, more_fresh, next_look, problems)

    def _is_fresh(self, newcomer: Newcomer) -> bool:
        """Whether it has come lately: what the first look finds was there before."""
        return newcomer.told > 0 or not self.is_in_first_look

    def _of_backlog(self, now: float, limit: int) -> tuple[list[FoundFile], bool, float]:
        """So many files of the backlog, whether there may be more at once, and when it is worthwhile to begin anew."""
        if self.is_in_first_look:
            return (
                self._newcomers.gather(now, limit, self._is_left_alone, lambda newcomer: not newcomer.told),
                True,
                inf,
            )
        return self._backlog.gather(now, limit, self._is_inside), self._backlog.is_begun, self._backlog.due

    def files(self) -> Iterator[FoundFile]:
        """All that lies there now, complete or not, whether it was handed out or not; nothing of it is remembered."""
        scanner = self._afresh()
        scan = scanner.scan(0.0)
        yield from scan.settled
        while scan.more:
            scan = scanner.gather(0.0)
            yield from scan.settled

    @property
    def waiting(self) -> int:
        """Files that are known and were not handed out yet, complete or not."""
        with self._lock:
            return sum(known.waiting for known in self._folders.values())

    @property
    def unsettled(self) -> list[str]:
        """Paths of new files that are not complete; not necessarily all."""
        with self._lock:
            return sorted(self._newcomers.files)

    # ------------------------------------------------------------ one look

    @property
    def is_in_first_look(self) -> bool:
        """Whether a look goes on before which the inbox was never seen."""
        return self._look is not None and not self._has_seen_all

    def _new_look(self) -> Look:
        self._looks += 1
        return Look(
            self._folders,
            self._newcomers.files,
            self._selection,
            settle=self._settle,
            number=self._looks,
            is_first=not self._has_seen_all,
        )

    def _everything(self, look: Look) -> Generator[None, None, None]:
        files: dict[tuple[str, Path], list[str]] = {}
        for path in self._paths:
            is_inbox = path == self._inbox
            try:
                status = path.stat(follow_symlinks=is_inbox)
            except OSError as error:
                self._miss(path, error, look)
                continue
            root = self._inbox if path.is_relative_to(self._inbox) else path
            if stat.S_ISDIR(status.st_mode):
                if not is_inbox or self._is_mounted(status.st_dev, look):
                    yield from look.tree(str(path), root)
            elif is_inbox:
                look.missing("inbox_missing", path, "it is not a folder; create the folder")
            elif not self._selection.leaves_alone_below(path, root := root if root != path else path.parent):
                files.setdefault((str(path.parent), root), []).append(path.name)
                self._named_once.add(path)
        for (folder, root), names in files.items():
            yield from look.named(folder, root, names)
        look.drop_vanished()
        self._problems = look.problems + [oddity for oddity in look.oddities if oddity not in self._known_oddities]
        self._known_oddities = set(look.oddities)
        self._has_seen_all = self._has_seen_all or str(self._inbox) not in look.blind

    def _miss(self, path: Path, error: OSError, look: Look) -> None:
        if path == self._inbox:
            look.missing("inbox_missing", path, f"{error.strerror}; mount it or create it")
        elif path not in self._named_once:  # else it was there, and has been put away
            look.missing("path_missing", path, f"{error.strerror}; correct the path")

    def _is_mounted(self, device: int, look: Look) -> bool:
        # What lies under a mount point shows when the file system is unmounted: an empty folder on another device.
        if self._device not in (None, device) and next(self.files(), None) is None:
            why = "it is suddenly empty and on another file system, as if it were not mounted; mount it"
            look.missing("inbox_missing", self._inbox, why)
            return False
        self._device = device
        return True

    # ------------------------------------------------------------ what others have told

    def _catch_up(self, now: float) -> None:
        """Looks at it, but for a folder that must be left alone."""
        with self._news:
            if self._hints.pop(str(self._inbox), None) is not None:
                self._lost_track = True
            forgotten = self._ready(self._forgotten)
            hints = forgotten | self._ready(self._hints)
        for path in forgotten:
            self._newcomers.drop(path)
        self._trees.extend(self._newcomers.observe(hints.items(), now))
        self._backlog.due = min(self._backlog.due, self._newcomers.crowded_out)
        self._newcomers.crowded_out = inf

    def _ready(self, hints: dict[str, Hint]) -> dict[str, Hint]:
        """Those that can be looked at now, taken out of the others."""
        ready = {path: hint for path, hint in hints.items() if not self._is_left_alone(path)}
        for path in ready:
            del hints[path]
        return ready

    def _is_left_alone(self, path: str) -> bool:
        """Whether nothing may be done with a file, for the look at its folder."""
        folder = os.path.split(path)[0]
        return self._is_inside(folder) and self._folders[folder].early is None

    def _is_inside(self, folder: str) -> bool:
        """Whether a look is in the middle of that folder."""
        return self._look is not None and self._look.folder == folder


def _nothing() -> Generator[None, None, None]:
    yield from ()
