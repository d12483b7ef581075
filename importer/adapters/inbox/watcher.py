"""Tells where something happens in the inbox. An event is only a hint: some are lost, some come early."""

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol, Self

from importer.adapters.inbox.mounts import file_system_of, is_silent
from importer.core.naming import shown

WatchMode = Literal["auto", "events", "polling"]

_LIMITS = {
    errno.ENOSPC: "there are too many watches; raise the sysctl fs.inotify.max_user_watches",
    errno.EMFILE: "there are too many watchers or open files; raise the sysctl fs.inotify.max_user_instances or the "
    "service's LimitNOFILE",
}


class WatcherDied(Exception):
    """Events come no longer, and nobody knows why."""


class _Events(Protocol):
    """Tells of what happens, from a thread of its own."""

    is_watching: bool
    """Whether the folder itself is still the one that is watched, as far as the system tells."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def is_alive(self) -> bool: ...


class Watcher:
    """Watches a folder while its context lasts, where that can be done; otherwise the caller's own rhythm has to do.

    Even with events the caller must scan from time to time: some are lost, and some folders are not watched.

    Args:
        folder: the inbox, absolute.
        changed: called from another thread with the path of a file or folder, often, and must return at once; with
            None when events were lost, because the kernel drops them when too many come at once.
        renamed: called in its place with a file that got this name after it was written, where the system tells that.
    """

    def __init__(
        self,
        folder: Path,
        *,
        recursive: bool,
        mode: WatchMode,
        changed: Callable[[str | None], None],
        renamed: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = folder
        self._recursive = recursive
        self._changed = changed
        self._renamed = renamed or changed
        self._events: _Events | None = None
        self._watched: tuple[int, int] | None = None
        self.effective_mode, self.why = choose_mode(folder, mode)

    effective_mode: Literal["events", "polling"]
    """What is really done; `polling` also while only a part of the folders inside can be watched."""
    why: str
    """For a person: the reason for that mode, with a remedy where there is one."""

    def __enter__(self) -> Self:
        if self.effective_mode == "events":
            self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def keep_watching(self) -> None:
        """Watches anew when the watched folder is gone and another one is there: unmounted, say, and mounted again.

        Raises:
            WatcherDied: a thread that tells of events has ended, and the folder is still there.
        """
        if self._watched is None:
            return
        there = self._identity()
        # What came in the folder's place may have got its very inode.
        if there == self._watched and (self._events is None or self._events.is_watching):
            if self._events is not None and not self._events.is_alive():
                raise WatcherDied(f"the thread that watches {shown(self._folder)} has ended; start the importer again")
        elif there is not None:
            self._end()
            self._begin()
            self._changed(None)

    def _begin(self) -> None:
        self._watched = self._identity()
        try:
            self._events = self._watching()
        except OSError as error:
            self._poll(f"{shown(self._folder)} cannot be watched", error)

    def _end(self) -> None:
        if self._events is not None:
            self._events.stop()
            self._events = None

    def _poll(self, what: str, error: OSError) -> None:
        cause = _LIMITS.get(error.errno or 0, error.strerror)
        self.effective_mode = "polling"
        self.why = f"{what}: {cause}; polling instead"

    def _unwatched(self, error: OSError) -> None:
        """From the thread of the events: those of other folders still come."""
        self._poll(f"not every folder in {shown(self._folder)} can be watched", error)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self._folder.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _watching(self) -> _Events:
        events: _Events
        if sys.platform == "linux":
            from importer.adapters.inbox import inotify  # noqa: PLC0415 - where there is one

            listener = inotify.Listener(self._changed, self._renamed, self._unwatched)
            events = inotify.Events(str(self._folder), recursive=self._recursive, listener=listener)
        else:
            from importer.adapters.inbox import elsewhere  # noqa: PLC0415 - only there is it needed

            events = elsewhere.Events(str(self._folder), recursive=self._recursive, changed=self._changed)
        events.start()
        return events


def choose_mode(folder: Path, mode: WatchMode) -> tuple[Literal["events", "polling"], str]:
    """Whether a folder would be watched or polled, and why; whether a watch can be set shows only when it is tried."""
    if mode != "auto":
        return mode, f'inbox.watch = "{mode}"'
    file_system = file_system_of(folder)
    if file_system is not None and is_silent(file_system):
        return "polling", f"{shown(folder)} is on {file_system}, which does not report what others write"
    return "events", f"{shown(folder)} is on {file_system or 'a file system'}, which reports changes"
