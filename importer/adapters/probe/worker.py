"""One guarded child process from the parent's side: started when first needed, replaced when it is no good any more."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import IO

from importer.adapters.probe.frames import READY, read_frame, write_frame
from importer.core.errors import ImporterError
from importer.core.facts import Facts, Failure, Format

START_LIMIT = 60.0
"""Seconds for a child to start; only a machine that is in trouble itself takes longer."""
MAX_ANSWER = 16 * 1024 * 1024
PIPE = 1024 * 1024
"""Bytes: as many as Linux gives an ordinary user."""


Starting = Callable[[], AbstractContextManager[None]]
"""Around the start of a child: it inherits what the thread that starts it may use."""


class ProbeError(ImporterError):
    """The inspection as such does not work; no document is to blame, and none may be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one document may take."""

    seconds: float = 60.0
    """By the clock."""
    cpu_seconds: int = 20
    memory: int = 1024**3
    """Bytes of address space of the child."""
    text: int = 0
    """Characters of a PDF's text layer that come back with the facts; 0: it is not read."""
    documents: int = 5000
    """After so many the child is replaced, so that no leak in a parser can grow."""


class Worker:
    """One child at a time, and one document at a time: threads wait for one another."""

    def __init__(self, limits: Limits, starting: Starting) -> None:
        self._limits = limits
        self._starting = starting
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._inspected = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the child that is ready, or at work."""
        process = self._process
        return process.pid if process else None

    def inspect(self, content: bytes) -> Facts:
        """The facts, or the failure that the content brought about.

        Raises:
            ProbeError: no child can be started.
            ValueError: the worker is closed.
        """
        # The parsers hold the bytes several times over.
        if len(content) > self._limits.memory // 4:
            return _failed(content, Failure.TOO_COMPLEX)
        with self._lock:
            if self._closed:
                raise ValueError("the probe is closed")
            try:
                used = self._process is not None
                outcome = self._attempt(content)
                # A child can also be killed from outside, and what earlier documents have left in it counts against its
                # memory: once is not yet the content's fault.
                if outcome is Failure.CRASHED or (used and isinstance(outcome, Facts) and outcome.failure):
                    outcome = self._attempt(content)
                return outcome if isinstance(outcome, Facts) else _failed(content, outcome)
            except BaseException:
                # An answer left in the pipe would be taken for the next document's.
                self._stop()
                raise

    def get_ready(self) -> None:
        """Starts the child, where there is none, before a document wants it."""
        with self._lock, suppress(ProbeError):
            if not self._closed:
                self._process = self._process or self._start()

    def close(self) -> None:
        """End the child, once it has answered."""
        with self._lock:
            self._closed = True
            self._stop()

    def _attempt(self, content: bytes) -> Facts | Failure:
        """What the child says; how it failed where it says nothing."""
        process = self._process = self._process or self._start()
        facts, is_overrun = None, False
        try:
            facts = _exchange(process, content, time.monotonic() + self._limits.seconds)
        except _Overrun:
            is_overrun = True
        self._inspected += 1
        if facts is None:
            is_overrun = self._stop() == -signal.SIGXCPU or is_overrun
            return Failure.TOO_COMPLEX if is_overrun else Failure.CRASHED
        if facts.failure or self._inspected >= self._limits.documents:
            self._stop()
        return facts

    def _start(self) -> subprocess.Popen[bytes]:
        self._inspected = 0
        command = [sys.executable, "-I", "-B", "-m", "importer.adapters.probe.child"]
        command += [str(self._limits.memory), str(self._limits.cpu_seconds), str(self._limits.text)]
        with self._starting():
            process = _spawn(command)
        try:
            greeting = _receive(process, time.monotonic() + START_LIMIT)
        except _Overrun:
            greeting = None
        except BaseException:
            _end(process)
            raise
        if greeting is not None and greeting != READY:
            _end(process)
            raise ProbeError("the importer was replaced by another version while it runs: restart it")
        if greeting is None:
            # It has closed its output and is about to end; killed before, it could not tell its status.
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
            raise ProbeError(
                f"the inspection of documents does not start (exit status {_end(process)}); "
                f"to see why, run: {' '.join(command)}"
            )
        return process

    def _stop(self) -> int | None:
        process, self._process = self._process, None
        return None if process is None else _end(process)


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(  # noqa: S603  # nosec B603  # our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise ProbeError(f"the inspection of documents cannot be started: {error}; run importer doctor") from error
    for pipe in (process.stdin, process.stdout):
        assert pipe
        os.set_blocking(pipe.fileno(), False)
        # Room for most documents as a whole; where the system has none, they go in pieces.
        with suppress(OSError, AttributeError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE)
    return process


def _end(process: subprocess.Popen[bytes]) -> int:
    """Kill and reap it, if it has not ended: its exit status."""
    process.kill()
    with process:
        return process.wait()


def _environment() -> dict[str, str]:
    """Nothing but what an interpreter may need to find its own libraries."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


class _Overrun(Exception):
    """The time is over."""


class _Pipe:
    """This end of a pipe to the child, which is waited for until a moment of the steady clock.

    A timer beside a blocking pipe would do as well, but cost a thread for each document.
    """

    def __init__(self, stream: IO[bytes] | None, events: int, by: float) -> None:
        assert stream
        self._descriptor = stream.fileno()
        self._events = events
        self._by = by

    def read(self, size: int) -> bytes:
        while True:
            try:
                return os.read(self._descriptor, size)
            except BlockingIOError:
                self._wait()

    def write(self, part: memoryview) -> int:
        while True:
            try:
                return os.write(self._descriptor, part)
            except BlockingIOError:
                self._wait()

    def _wait(self) -> None:
        """Raises _Overrun where nothing has moved by then."""
        poll = select.poll()
        poll.register(self._descriptor, self._events)
        left = self._by - time.monotonic()
        if left <= 0 or not poll.poll(1000 * left):
            raise _Overrun


def _exchange(process: subprocess.Popen[bytes], content: bytes, by: float) -> Facts | None:
    """The child's answer; None where it died over it, or made no sense.

    Raises:
        _Overrun: it has not come by then.
    """
    with suppress(BrokenPipeError):
        write_frame(_Pipe(process.stdin, select.POLLOUT, by), content)
    answer = _receive(process, by)
    try:
        return Facts.from_json(json.loads(answer)) if answer else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _receive(process: subprocess.Popen[bytes], by: float) -> bytes | None:
    return read_frame(_Pipe(process.stdout, select.POLLIN, by), MAX_ANSWER)


def _failed(content: bytes, failure: Failure) -> Facts:
    return Facts(format=Format.UNKNOWN, size=len(content), failure=failure)
