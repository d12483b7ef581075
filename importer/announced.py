"""Which files were announced by an event: the others were found only because everything is looked at now and then."""

import threading
from datetime import datetime
from math import inf

from importer.adapters.inbox import FoundFile

ROOM = 16_384
"""Announcements that are remembered at once; while there are more, every file counts as announced."""


class Announced:
    """What the events have told, until the files are taken. `note` may be called from any thread.

    It errs on the side of the events: what it calls unannounced is so.
    """

    def __init__(self) -> None:
        self._since_ns: float = inf
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self._lately: set[str] = set()
        """Those of the time since `forget` was called last: they may belong to files that nobody has seen yet."""
        self._is_overrun = False

    def begin(self, now: datetime) -> None:
        """Everything was looked at once. What was there by then, nobody had to announce."""
        self._since_ns = now.timestamp() * 1e9

    def note(self, path: str | None) -> None:
        """An event: of a file, of a folder with all that is in it, or of something that cannot be told."""
        if path is None:
            return
        with self._lock:
            if len(self._paths) + len(self._lately) < ROOM:
                self._lately.add(path)
            else:
                self._is_overrun = True

    def is_news(self, file: FoundFile) -> bool:
        """Whether no event has told of a file that has come since."""
        if file.signature.ctime_ns < self._since_ns:
            return False
        with self._lock:
            return not self._is_overrun and not any(self._has(str(path)) for path in (file.path, *file.path.parents))

    def forget(self) -> None:
        """Nothing waits to be taken: what was told before the last time can be forgotten."""
        with self._lock:
            self._paths, self._lately, self._is_overrun = self._lately, set(), False

    def _has(self, path: str) -> bool:
        return path in self._paths or path in self._lately
