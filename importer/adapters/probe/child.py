"""The guarded process: reads documents from standard input, answers with their facts, ends with its input.

`python -m importer.adapters.probe.child MEMORY CPU TEXT`: bytes of address space; a document's seconds of processor
time, and characters of its text layer. It can open no file and no connection; the limits are there for the parsers.
"""

import gc
import itertools
import json
import logging
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from importer.adapters.probe.frames import READY, read_frame, write_frame
from importer.adapters.probe.isolation import isolate, limit
from importer.core.facts import Facts

UNWANTED = ("PIL", "fontTools")
"""What pypdf uses where it happens to be installed, for pictures and fonts: no facts must depend on that."""


UNTIDY = 8 * 1024 * 1024
"""Bytes by which this process may grow before what the parsers have left behind is searched for and given back: a
search costs a small document a fifth of its time."""


def main(memory: int, cpu: int, text: int) -> None:
    with open(0, "rb", buffering=0) as source, open(1, "wb", buffering=0) as sink:
        inspect = inspection()
        held = _gauge()
        _prepare(memory)
        write_frame(sink, READY)
        _allow_cpu(cpu)
        tidy = held()
        while (content := read_frame(source, memory)) is not None:
            write_frame(sink, json.dumps(inspect(content, text).as_json(with_text=True)).encode())
            _allow_cpu(cpu)
            # Not by the document's size: a small one may unfold to hundreds of megabytes.
            if held() - tidy >= UNTIDY:
                gc.collect()  # the answer is out, so nobody waits for that
                tidy = held()


def inspection() -> Callable[[bytes, int], Facts]:
    """Whatever inspects documents; only here are the parsers loaded."""
    sys.modules |= dict.fromkeys(UNWANTED)  # type: ignore[arg-type]  # as if they were not there
    from importer.adapters.probe.inspect import inspect  # noqa: PLC0415

    return inspect


def _prepare(memory: int) -> None:
    # Ctrl-C is for the parent, which ends this process by closing its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The parsers' complaints become facts; nobody reads them here, and the pipe is for answers only.
    logging.disable()
    sys.stdout = sys.stderr
    # What is imported stays; without this every collection below would go through it again.
    gc.freeze()
    isolate(memory)


def _gauge() -> Callable[[], float]:
    """Tells how many bytes of memory this process holds; where nobody can tell, more each time."""
    try:
        statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)  # proc_pid_statm(5): the second is resident
    except OSError:
        return itertools.count(0.0, UNTIDY).__next__
    page = os.sysconf("SC_PAGE_SIZE")
    return lambda: int(os.pread(statm, 128, 0).split()[1]) * page


def _allow_cpu(seconds: int) -> None:
    """So much more from here; beyond it the kernel ends the process with SIGXCPU."""
    limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + seconds)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main(*map(int, sys.argv[1:]))
