"""What waits in great numbers: complete files that nobody remembers by name, found again folder by folder."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from math import inf

from importer.adapters.inbox.known import HANDED, KnownFolder, mark_of
from importer.adapters.inbox.look import is_complete
from importer.adapters.inbox.walk import Entry, FoundFile, NamedFile, Selection, listing_of


class Backlog:
    """Hands out a backlog bit by bit, and remembers how far it has come."""

    def __init__(self, folders: dict[str, KnownFolder], selection: Selection) -> None:
        self._folders = folders
        self._selection = selection
        self._now = 0.0
        self._is_busy: Callable[[str], bool] = lambda _: False
        self._files: Iterator[FoundFile] | None = None
        self._folder = ""
        """Where it has come to."""
        self.due = inf
        """When it is worthwhile to begin at the first folder."""

    @property
    def is_begun(self) -> bool:
        """Whether more may be handed out at once."""
        return self._files is not None

    def gather(self, now: float, limit: int, is_busy: Callable[[str], bool]) -> list[FoundFile]:
        """So many files, if there are so many; but none in a folder that is being looked at.

        What is passed over there is found when that look has ended: it tells when it is worthwhile to begin anew.
        """
        if self._files is not None and is_busy(self._folder):
            return []
        self._now, self._is_busy = now, is_busy
        if self._files is None and is_complete(self.due, now):
            self.due = inf
            self._files = self._everywhere()
        files: list[FoundFile] = []
        while self._files is not None and len(files) < limit:
            file = next(self._files, None)
            if file is None:
                self._files = None
            else:
                files.append(file)
        return files

    def _everywhere(self) -> Iterator[FoundFile]:
        for folder in sorted(self._folders):
            known = self._folders.get(folder)
            if known is None or not known.waiting or self._is_busy(folder):
                continue
            self._folder = folder
            if known.names is not None:
                yield from self._in(folder, known, [NamedFile(f"{folder}/{name}") for name in known.names])
                continue
            with suppress(OSError), listing_of(folder, follow=folder == str(known.root)) as listing:
                yield from self._in(folder, known, listing)

    def _in(self, folder: str, known: KnownFolder, listing: Iterable[Entry]) -> Iterator[FoundFile]:
        after = 0
        for entry in listing:
            if not known.waiting:
                return
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                position = known.records.find(mark_of(entry.name, status), after)
                if position < 0:
                    continue  # ignored, or changed since the last look
                after = position + 1
                due = known.records.due[position]
                if due == HANDED or not self._selection.releases(folder, entry.name):
                    continue
                if not is_complete(due, self._now):
                    self.due = min(self.due, due)
                    continue
                known.hand_out(position)
                yield FoundFile.at(f"{folder}/{entry.name}", known.root, status)
