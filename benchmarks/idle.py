"""What the service costs while nothing happens: share of a core and memory of `importer run`, with an empty inbox.

    python -m benchmarks.idle [--rows 1000000] [--seconds 65]

A real `importer run` with the settings as shipped (a rescan every minute, a heartbeat every 15 seconds) over a ledger
of so many archived documents. Their archived files are not laid out: the service does not look at the archive.
"""

import time

from benchmarks.measure import Figure, cpu_of, main, options, resident_of, say, stopping, workplace
from benchmarks.prefilled import multiply, template
from benchmarks.sink import serving

GOAL_CPU = 0.5
GOAL_MEMORY = 100.0
QUIET = 5.0
"""Seconds without any work after which the start and its first scan are over."""


def wait_until_quiet(pid: int) -> None:
    before = -1.0
    while (used := cpu_of(pid)) > before:
        before = used
        time.sleep(QUIET)


def figures(*, rows: int, seconds: float) -> list[Figure]:
    say(f"\nidle, {rows} archived documents ")
    with workplace() as place, serving(place) as sink:
        home = template(place / "home", sink)
        multiply(home.ledger, rows)
        with stopping(home.start(sink, INBOX__SETTLE="2s")) as service:
            wait_until_quiet(service.pid)
            used, began = cpu_of(service.pid), time.perf_counter()
            time.sleep(seconds)
            share = 100 * (cpu_of(service.pid) - used) / (time.perf_counter() - began)
            if service.poll() is not None:
                raise RuntimeError(f"the service has ended with {service.returncode}")
            memory = resident_of(service.pid) / 1e6
    name = f"with {rows:,} archived documents"
    return [
        Figure(f"CPU of an idle service {name}", share, GOAL_CPU, unit=" %", note=f"of a core, over {seconds:.0f} s"),
        Figure(f"memory of an idle service {name}", memory, GOAL_MEMORY, unit=" MB", note="with its child processes"),
    ]


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=65)
    chosen = parser.parse_args()
    main(lambda: figures(rows=chosen.rows, seconds=chosen.seconds))
