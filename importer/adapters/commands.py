"""A program of the operator's: started without a shell, told by its standard input, ended when it takes too long."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from importer.core.naming import shown

OURS = ("IMPORTER_", "PG", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_")
"""What the names of variables begin with that are ours alone: credentials, and what systemd hands to its service."""

KEPT = "IMPORTER_CONFIG"

SAID = 500
"""Characters of what a program has said last that are told."""

LOOK = 1.0
"""Seconds between two looks whether anything is to run any more."""

GRACE = 2.0
"""Seconds in which a program that was killed is gone, if it can be killed."""

NOT_OURS = "it has become another user, and may not be ended"


class NotStarted(Exception):
    """There is no such program, or it may not be run; nothing of it has happened."""


class Command:
    """One at a time, from one thread; ended from any.

    Args:
        arguments: the program and what it is given.
        folder: its working directory.
        environ: our own variables; it gets those that are no secret.
        timeout: for a run.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str], timeout: timedelta) -> None:
        self._arguments = list(arguments)
        self._folder = folder
        self._environ = {name: value for name, value in environ.items() if _is_for_all(name)}
        self.timeout = timeout
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ended = False

    def run(self, content: bytes, variables: Mapping[str, str]) -> str | None:
        """Why it has failed; None when it has ended with 0.

        Raises:
            NotStarted: it could not be started, or none is to be started any more; or the one before lives on.
        """
        # Files, not pipes: whatever it starts and leaves behind holds nobody up.
        with ExitStack() as files:
            try:
                told, said = (files.enter_context(_file(text)) for text in (content, b""))
            except OSError as error:
                raise NotStarted(f"there is no room for its input: {error.strerror}") from error
            process = self._started(told.fileno(), said.fileno(), variables)
            late = f"after {self.timeout.total_seconds():g} s (hooks.timeout)"
            if not self._ends_in_time(process):
                _kill(process)
                if not _ends(process, GRACE):
                    return f"it still runs {late}: {NOT_OURS}"
                return f"it was ended {late}"
            code = process.returncode
            if code == 0:
                return None
            how = f"it was ended by signal {-code}" if code < 0 else f"it ended with {code}"
            words = _last_of(said.fileno())
            return f"{how}: {words}" if words else how

    def end(self) -> None:
        """Ends the one that runs, with whatever it has started; no other one is started."""
        with self._lock:
            self._is_ended = True
            if process := self._at_work():
                _kill(process)

    def _started(self, told: int, said: int, variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._is_ended:
                raise NotStarted("the importer ends")
            if self._at_work():
                raise NotStarted(f"{self._arguments[0]} still runs: {NOT_OURS}")
            try:
                self._process = process = subprocess.Popen(  # noqa: S603  # nosec B603  # the operator's own, no shell
                    self._arguments,
                    stdin=told,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    cwd=self._folder,
                    env={**self._environ, **variables},
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else str(error)
                raise NotStarted(f"{self._arguments[0]} cannot be started: {why}") from error
            return process

    def _at_work(self) -> "subprocess.Popen[bytes] | None":
        return self._process if self._process is not None and self._process.poll() is None else None

    def _ends_in_time(self, process: "subprocess.Popen[bytes]") -> bool:
        end = time.monotonic() + self.timeout.total_seconds()
        while (left := end - time.monotonic()) > 0:
            if _ends(process, min(left, LOOK)):
                return True
            if self._is_ended:
                return False
        return False


def _is_for_all(variable: str) -> bool:
    return variable == KEPT or not variable.startswith(OURS)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """With its session: what it has started goes with it. One that has become another user lives on."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _ends(process: "subprocess.Popen[bytes]", within: float) -> bool:
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True


def _file(content: bytes) -> IO[bytes]:
    """To be read from its beginning; gone once it is closed."""
    with ExitStack() as stack:
        file = stack.enter_context(TemporaryFile())
        file.write(content)
        file.seek(0)
        stack.pop_all()
    return file


def _last_of(descriptor: int) -> str:
    """For logs and terminals: on one line, and nothing in it does anything to them."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, 4 * SAID, max(0, size - 4 * SAID)).decode(errors="replace")
    return shown(" ".join(tail.split())[-SAID:])
