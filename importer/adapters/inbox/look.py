"""One look at folders and files: it goes on a piece at a time, and leaves behind what is known of them."""

import errno
import os
import stat
from collections.abc import Generator, Iterator
from itertools import islice
from math import inf
from pathlib import Path
from typing import NamedTuple

from importer.adapters.inbox.finished import is_finished
from importer.adapters.inbox.known import HANDED, UNVISITED, KnownFolder, Records, mark_of
from importer.adapters.inbox.walk import Entry, NamedFile, Problem, Selection, listing_of, oddity, unseen
from importer.core.naming import shown
from importer.core.settle import RESOLUTION, Settled, Settling, Signature

PIECE = 1000
"""Files looked at without a pause: about three milliseconds."""

FRESH = 1024
"""As many new files have their path remembered, and go first; of all others only their record tells."""

GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""A folder that is gone since its parent was listed, or a link in its place."""


class Newcomer(NamedTuple):
    """A new file that is remembered by name."""

    mark: int
    due: float
    """When it counts as complete."""
    told: int
    """The number of the last event that told of it; 0 when only a look has found it."""


class Look:
    """Compares what lies there with what is known, and brings that up to date.

    Args:
        folders: what is known, by the folder's path; changed in place.
        fresh: new files by path; as many as there is room for.
        selection: which entries count.
        settle: seconds that a file must look the same.
        number: different from that of every other look.
        is_first: whether nothing was looked at before: what it finds is handed out meanwhile.
    """

    def __init__(
        self,
        folders: dict[str, KnownFolder],
        fresh: dict[str, Newcomer],
        selection: Selection,
        *,
        settle: float,
        number: int,
        is_first: bool,
    ) -> None:
        self._folders = folders
        self._fresh = fresh
        self._selection = selection
        self._settle = settle
        self._number = number
        self._is_first = is_first
        self.now = 0.0
        """Monotonic seconds; kept up to date by whoever lets it go on."""
        self.folder: str | None = None
        """The folder that it is in the middle of, and which must be left as it is, but for one that no look came to
        before (`KnownFolder.early`)."""
        self.earliest = inf
        """When the first of the files that wait counts as complete."""
        self.problems: list[Problem] = []
        """Told in every look: as long as they last, something may be there that is not seen."""
        self.oddities: list[Problem] = []
        """Entries that are seen and never taken."""
        self.blind: set[str] = set()
        """Folders of which this look can tell nothing."""

    def tree(self, top: str, root: Path) -> Generator[None, None, None]:
        """Everything below the folder `top`, without following a symbolic link."""
        ahead = [top]
        while ahead:
            folder = ahead.pop()
            known = self._entered(folder, root)
            if known is None:
                continue
            try:
                with listing_of(folder, follow=folder == str(root)) as listing:
                    yield from self._folder(folder, known, listing, ahead)
            except OSError as error:
                # A root must be there.
                if folder == str(root) or error.errno not in GONE:
                    self._unseen(folder, error)
            finally:
                self.folder = None

    def named(self, folder: str, root: Path, names: list[str]) -> Generator[None, None, None]:
        """Files that were named, by the same rules as if they had been found."""
        known = self._entered(folder, root, names)
        if known is not None:
            yield from self._folder(folder, known, iter([NamedFile(f"{folder}/{name}") for name in names]), [])
            self.folder = None

    def missing(self, code: str, path: Path, why: str) -> None:
        self.problems.append(Problem(code, path, f"{shown(path)}: {why}"))
        self.blind.add(str(path))

    def drop_vanished(self) -> None:
        """Forgets folders that this look, of everything, has not come to."""
        for folder in [folder for folder, known in self._folders.items() if known.visit < self._number]:
            if not any(folder == blind or folder.startswith(f"{blind}/") for blind in self.blind):
                del self._folders[folder]
        for known in self._folders.values():
            known.visit = min(known.visit, self._number)  # those that have come since are looked for the next time

    def _entered(self, folder: str, root: Path, names: list[str] | None = None) -> KnownFolder | None:
        """What is known of a folder; None when this look was there before."""
        known = self._folders.get(folder)
        if known is not None and known.visit == self._number:
            return None
        if known is None or (known.names, known.root) != (names, root):
            known = self._folders[folder] = KnownFolder(root, names)
        is_early = self._is_first and known.visit in (0, UNVISITED)
        known.early = set(known.records.marks) if is_early else None
        known.visit = self._number
        self.folder = folder
        return known

    def _folder(
        self, folder: str, known: KnownFolder, listing: Iterator[Entry], ahead: list[str]
    ) -> Generator[None, None, None]:
        old, new = (known.records, Records()) if known.early is None else (Records(), known.records)
        marks, due, size = old.marks, old.due, len(old)
        begin = position = 0  # what lies between them is as it was, and in the same order
        while piece := list(islice(listing, PIECE)):
            for entry in piece:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError as error:
                    self._unreadable(f"{folder}/{entry.name}", error)
                    continue
                mark = mark_of(entry.name, status)
                if position == size or marks[position] != mark:
                    if not self._counts(folder, entry.name, status, ahead):
                        continue
                    new.extend(old, begin, position)
                    begin = position
                    if (found := old.find(mark, position)) < 0:
                        if known.early and mark in known.early and self._is_recorded(folder, entry.name, mark, new):
                            continue
                        new.append(mark, self._first_seen(folder, entry.name, mark, status))
                        continue
                    begin = position = found
                if due[position] < self.earliest and self._selection.releases(folder, entry.name):
                    self.earliest = due[position]
                position += 1
            yield
        if (begin, position) == (0, size) and not len(new):
            old.drop_index()
        else:
            new.extend(old, begin, position)
            known.replace(new)
        known.early = None

    def _counts(self, folder: str, name: str, status: os.stat_result, ahead: list[str]) -> bool:
        """Whether it is a file to take; a folder to go on with is put on the list."""
        if self._selection.leaves_alone(folder, name):
            return False
        if stat.S_ISREG(status.st_mode):
            return True
        if not stat.S_ISDIR(status.st_mode):
            self.oddities.append(oddity(f"{folder}/{name}", status))
        elif self._selection.recursive:
            ahead.append(f"{folder}/{name}")
        return False

    def _is_recorded(self, folder: str, name: str, mark: int, records: Records) -> bool:
        """Whether a file that was told of is known; one that there was no room for by name waits like all others."""
        position = records.find(mark)
        if position >= 0 and records.due[position] < self.earliest and self._selection.releases(folder, name):
            self.earliest = records.due[position]
        return position >= 0

    def _first_seen(self, folder: str, name: str, mark: int, status: os.stat_result) -> float:
        due = due_of(status, self.now, self._settle)
        if self._selection.releases(folder, name):
            if len(self._fresh) < FRESH:
                due = due_by_certainty(f"{folder}/{name}", status, self.now, self._settle)
                self._fresh[f"{folder}/{name}"] = Newcomer(mark, due, told=0)
            self.earliest = min(self.earliest, due)
        return due

    def _unreadable(self, path: str, error: OSError) -> None:
        if error.errno != errno.ENOENT:
            self.problems.append(unseen("file_unreadable", path, error))

    def _unseen(self, folder: str, error: OSError) -> None:
        self.problems.append(unseen("folder_unreadable", folder, error))
        self.blind.add(folder)


def due_of(status: os.stat_result, now: float, settle: float) -> float:
    """When a file that is seen like this for the first time counts as complete, if it stays as it is."""
    verdict = Settling(Signature.of(status), now).verdict(now, settle)
    return now if isinstance(verdict, Settled) else now + (verdict.seconds or 0.0)


def due_by_certainty(
    path: str, status: os.stat_result, now: float, settle: float, *, was_renamed: bool = False
) -> float:
    """The same for a file that would have to wait, and is looked at closely: one that is finished need not."""
    due = due_of(status, now, settle)
    is_certain = due > now and status.st_size > 0 and is_finished(path, was_renamed=was_renamed)
    return now if is_certain else due


def is_complete(due: float, now: float) -> bool:
    """Whether the moment has come, as `importer.core.settle` counts."""
    return due != HANDED and due - now <= RESOLUTION
