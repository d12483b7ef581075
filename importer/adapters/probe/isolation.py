"""What the guarded process gives up before it reads the first document: network, files, programs, resources.

Four fences, one behind the other. The kernel's limits hold on every system; so do the interpreter's audit events
(PEP 578), which stop what code in Python would do. On Linux the process has a network of its own, in which there is
nothing, where ordinary users may make one; and the kernel refuses it the system calls that it needs no more.
"""

import ctypes
import os
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from importer.adapters.probe.seccomp import refuse_system_calls

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x0002_0000, 0x0800_0000, 0x1000_0000, 0x4000_0000
_MAX_OPEN_FILES = 32

# fmt: off
_FORBIDDEN_FAMILIES = frozenset({
    "ctypes", "fcntl", "ftplib", "glob", "http", "imaplib", "mmap", "nntplib", "os", "pathlib", "poplib", "pty",
    "shutil", "signal", "smtplib", "socket", "sqlite3", "subprocess", "syslog", "telnetlib", "tempfile", "urllib",
    "webbrowser",
})
# fmt: on
"""First parts of the names of audit events, as Python's documentation lists them."""
_IMPORTING = frozenset({"os.listdir", "os.scandir"})
"""What the import of a module does, an encoding's for example, when it is first needed."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def isolate(memory: int) -> None:
    """Give everything up, for good, as far as the system has the means; `memory` bytes of address space remain."""
    _leave_the_system()
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, memory),
    ):
        limit(kind, value, hard=True)
    _watch([os.path.realpath(entry) for entry in sys.path if entry])


def limit(kind: int, value: int, *, hard: bool = False) -> None:
    """Set the soft limit, as low as the hard one at most; with `hard` that one too, so that it cannot be raised."""
    _, highest = resource.getrlimit(kind)
    value = value if highest == resource.RLIM_INFINITY else min(value, highest)
    # macOS refuses a limit on the address space; the limits on time hold there all the same.
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, value if hard else highest))


def _leave_the_system() -> None:
    """Into empty namespaces, if the system has them and permits it, and with few calls to the kernel."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWNS)
    refuse_system_calls(libc)


def _watch(importable: Sequence[str]) -> None:
    def forbid(event: str, arguments: tuple[object, ...]) -> None:
        family = event.partition(".")[0]
        if family == "open":
            allowed = _only_imports(importable, *arguments)
        else:
            allowed = family not in _FORBIDDEN_FAMILIES or event in _IMPORTING
        if not allowed:
            raise PermissionError(f"not allowed while a document is inspected: {event}")

    sys.addaudithook(forbid)


def _only_imports(importable: Sequence[str], path: object, mode: object, flags: object) -> bool:
    """Whether a file is opened for reading, and lies where modules are imported from."""
    if not isinstance(path, str | bytes) or (isinstance(flags, int) and flags & _WRITING):
        return False
    if isinstance(mode, str) and set(mode) & set("wax+"):
        return False
    real = os.path.realpath(os.fsdecode(path))
    return any(Path(real).is_relative_to(root) for root in importable)
