"""What lies in a folder: which entries count, and what cannot be seen."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    told: int = 0
    """The number of the event that told of it: the greater, the later. 0 when only a look has found it."""

    @classmethod
    def at(cls, path: str, root: Path, status: os.stat_result, told: int = 0) -> "FoundFile":
        place = Path(path)
        return cls(place, place.relative_to(root).as_posix(), root, Signature.of(status), told)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not taken, and why."""

    code: str
    """`inbox_missing`, `path_missing`, `folder_unreadable`, `file_unreadable`, `symlink` or `special_file`."""
    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that was named by itself; it can be asked what an entry of a folder can be asked."""

    path: str

    @property
    def name(self) -> str:
        return os.path.basename(self.path)  # noqa: PTH119 - text, and often

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        return os.stat(self.path, follow_symlinks=follow_symlinks)  # noqa: PTH116 - text, and often


Entry = os.DirEntry[str] | NamedFile


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the entries count."""

    recursive: bool
    ignored: IgnoredNames
    done_file: DoneFile | None
    exclude: frozenset[str]

    def leaves_alone(self, folder: str, name: str) -> bool:
        is_marker = self.done_file is not None and self.done_file.is_marker(name)
        return is_marker or name in self.ignored or f"{folder}/{name}" in self.exclude

    def leaves_alone_below(self, path: Path, root: Path) -> bool:
        """Whether the path, or any folder on the way to it, is left alone."""
        folder = str(root)
        for name in path.relative_to(root).parts:
            if self.leaves_alone(folder, name):
                return True
            folder = f"{folder}/{name}"
        return False

    def releases(self, folder: str, name: str) -> bool:
        """Whether the file's done file is there, or none is waited for."""
        return self.done_file is None or os.path.lexists(f"{folder}/{self.done_file.marker_of(name)}")


@contextmanager
def listing_of(folder: str, *, follow: bool = False) -> "Iterator[Iterator[os.DirEntry[str]]]":
    """The entries, in the order of the disk; through a symbolic link in the folder's place only if asked to `follow`.

    By descriptor: then the system need not look up the whole path again for every file.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(folder, flags)
    try:
        with os.scandir(descriptor) as listing:
            yield listing
    finally:
        os.close(descriptor)


def oddity(path: str, status: os.stat_result) -> Problem:
    """What is to be said of an entry that is neither a folder nor a regular file."""
    if stat.S_ISLNK(status.st_mode):
        why = "it is a symbolic link, and links are not followed; put the file itself there"
        return Problem("symlink", Path(path), f"{shown(path)}: {why}")
    why = "it is not a regular file (a pipe, a socket or a device); remove it"
    return Problem("special_file", Path(path), f"{shown(path)}: {why}")


def unseen(code: str, path: str, error: OSError) -> Problem:
    advice = "check the rights of the importer's user, and the disk or network share"
    return Problem(code, Path(path), f"{shown(path)}: cannot be looked at ({error.strerror}); {advice}")
