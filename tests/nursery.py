"""Processes of the importer that need not wait for its imports: each is forked from one that has them already.

They are real processes with a command line, an environment, streams and an exit code of their own; but for the second
that an interpreter takes to import everything, of which this suite has hundreds. `tests/test_startup.py` and whatever
uses `World.command` start the program as a user does.
"""

import gc
import importlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

LATER = ["alembic.command", "alembic.config", "rich.console", "rich.progress", "rich.table", "rich.text"]
"""What verbs import only when they come to it."""

ROOT = Path(__file__).parent.parent


class Nursery:
    """Starts them, one at a time."""

    def __init__(self):
        self._process = self._line = None
        self._lock = threading.Lock()

    def run(self, arguments, environ, timeout):
        """As `subprocess.run`, with captured text."""
        with self._lock:
            return self._run(arguments, environ, timeout)

    @property
    def is_busy(self):
        return self._lock.locked()

    def _run(self, arguments, environ, timeout):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = self._start(arguments, environ, out, err)
            try:
                code = child.wait(timeout)
            except TimeoutError:
                self.end()
                raise
            for stream in (out, err):
                stream.seek(0)
            return subprocess.CompletedProcess(arguments, code, out.read().decode(), err.read().decode())

    def start(self, arguments, environ, err):
        """One that is not waited for; before its end there is no other."""
        return self._start(arguments, environ, err, err)

    def _start(self, arguments, environ, out, err):
        line = self._ready()
        line.settimeout(300)  # the first one waits for all imports
        wanted = json.dumps([arguments, environ, str(Path.cwd()), _umask()]).encode()
        socket.send_fds(line, [len(wanted).to_bytes(4, "big")], [out.fileno(), err.fileno()])
        line.sendall(wanted)
        return Child(_number(line), line)

    def begin(self):
        """Starts it now: it is in whatever namespaces the caller is in."""
        self._ready()

    def _ready(self):
        if self._process is None:
            ours, theirs = socket.socketpair()
            command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno())]
            environ = os.environ | {"PYTHONWARNINGS": "error"}
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], env=environ, cwd=ROOT, stdin=subprocess.DEVNULL
            )
            theirs.close()
            self._line = ours
        return self._line

    def end(self):
        """Whatever it has under way is killed."""
        if self._process is not None:
            self._line.close()
            self._process.kill()
            self._process.wait()
            self._process = None


class Child:
    """A process at work, or at its end."""

    def __init__(self, pid, line):
        self.pid = pid
        self._line = line
        self._code = None

    def wait(self, timeout):
        """Its exit code; of one that was killed, the signal's number below zero.

        Raises:
            TimeoutError: it goes on.
        """
        if self._code is None:
            self._line.settimeout(timeout)
            self._code = _number(self._line)
        return self._code

    def poll(self):
        """The same; None while it goes on."""
        with suppress(TimeoutError, BlockingIOError):
            return self.wait(0)
        return None

    def send_signal(self, number):
        """To one that was waited for, nothing is sent."""
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _number(line):
    return int.from_bytes(_exactly(line, 4), "big", signed=True)


def _umask():
    os.umask(umask := os.umask(0o077))
    return umask


def _exactly(line, size):
    content = b""
    while len(content) < size:
        piece = line.recv(size - len(content))
        if not piece:
            raise EOFError("the nursery has ended")
        content += piece
    return content


def _requests(line):
    """What is asked for, each in a process of its own; in the parent it goes on until nobody asks any more."""
    while True:
        size, streams, _, _ = socket.recv_fds(line, 4, 2)
        if not size:
            line.close()
            sys.exit()
        wanted = json.loads(_exactly(line, int.from_bytes(size, "big")))
        child = os.fork()
        if child == 0:
            line.close()
            return wanted, streams
        for stream in streams:
            os.close(stream)
        line.sendall(child.to_bytes(4, "big", signed=True))
        _, status = os.waitpid(child, 0)
        line.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _become(arguments, environ, cwd, umask, streams):
    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv[1:] = arguments
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(
        io.FileIO(2, "w", closefd=False), encoding="utf-8", errors="backslashreplace", write_through=True
    )


def _begin():
    from importer.cli.main import VERBS

    for module in [*(f"importer.cli.{verb}" for verb in VERBS), *LATER]:
        importlib.import_module(module)
    gc.freeze()
    wanted, streams = _requests(socket.socket(fileno=int(sys.argv[1])))
    _become(*wanted, streams)


if __name__ == "__main__":
    import importer.__main__ as program

    sys.argv[0] = program.__file__
    _begin()
    program.main()
