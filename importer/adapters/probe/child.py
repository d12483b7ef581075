"""The guarded process: reads documents from standard input, answers with their facts, ends with its input.

`python -m importer.adapters.probe.child MEMORY CPU TEXT`: bytes of address space; a document's seconds of processor
time, and characters of its text layer. It can open no file and no connection; the limits are there for the parsers.
"""

import gc
import json
import logging
import math
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


def main(memory: int, cpu: int, text: int) -> None:
    with open(0, "rb", buffering=0) as source, open(1, "wb", buffering=0) as sink:
        inspect = inspection()
        _prepare(memory)
        write_frame(sink, READY)
        _allow_cpu(cpu)
        while (content := read_frame(source, memory)) is not None:
            write_frame(sink, json.dumps(inspect(content, text).as_json(with_text=True)).encode())
            # The answer is out, so tidying up costs nobody time.
            gc.collect()
            _allow_cpu(cpu)


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


def _allow_cpu(seconds: int) -> None:
    """So much more from here; beyond it the kernel ends the process with SIGXCPU."""
    limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + seconds)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main(*map(int, sys.argv[1:]))
