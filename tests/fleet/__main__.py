"""`python -m tests.fleet`: several importers over one ledger on PostgreSQL; exit code 1 when a seed failed.

python -m tests.fleet --seeds 300 --jobs 4        # hosts in network namespaces, where this is root
python -m tests.fleet --seed 17                   # one of them
"""

import argparse
import time
from collections import Counter

from tests.campaign.checker import by_invariant
from tests.fleet.bench import place, run_many


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.fleet", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=300, help="how many schedules")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--jobs", type=int, default=4, help="schedules at once; they mostly wait")
    parser.add_argument("--minutes", type=float, help="begin nothing new after so many minutes")
    wanted = parser.parse_args(arguments)
    begun = time.time()
    if wanted.seed is not None:
        with place() as made:
            results, cut_by = [made.run(wanted.seed)], {made.cut_by}
    else:
        seeds = range(wanted.first, wanted.first + wanted.seeds)
        until = begun + 60 * wanted.minutes if wanted.minutes else None
        results, cut_by = run_many(seeds, jobs=wanted.jobs, until=until)
    _table(results, cut_by, time.time() - begun)
    return 1 if any(result.violations for result in results) else 0


def _table(results, cut_by, seconds):
    told = [violation for result in results for violation in result.violations]
    counts = {
        "seeds": len(results),
        "importers": sum(result.members for result in results),
        "documents": sum(result.documents for result in results),
        "effects": sum(result.effects for result in results),
        **dict(sorted(sum((result.counts for result in results), Counter()).items())),
        **by_invariant(told),
        "cut off by": ", ".join(sorted(cut_by)),
        "seconds": f"{seconds:.0f}",
    }
    print()
    for name, count in counts.items():
        print(f"{name:>28}  {count}")
    for result in (result for result in results if result.violations):
        print(f"seed {result.seed} (python -m tests.fleet --seed {result.seed}):")
        print(*(f"    {violation}" for violation in result.violations), sep="\n")


if __name__ == "__main__":
    raise SystemExit(main())
