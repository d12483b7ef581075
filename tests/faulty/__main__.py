"""`python -m tests.faulty`: the real service, killed at its first durable step, at the second, ... until it ends."""

import itertools
import sys
import tempfile
from pathlib import Path

from tests.faulty import machine
from tests.faulty.killing import killed


def main():
    if reason := machine.why_not():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as folder:
        library = machine.build(folder)
        for number in itertools.count(1):
            # After one step is before the next one, but for what the kernel does by itself in between.
            moment = ("before", "after")[number % 2]
            if not killed(Path(folder), library, number, moment):
                break
            print(f"\rkilled {moment} step {number}, and all was well", end="", file=sys.stderr, flush=True)
    print(f"\nkilled at each of {number - 1} steps: each document stored once, nothing lost")


if __name__ == "__main__":
    main()
