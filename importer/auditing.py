"""An audit beside everything else: one at a time, in a thread of its own; how far it is can be seen meanwhile."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from structlog.typing import FilteringBoundLogger

from importer.adapters.ledger import LedgerError
from importer.audit import Auditor, LineStopped
from importer.audit_files import STALE, Audit, AuditFiles, kept_progress, last_audit
from importer.clock import Clock
from importer.config import ConfigError

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds for which whoever ends waits for a question that is under way; what was found by then is kept anyway."""


class NotStarted(Exception):
    """There can be no audit now, with a sentence that says why."""


EXPECTED = (LineStopped, NotStarted, LedgerError, ConfigError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things are with audits."""

    last: Audit | None
    """That came to its end, whoever started it."""
    begun_at: datetime | None
    """Of one that is under way or was not finished; None where there is none."""
    invoices: int
    """That this one has looked at."""
    findings: int
    is_running: bool
    """Here."""
    failure: str
    """Why the last one here did not come to its end; empty when it did, or none was begun."""


class Audits:
    """May be asked from any thread.

    Args:
        opened: an auditor, with all that it needs for as long as the context lasts.
        files: where audits are kept.
        account: whose they are.
        clock: what the time is.
        log: told who began one, and what came of it.
    """

    def __init__(
        self,
        opened: Callable[[], AbstractContextManager[Auditor]],
        *,
        files: AuditFiles,
        account: str,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._opened = opened
        self._clock = clock
        self._log = log
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._auditor: Auditor | None = None
        self._failure = ""
        self._last = _OfFile(files.last, lambda: last_audit(files.last, account))
        self._kept = _OfFile(files.progress, lambda: kept_progress(files.progress, account, None, clock.now()))

    def standing(self) -> Standing:
        """Asks nobody but the disk."""
        is_running, auditor = self._is_running, self._auditor
        progress = auditor.progress if auditor else self._kept()
        if progress and not is_running and self._clock.now() - progress.begun_at > STALE:
            progress = None
        return Standing(
            last=self._last(),
            begun_at=progress.begun_at if progress else None,
            invoices=len(progress.done) if progress else 0,
            findings=len(progress.findings) if progress else 0,
            is_running=is_running,
            failure="" if is_running else self._failure,
        )

    def start(self, actor: str, *, fresh: bool) -> bool:
        """Begins one, or goes on with one that was not finished; False when one is under way.

        Args:
            actor: who wants it.
            fresh: start over all the same.
        """
        with self._lock:
            if self._is_running or self._ending.is_set():
                return False
            self._failure, self._auditor = "", None
            # Not waited for at the end of the process: a question may take as long as `api.timeout`.
            self._thread = threading.Thread(target=self._run, args=(actor, fresh), name="audit", daemon=True)
            self._thread.start()
            return True

    def close(self) -> None:
        """Ends what is under way after its present question; another audit goes on with it."""
        with self._lock:
            self._ending.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    @property
    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self, actor: str, fresh: bool) -> None:
        self._log.info("audit.started", actor=actor)
        try:
            with self._opened() as auditor:
                if not fresh:
                    auditor.resume(self._clock.now())
                self._auditor = auditor
                is_whole = auditor.run(self._ending.is_set)
        except EXPECTED as error:
            self._failure = str(error)
            self._log.warning("audit.stopped", message=str(error))
        except Exception as error:  # noqa: BLE001 - it must not take the page or the service with it
            self._failure = f"a fault of the importer ({type(error).__name__}); its log says more"
            self._log.error("audit.failed", exc_info=error)
        else:
            progress = auditor.progress
            event = "audit.finished" if is_whole else "audit.stopped"
            self._log.info(event, invoices=len(progress.done), findings=len(progress.findings))
        finally:
            self._auditor = None


class _OfFile(Generic[T]):
    """What a file says, read anew when it has changed: one of a large audit takes a while to read."""

    def __init__(self, file: Path, read: Callable[[], T | None]) -> None:
        self._file = file
        self._read = read
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._known: T | None = None

    def __call__(self) -> T | None:
        with self._lock:
            try:
                status = self._file.stat()
            except OSError:
                self._seen, self._known = (), None
                return None
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
            if seen != self._seen:
                self._known, self._seen = self._read(), seen
            return self._known
