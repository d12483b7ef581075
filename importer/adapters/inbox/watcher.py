"""Tells where something happens in the inbox. An event is only a hint: some are lost, some come early."""

import errno
import logging
import os
import sys
import warnings
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

# What can complete a file; a mere read must not wake us, or every scan would ask for the next one. A file that is
# moved in from elsewhere is told as created. Where the system tells of closing, it need not tell of every write.
WAKING: list[type[FileSystemEvent]] = [
    *(FileCreatedEvent, FileMovedEvent, DirCreatedEvent, DirMovedEvent),
    FileClosedEvent if sys.platform == "linux" else FileModifiedEvent,
]

_LIBRARY = logging.getLogger("watchdog")

_LIMITS = {
    errno.ENOSPC: "there are too many watches; raise the sysctl fs.inotify.max_user_watches",
    errno.EMFILE: "there are too many watchers or open files; raise the sysctl fs.inotify.max_user_instances or the "
    "service's LimitNOFILE",
}


class WatcherDied(Exception):
    """Events come no longer, and nobody knows why."""


class Watcher(FileSystemEventHandler):
    """Watches a folder while its context lasts, where that can be done; otherwise the caller's own rhythm has to do.

    Even with events the caller must scan from time to time: watches of single subfolders can be refused.

    Args:
        folder: the inbox, absolute.
        changed: called from another thread with the path of a file or folder, often, and must return at once; with
            None when events were lost, because the kernel drops them when too many come at once.
    """

    def __init__(
        self, folder: Path, *, recursive: bool, mode: WatchMode, changed: Callable[[str | None], None]
    ) -> None:
        self._folder = folder
        self._recursive = recursive
        self._changed = changed
        self._complaints = _Complaints(changed)
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        self.effective_mode, self.why = choose_mode(folder, mode)

    effective_mode: Literal["events", "polling"]
    """What is really done; final once the context is entered."""
    why: str
    """For a person: the reason for that mode, with a remedy where there is one."""

    def __enter__(self) -> Self:
        _LIBRARY.addHandler(self._complaints)
        # watchdog warns where it finds a new folder twice, by its event and by its own look: nothing is lost by that,
        # but where warnings are errors its thread would end.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
        if self.effective_mode == "events":
            self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        _LIBRARY.removeHandler(self._complaints)
        self._end()

    def keep_watching(self) -> None:
        """Watches anew when another folder has come in the place of the watched one: unmounted, say, and mounted again.

        Raises:
            WatcherDied: a thread that tells of events has ended, and the folder is still there.
        """
        if self._watched is None:
            return
        there = self._identity()
        if there == self._watched:
            if self._observer is not None and not self._is_alive(self._observer):
                raise WatcherDied(f"the thread that watches {shown(self._folder)} has ended; start the importer again")
        elif there is not None:
            self._end()
            self._begin()
            self._changed(None)

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._changed(os.fsdecode(event.dest_path or event.src_path))

    def _begin(self) -> None:
        self._watched = self._identity()
        try:
            self._observer = self._watching()
        except OSError as error:
            cause = _LIMITS.get(error.errno or 0, error.strerror)
            self.effective_mode = "polling"
            self.why = f"{shown(self._folder)} cannot be watched: {cause}; polling instead"

    def _end(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self._folder.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _is_alive(self, observer: BaseObserver) -> bool:
        return observer.is_alive() and all(emitter.is_alive() for emitter in observer.emitters)

    def _watching(self) -> BaseObserver:
        observer = Observer()
        try:
            observer.schedule(self, str(self._folder), recursive=self._recursive, event_filter=WAKING)
            observer.start()
        except OSError:
            observer.stop()  # the reader of the events runs already
            raise
        return observer


class _Complaints(logging.Handler):
    """watchdog tells of lost events in its log only. Whatever it complains of, some may be lost."""

    def __init__(self, changed: Callable[[str | None], None]) -> None:
        super().__init__(logging.WARNING)
        self._changed = changed

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - whatever it says
        self._changed(None)


def choose_mode(folder: Path, mode: WatchMode) -> tuple[Literal["events", "polling"], str]:
    """Whether a folder would be watched or polled, and why; whether a watch can be set shows only when it is tried."""
    if mode != "auto":
        return mode, f'inbox.watch = "{mode}"'
    file_system = file_system_of(folder)
    if file_system is not None and is_silent(file_system):
        return "polling", f"{shown(folder)} is on {file_system}, which does not report what others write"
    return "events", f"{shown(folder)} is on {file_system or 'a file system'}, which reports changes"
