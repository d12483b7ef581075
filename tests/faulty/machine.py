"""A machine that fails on demand: rules for `faulty.c`, which is compiled where it is needed."""

import ctypes.util
import errno
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("faulty.c")
DURABLE = ("write", "sync", "truncate", "rename", "link", "unlink", "mkdir", "send", "connect")
"""Every call after which something outside of the process is another than before."""
SOCKETS = "socket:"
EVERY = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to which calls; the words are those of `faulty.c`."""

    calls: tuple[str, ...]
    places: tuple[str, ...]
    action: int | str
    first: int = 1
    times: int = EVERY

    def __str__(self):
        fields = (",".join(self.calls), ",".join(self.places), self.action, self.first, self.times)
        return "\t".join(map(str, fields))


def fails(calls, place, code, *, first=1, times=EVERY):
    """`calls` and `place` are one word or several, separated by commas."""
    return Rule(tuple(calls.split(",")), tuple(place.split(",")), getattr(errno, code), first, times)


def killed_at(number, folder, *, moment="before"):
    """SIGKILL at the n-th durable step of all those in this folder and on the network."""
    return Rule(DURABLE, (str(folder), SOCKETS), moment, number, 1)


def why_not():
    """Why system calls cannot be made to fail here; None where they can."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return "wants Linux with glibc, to load a library between Python and the system"
    if shutil.which("cc") is None:
        return "wants a C compiler (cc), to make the library that lets system calls fail"
    if ctypes.util.find_library("sqlite3") is None and "sqlite3" in sys.builtin_module_names:
        return "wants a Python whose SQLite is not linked in"
    return None


def build(folder):
    """The library, compiled into a folder.

    Raises:
        subprocess.CalledProcessError: the compiler says no; the message is its own.
    """
    library = Path(folder) / "faulty.so"
    options = ("-std=gnu11", "-D_LARGEFILE64_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC")
    subprocess.run(["cc", *options, "-o", library, SOURCE, "-ldl"], check=True)
    return library


def environ(library, *rules, log=None):
    """What a process must have in its environment to meet these rules."""
    told = {"LD_PRELOAD": str(library), "FAULTY": ";".join(map(str, rules))}
    return told | ({"FAULTY_LOG": os.fspath(log)} if log else {})
