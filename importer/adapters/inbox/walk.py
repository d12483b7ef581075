"""One look at folders and files: what lies there, and what cannot be seen."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from importer.core.naming import DoneFile, IgnoredNames, shown
from importer.core.settle import Signature


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file, as it was when it was looked at."""

    path: Path
    """Absolute."""
    relative: str
    """To `root`, with slashes; the bytes of the name on disk (surrogateescape)."""
    root: Path
    """The inbox, or the folder that was named, absolute."""
    signature: Signature


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not taken, and why."""

    code: str
    """`inbox_missing`, `path_missing`, `folder_unreadable`, `file_unreadable`, `symlink` or `special_file`."""
    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the entries count."""

    recursive: bool
    ignored: IgnoredNames
    done_file: DoneFile | None
    exclude: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Sighting:
    file: FoundFile
    released: bool
    """Whether its done file exists, or none is waited for."""


@dataclass(slots=True)
class Look:
    """Gathers what one walk sees."""

    selection: Selection
    sightings: dict[Path, Sighting] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    """Told in every look: as long as they last, something may be there that is not seen."""
    oddities: list[Problem] = field(default_factory=list)
    """Entries that are seen and never taken."""
    blind: set[Path] = field(default_factory=set)
    """Folders and files of which this look can tell nothing."""

    def tree(self, top: Path, root: Path) -> None:
        """Everything below the folder `top`, without following a symbolic link."""
        folders = [top]
        while folders:
            folders.extend(self._folder(folders.pop(), root))

    def file(self, path: Path, root: Path) -> None:
        """One file that was named, by the same rules as if it had been found."""
        below = [path, *path.parents][: len(path.relative_to(root).parts)]
        if any(self._is_left_alone(part) for part in below):
            return
        try:
            status = path.lstat()
            names = {entry.name for entry in path.parent.iterdir()} if self.selection.done_file else set()
        except OSError as error:
            self._unseen("file_unreadable", path, error)
        else:
            self._entry(path, status, root, names)

    def missing(self, code: str, path: Path, why: str) -> None:
        self.problems.append(Problem(code, path, f"{shown(path)}: {why}"))
        self.blind.add(path)

    def _folder(self, folder: Path, root: Path) -> Iterable[Path]:
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            # A folder that is gone since its parent was listed is as if it had never been there; a root must be there.
            if folder == root or not isinstance(error, FileNotFoundError | NotADirectoryError):
                self._unseen("folder_unreadable", folder, error)
            return []
        names = {entry.name for entry in entries}
        chosen = [entry for entry in entries if not self._is_left_alone(folder / entry.name)]
        return [path for entry in chosen if (path := self._scanned(folder / entry.name, entry, root, names))]

    def _is_left_alone(self, path: Path) -> bool:
        done_file = self.selection.done_file
        is_marker = done_file is not None and done_file.is_marker(path.name)
        return is_marker or path.name in self.selection.ignored or path in self.selection.exclude

    def _scanned(self, path: Path, entry: os.DirEntry[str], root: Path, names: set[str]) -> Path | None:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._unseen("file_unreadable", path, error)
            return None
        return self._entry(path, status, root, names)

    def _entry(self, path: Path, status: os.stat_result, root: Path, names: set[str]) -> Path | None:
        """The path again where it is a folder to go on with."""
        if stat.S_ISDIR(status.st_mode):
            return path if self.selection.recursive else None
        if stat.S_ISREG(status.st_mode):
            found = FoundFile(path, path.relative_to(root).as_posix(), root, Signature.of(status))
            done_file = self.selection.done_file
            self.sightings[path] = Sighting(found, done_file is None or done_file.marker_of(path.name) in names)
        elif stat.S_ISLNK(status.st_mode):
            why = "it is a symbolic link, and links are not followed; put the file itself there"
            self.oddities.append(Problem("symlink", path, f"{shown(path)}: {why}"))
        else:
            why = "it is not a regular file (a pipe, a socket or a device); remove it"
            self.oddities.append(Problem("special_file", path, f"{shown(path)}: {why}"))
        return None

    def _unseen(self, code: str, path: Path, error: OSError) -> None:
        advice = "check the rights of the importer's user, and the disk or network share"
        self.missing(code, path, f"cannot be looked at ({error.strerror}); {advice}")
