"""How long the command line takes to say what it can do: `importer --help` beside `python -c pass`.

python -m benchmarks.startup [--rounds 21]
"""

import statistics
import sys

from benchmarks.home import IMPORTER
from benchmarks.measure import Figure, interleaved, main, options, ratio, run, say

GOAL = 3.0


def figures(*, rounds: int) -> list[Figure]:
    say("\nstart-up ")
    sides = {"ours": lambda: run([IMPORTER, "--help"]), "theirs": lambda: run([sys.executable, "-c", "pass"])}
    runs = interleaved(sides, rounds)
    ours, theirs = ([each.wall for each in runs[side]] for side in ("ours", "theirs"))
    found = ratio(ours, theirs)
    told = f"{1e3 * statistics.median(ours):.0f} ms beside {1e3 * statistics.median(theirs):.0f} ms"
    return [Figure("`importer --help` / `python -c pass`", found.median, GOAL, spread=found.spread, note=told)]


if __name__ == "__main__":
    parser = options(__doc__)
    parser.set_defaults(rounds=21)
    chosen = parser.parse_args()
    main(lambda: figures(rounds=chosen.rounds))
