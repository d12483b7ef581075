"""The scan is the truth about the inbox; events only say when it is worthwhile."""

import stat
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.adapters.inbox.walk import FoundFile, Look, Problem, Selection, Sighting
from importer.core.naming import DoneFile, IgnoredNames
from importer.core.settle import Settled, Settling, Signature


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan came to."""

    settled: list[FoundFile]
    """Complete, and not handed out before as they are now."""
    next_look: float | None
    """Seconds until another scan may settle a file that is known now; None when none is expected to."""
    problems: list[Problem]
    """Folders that cannot be seen, every time; symbolic links and special files, once."""


class Scanner:
    """Finds files, and hands each out once it is complete. May be shared between threads.

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
        self._inbox = inbox
        self._paths = [inbox] if paths is None else list(paths)
        self._settle = settle
        self._selection = Selection(recursive, IgnoredNames(ignore), DoneFile.parse(done_file), frozenset(exclude))
        self._lock = threading.Lock()
        self._known: dict[Path, Settling] = {}
        self._handed: dict[Path, Signature] = {}
        self._told: set[Problem] = set()
        self._device: int | None = None

    def scan(self, now: float) -> Scan:
        """Looks at everything once. Never fails: what cannot be seen is a problem, and nothing there is forgotten.

        Args:
            now: monotonic seconds.
        """
        look = Look(self._selection)
        for path in self._paths:
            self._look_at(path, look)
        with self._lock:
            self._drop_vanished(look)
            settled, waits = self._observe(look, now)
            problems = look.problems + [oddity for oddity in look.oddities if oddity not in self._told]
            self._told = set(look.oddities)
        return Scan(settled, min(waits, default=None), problems)

    def forget(self, path: Path) -> None:
        """Lets a file settle and be handed out again, unchanged though it may be."""
        with self._lock:
            self._known.pop(path, None)
            self._handed.pop(path, None)

    def _look_at(self, path: Path, look: Look) -> None:
        is_inbox = path == self._inbox
        try:
            status = path.stat(follow_symlinks=is_inbox)
        except OSError as error:
            remedy = "mount it or create it" if is_inbox else "correct the path"
            look.missing("inbox_missing" if is_inbox else "path_missing", path, f"{error.strerror}; {remedy}")
            return
        inside = path.is_relative_to(self._inbox)
        if stat.S_ISDIR(status.st_mode):
            look.tree(path, self._inbox if inside else path)
        elif is_inbox:
            look.missing("inbox_missing", path, "it is not a folder; create the folder")
        else:
            look.file(path, self._inbox if inside else path.parent)
        if is_inbox and path not in look.blind:
            self._check_device(status.st_dev, look)

    def _check_device(self, device: int, look: Look) -> None:
        # What lies under a mount point shows when the file system is unmounted: an empty folder on another device.
        if self._device not in (None, device) and not look.sightings:
            why = "it is suddenly empty and on another file system, as if it were not mounted; mount it"
            look.missing("inbox_missing", self._inbox, why)
        else:
            self._device = device

    def _drop_vanished(self, look: Look) -> None:
        for path in self._known.keys() - look.sightings.keys():
            if look.blind.isdisjoint((path, *path.parents)):
                del self._known[path]
                self._handed.pop(path, None)

    def _observe(self, look: Look, now: float) -> tuple[list[FoundFile], list[float]]:
        settled, waits = [], []
        for path, sighting in look.sightings.items():
            if self._handed.get(path) == sighting.file.signature:
                continue
            verdict = self._settling(sighting, now).verdict(now, self._settle, released=sighting.released)
            if isinstance(verdict, Settled):
                settled.append(sighting.file)
                self._handed[path] = sighting.file.signature
            elif verdict.seconds is not None:
                waits.append(verdict.seconds)
        return settled, waits

    def _settling(self, sighting: Sighting, now: float) -> Settling:
        file = sighting.file
        known = self._known.get(file.path) or Settling(file.signature, now)
        self._known[file.path] = known.seen(file.signature, now)
        return self._known[file.path]
