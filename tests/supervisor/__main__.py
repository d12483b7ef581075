"""`python -m tests.supervisor`: the real service, killed again and again under a faulty sandbox; 1 when that shows.

python -m tests.supervisor --kills 100            # a new seed, which is told
python -m tests.supervisor --kills 100 --seed 7   # the same files, faults and moments once more
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.supervisor.schedule import drawn
from tests.supervisor.supervisor import Supervisor


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.supervisor", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="how many times SIGKILL")
    parser.add_argument("--seed", type=int, default=None, help="draws files, faults and moments")
    parser.add_argument("--keep", type=Path, help="play in this new folder, and keep it")
    wanted = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if wanted.seed is None else wanted.seed
    schedule = drawn(seed, wanted.kills)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = wanted.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=wanted.keep is None)
        result = Supervisor(schedule, folder, report=lambda life: _progress(life, len(schedule.rounds))).play()
    _table(seed, result, time.monotonic() - begun)
    return 1 if result.violations else 0


def _progress(life, lives):
    print(f"\rlife {life} of {lives}", end="", file=sys.stderr, flush=True)


def _table(seed, result, seconds):
    print()
    for name, value in {"seed": seed, **vars(result), "seconds": f"{seconds:.0f}"}.items():
        if name != "violations":
            print(f"{name:>12}  {value}")
    print(*(result.violations or ["all invariants hold"]), sep="\n")


if __name__ == "__main__":
    raise SystemExit(main())
