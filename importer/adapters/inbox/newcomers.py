"""What has come lately: files that are remembered by name, looked at one by one, and handed out first."""

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import NamedTuple

from importer.adapters.inbox.known import HANDED, UNVISITED, KnownFolder, mark_of
from importer.adapters.inbox.look import FRESH, Newcomer, due_by_certainty, is_complete
from importer.adapters.inbox.walk import FoundFile, Selection


class Hint(NamedTuple):
    """What was told of a path last."""

    told: int
    """The number of the event: the greater, the later."""
    was_renamed: bool
    """Whether a file got this name, after it was written elsewhere or under another one."""


class Newcomers:
    """New files, until they are handed out.

    Args:
        folders: what is known, by the folder's path; changed in place.
        selection: which files count.
        settle: seconds that a file must look the same.
    """

    def __init__(self, folders: dict[str, KnownFolder], selection: Selection, settle: float) -> None:
        self._folders = folders
        self._selection = selection
        self._settle = settle
        self.files: dict[str, Newcomer] = {}
        """By path."""
        self.crowded_out = inf
        """When the first of those counts as complete that there was no room for: they are of the backlog now."""

    def gather(
        self, now: float, limit: int, is_busy: Callable[[str], bool], is_wanted: Callable[[Newcomer], bool]
    ) -> list[FoundFile]:
        """Those that are wanted and complete, what was told of last first; but for those that must be left alone."""
        ready = [
            path
            for path, newcomer in self.files.items()
            if is_complete(newcomer.due, now) and is_wanted(newcomer) and not is_busy(path)
        ]
        ready.sort(key=lambda path: (-self.files[path].told, path))
        return [file for path in ready[:limit] if (file := self._settled(path, now))]

    def observe(self, hints: Iterable[tuple[str, Hint]], now: float) -> Iterable[tuple[str, Path]]:
        """Looks at what was told of; yields folders among it that should be looked into, each with its root."""
        for path, hint in hints:
            if (root := self._observe(path, hint, now)) is not None:
                yield path, root
        self._make_room()

    def drop(self, path: str) -> None:
        """As if the file had never been seen as it is now."""
        folder, name = os.path.split(path)
        known = self._folders.get(folder)
        self.files.pop(path, None)
        with suppress(OSError):
            if known is not None and (position := known.records.find(mark_of(name, os.lstat(path)))) >= 0:
                known.forget(position)

    def _observe(self, path: str, hint: Hint, now: float) -> Path | None:
        """Looks at one file. Where a folder lies there: the root to which it belongs."""
        folder, name = os.path.split(path)
        known = self._folder_of(folder, name)
        if known is None:
            self.files.pop(path, None)
            return None  # whoever finds the folder finds the file
        if self._selection.leaves_alone(folder, name):
            return None
        try:
            status = os.lstat(path)
        except OSError:
            self._forget(path, known)
            return None
        if stat.S_ISREG(status.st_mode):
            due = due_by_certainty(path, status, now, self._settle, was_renamed=hint.was_renamed)
            self._note(path, known, Newcomer(mark_of(name, status), due, hint.told))
        return known.root if stat.S_ISDIR(status.st_mode) and self._selection.recursive else None

    def _folder_of(self, folder: str, name: str) -> KnownFolder | None:
        """What is known of the folder of a file; None where the file is not to be looked for in it."""
        known = self._folders.get(folder) or self._entered(folder)
        is_ours = known is not None and _is_there(folder, known) and (known.names is None or name in known.names)
        return known if is_ours else None

    def _entered(self, folder: str) -> KnownFolder | None:
        """A new folder below one that is known: its first file need not wait for the look into it."""
        above, name = os.path.split(folder)
        if above == folder or not self._selection.recursive or self._selection.leaves_alone(above, name):
            return None
        parent = self._folders.get(above) or self._entered(above)
        if parent is None or parent.names is not None or not _is_there(folder, parent):
            return None
        entered = self._folders[folder] = KnownFolder(parent.root)
        entered.visit = UNVISITED
        return entered

    def _make_room(self) -> None:
        """Of too many, those that were told of last stay."""
        if len(self.files) > 2 * FRESH:
            by_age = sorted(self.files, key=lambda path: self.files[path].told)
            for path in by_age[:-FRESH]:
                self.crowded_out = min(self.crowded_out, self.files.pop(path).due)

    def _settled(self, path: str, now: float) -> FoundFile | None:
        """The file, if it is still as it was."""
        before = self.files[path]
        folder, name = os.path.split(path)
        known = self._folder_of(folder, name)
        try:
            status = os.lstat(path)
        except OSError:
            status = None
        position = -1
        if known is not None and status is not None and mark_of(name, status) == before.mark:
            position = known.records.find(before.mark)
        if known is None or status is None or position < 0:
            self._observe(path, Hint(before.told, was_renamed=False), now)
            return None
        del self.files[path]
        if not self._selection.releases(folder, name):
            return None  # it stays in the backlog, where a look finds its marker
        if known.records.due[position] == HANDED:
            return None  # with the backlog, for want of room among what is fresh
        known.hand_out(position)
        return FoundFile.at(path, known.root, status, before.told)

    def _note(self, path: str, known: KnownFolder, newcomer: Newcomer) -> None:
        if path in self.files and self.files[path].mark != newcomer.mark:
            self._forget(path, known)
        mark, due, told = newcomer
        position = known.records.find(mark)
        if position < 0:
            known.add(mark, due)
        elif known.records.due[position] == HANDED:
            due = HANDED
        else:
            due = known.records.due[position] = min(due, known.records.due[position])
        if due != HANDED:
            self.files[path] = Newcomer(mark, due, told)

    def _forget(self, path: str, known: KnownFolder) -> None:
        newcomer = self.files.pop(path, None)
        if newcomer is not None and (position := known.records.find(newcomer.mark)) >= 0:
            known.forget(position)


def _is_there(folder: str, known: KnownFolder) -> bool:
    """Whether the folder is still a folder on the way from its root, and no symbolic link has taken its place."""
    root = str(known.root)
    while folder != root:
        try:
            if not stat.S_ISDIR(os.lstat(folder).st_mode):
                return False
        except OSError:
            return False
        folder = os.path.split(folder)[0]
    return True
