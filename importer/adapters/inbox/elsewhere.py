"""What happens in a folder where the system is not Linux, as watchdog tells it."""

import logging
import os
import warnings
from collections.abc import Callable

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

# What can complete a file; a mere read must not wake us, or every scan would ask for the next one.
WAKING: list[type[FileSystemEvent]] = [
    *(FileCreatedEvent, FileMovedEvent, FileModifiedEvent, DirCreatedEvent, DirMovedEvent),
]

_LIBRARY = logging.getLogger("watchdog")


class Events(FileSystemEventHandler):
    """Tells of a folder's events from `start` to `stop`.

    Raises:
        OSError: it cannot be watched.
    """

    is_watching = True
    """The library tells nothing else."""

    def __init__(self, folder: str, *, recursive: bool, changed: Callable[[str | None], None]) -> None:
        self._changed = changed
        self._complaints = _Complaints(changed)
        # watchdog warns where it finds a new folder twice, by its event and by its own look: nothing is lost by that,
        # but where warnings are errors its thread would end.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
        self._observer = Observer()
        self._observer.schedule(self, folder, recursive=recursive, event_filter=WAKING)

    def start(self) -> None:
        _LIBRARY.addHandler(self._complaints)
        try:
            self._observer.start()
        except OSError:
            _LIBRARY.removeHandler(self._complaints)
            self._observer.stop()
            raise

    def stop(self) -> None:
        _LIBRARY.removeHandler(self._complaints)
        self._observer.stop()
        self._observer.join()

    def is_alive(self) -> bool:
        return self._observer.is_alive() and all(emitter.is_alive() for emitter in self._observer.emitters)

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._changed(os.fsdecode(event.dest_path or event.src_path))


class _Complaints(logging.Handler):
    """watchdog tells of lost events in its log only. Whatever it complains of, some may be lost."""

    def __init__(self, changed: Callable[[str | None], None]) -> None:
        super().__init__(logging.WARNING)
        self._changed = changed

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - whatever it says
        self._changed(None)
