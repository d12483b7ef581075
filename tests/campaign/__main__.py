"""`python -m tests.campaign`: many seeds, a table at the end, exit code 1 when one of them failed.

python -m tests.campaign --seeds 10000          # on two cores
python -m tests.campaign --seed 1234            # one of them, with its story
python -m tests.campaign --seeds 2000 --minutes 5 --write-docs
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.campaign.checker import by_invariant
from tests.campaign.faults_table import rendered
from tests.campaign.runner import bench, run_many
from tests.campaign.schedule import OPTIONAL

DOCS = Path(__file__).parent.parent.parent / "docs" / "faults.md"


def main(arguments=None):
    wanted = _parser().parse_args(arguments)
    options = frozenset(wanted.options)
    if wanted.seed is not None:
        return _one(wanted.seed, options)
    begun = time.monotonic()
    until = begun + 60 * wanted.minutes if wanted.minutes else None
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    results = run_many(seeds, jobs=wanted.jobs, options=options, until=until, report=_progress)
    _table(results, time.monotonic() - begun, "".join(f" --with {option}" for option in sorted(options)))
    if wanted.write_docs:
        hits = sum((result.hits for result in results), Counter())
        DOCS.write_text(rendered(hits, len(results)), encoding="utf-8")
    return 1 if any(result.violations for result in results) else 0


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10000, help="how many schedules")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this one alone and tell its story")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--minutes", type=float, help="begin nothing new after so many minutes")
    parser.add_argument("--with", dest="options", action="append", default=[], choices=OPTIONAL)
    parser.add_argument("--write-docs", action="store_true", help="write docs/faults.md with the counts of this run")
    return parser


def _one(seed, options):
    with bench() as ready:
        result = ready.run(seed, options)
    print(*result.story, sep="\n")
    print("--", *(result.violations or ["all invariants hold"]), sep="\n")
    return 1 if result.violations else 0


def _progress(results):
    failed = [result.seed for result in results if result.violations]
    which = f": {', '.join(map(str, failed[-5:]))}" if failed else ""
    print(f"\r{len(results)} seeds, {len(failed)} failed{which}", end="", file=sys.stderr, flush=True)


def _table(results, seconds, drawn):
    """Counts, then every failure with the command that repeats it."""
    told = [violation for result in results for violation in result.violations]
    hits = sum((result.hits for result in results), Counter())
    counts = {
        "seeds": len(results),
        "documents": sum(result.documents for result in results),
        "effects": sum(result.effects for result in results),
        "kills": sum(result.kills for result in results),
        "faults hit": sum(hits.values()),
        "of the 115, hit": len(hits),
        **by_invariant(told),
        "schedules a second": f"{len(results) / seconds:.1f}",
    }
    print()
    for name, count in counts.items():
        print(f"{name:>20}  {count}")
    for result in (result for result in results if result.violations):
        print(f"seed {result.seed}: {result.violations[0].splitlines()[-1]}")
        print(f"    repeat it with: python -m tests.campaign --seed {result.seed}{drawn}")


if __name__ == "__main__":
    raise SystemExit(main())
