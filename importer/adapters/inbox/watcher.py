"""Wakes the scan when something happens in the inbox. An event is only a hint: some are lost, some come early."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from importer.adapters.inbox.mounts import file_system_of, is_silent
from importer.core.naming import shown

WatchMode = Literal["auto", "events", "polling"]

# What can complete a file; a mere read must not wake us, or every scan of ours would ask for the next one.
WAKING: list[type[FileSystemEvent]] = [
    *(FileClosedEvent, FileCreatedEvent, FileModifiedEvent, FileMovedEvent, DirCreatedEvent, DirMovedEvent)
]

_LIMITS = {
    errno.ENOSPC: "there are too many watches; raise the sysctl fs.inotify.max_user_watches",
    errno.EMFILE: "there are too many watchers or open files; raise the sysctl fs.inotify.max_user_instances or the "
    "service's LimitNOFILE",
}


class Watcher(FileSystemEventHandler):
    """Watches a folder while its context lasts, where that can be done; otherwise the caller's own rhythm has to do.

    Even with events the caller must scan from time to time: watches of single subfolders can be refused, and the
    kernel drops events when too many come at once.

    Args:
        folder: the inbox, absolute.
        wake: called from another thread, often, and must return at once: `threading.Event.set` is meant.
    """

    def __init__(self, folder: Path, *, recursive: bool, mode: WatchMode, wake: Callable[[], None]) -> None:
        self._folder = folder
        self._recursive = recursive
        self._wake = wake
        self._observer: BaseObserver | None = None
        self.effective_mode, self.why = choose_mode(folder, mode)

    effective_mode: Literal["events", "polling"]
    """What is really done; final once the context is entered."""
    why: str
    """For a person: the reason for that mode, with a remedy where there is one."""

    def __enter__(self) -> Self:
        if self.effective_mode == "events":
            try:
                self._observer = self._watching()
            except OSError as error:
                cause = _LIMITS.get(error.errno or 0, error.strerror)
                self.effective_mode = "polling"
                self.why = f"{shown(self._folder)} cannot be watched: {cause}; polling instead"
        return self

    def __exit__(self, *_: object) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - watchdog's interface
        self._wake()

    def _watching(self) -> BaseObserver:
        observer = Observer()
        try:
            observer.schedule(self, str(self._folder), recursive=self._recursive, event_filter=WAKING)
            observer.start()
        except OSError:
            observer.stop()  # the reader of the events runs already
            raise
        return observer


def choose_mode(folder: Path, mode: WatchMode) -> tuple[Literal["events", "polling"], str]:
    """Whether a folder would be watched or polled, and why; whether a watch can be set shows only when it is tried."""
    if mode != "auto":
        return mode, f'inbox.watch = "{mode}"'
    file_system = file_system_of(folder)
    if file_system is not None and is_silent(file_system):
        return "polling", f"{shown(folder)} is on {file_system}, which does not report what others write"
    return "events", f"{shown(folder)} is on {file_system or 'a file system'}, which reports changes"
