"""What has come lately: files that are remembered by name, looked at one by one, and handed out first."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from importer.adapters.inbox.finished import is_finished
from importer.adapters.inbox.known import HANDED, KnownFolder, mark_of
from importer.adapters.inbox.look import due_of, is_complete
from importer.adapters.inbox.walk import FoundFile, Selection


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
        self.files: dict[str, tuple[int, float]] = {}
        """Mark, and when it counts as complete, by path."""

    def gather(self, now: float, is_busy: Callable[[str], bool]) -> list[FoundFile]:
        """All that are complete, but for those in a folder that a look is in the middle of."""
        ready = sorted(path for path, (_, due) in self.files.items() if is_complete(due, now))
        return [file for path in ready if not is_busy(path) and (file := self._settled(path, now))]

    def observe(self, path: str, now: float) -> Path | None:
        """Looks at one file. Where a folder lies there: the root to which it belongs, and it should be looked into."""
        folder, name = os.path.split(path)
        known = self._folders.get(folder)
        if known is None or not _is_there(folder, known) or (known.names is not None and name not in known.names):
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
            due = now if status.st_size and is_finished(path) else due_of(status, now, self._settle)
            self._note(path, known, mark_of(name, status), due)
        return known.root if stat.S_ISDIR(status.st_mode) and self._selection.recursive else None

    def drop(self, path: str) -> None:
        """As if the file had never been seen as it is now."""
        folder, name = os.path.split(path)
        known = self._folders.get(folder)
        self.files.pop(path, None)
        with suppress(OSError):
            if known is not None and (position := known.records.find(mark_of(name, os.lstat(path)))) >= 0:
                known.forget(position)

    def _settled(self, path: str, now: float) -> FoundFile | None:
        """The file, if it is still as it was."""
        before = self.files[path]
        self.observe(path, now)
        if self.files.get(path) != before:
            return None
        del self.files[path]
        folder, name = os.path.split(path)
        if not self._selection.releases(folder, name):
            return None  # it stays in the backlog, where a look finds its marker
        known = self._folders[folder]
        known.hand_out(known.records.find(before[0]))
        with suppress(OSError):
            return FoundFile.at(path, known.root, os.lstat(path))
        return None

    def _note(self, path: str, known: KnownFolder, mark: int, due: float) -> None:
        if path in self.files and self.files[path][0] != mark:
            self._forget(path, known)
        position = known.records.find(mark)
        if position < 0:
            known.add(mark, due)
        elif known.records.due[position] == HANDED:
            due = HANDED
        else:
            due = known.records.due[position] = min(due, known.records.due[position])
        if due != HANDED:
            self.files[path] = mark, due

    def _forget(self, path: str, known: KnownFolder) -> None:
        mark, _ = self.files.pop(path, (0, 0.0))
        if mark and (position := known.records.find(mark)) >= 0:
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
