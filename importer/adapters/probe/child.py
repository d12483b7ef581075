"""The guarded process: reads documents from standard input, answers with their facts, ends with its input.

`python -m importer.adapters.probe.child MEMORY CPU`: bytes of address space, seconds of processor time a document. It
opens no file and no connection; the limits are there for the parsers.
"""

import gc
import json
import logging
import math
import resource
import signal
import sys
import time
from contextlib import suppress

from importer.adapters.probe.frames import READY, read_frame, write_frame
from importer.adapters.probe.inspect import inspect


def main(memory: int, cpu: int) -> None:
    _isolate(memory)
    with open(0, "rb", buffering=0) as source, open(1, "wb", buffering=0) as sink:
        write_frame(sink, READY)
        _allow_cpu(cpu)
        while (content := read_frame(source, memory)) is not None:
            write_frame(sink, json.dumps(inspect(content).as_json()).encode())
            # The answer is out, so tidying up costs nobody time.
            gc.collect()
            _allow_cpu(cpu)


def _isolate(memory: int) -> None:
    # Ctrl-C is for the parent, which ends this process by closing its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The parsers' complaints become facts; nobody reads them here, and the pipe is for answers only.
    logging.disable()
    sys.stdout = sys.stderr
    # What is imported stays; without this every collection below would go through it again.
    gc.freeze()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, 32)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_AS, memory)


def _allow_cpu(seconds: int) -> None:
    """So much more from here; beyond it the kernel ends the process with SIGXCPU."""
    _limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + seconds)


def _limit(kind: int, value: int) -> None:
    """Set the soft limit, as low as the hard one at most; the hard one stays, so that it can be raised again."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # macOS refuses a limit on the address space; the limits on time hold there all the same.
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, hard))


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main(int(sys.argv[1]), int(sys.argv[2]))
