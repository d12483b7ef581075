"""What a ledger on PostgreSQL costs as it grows: its questions and changes among many rows and among few, and its size.

    python -m benchmarks.shared_rows [--rows 10000000] [--minutes 15] [--rounds 5]

Two databases of a throw-away server lie side by side, one with 10^4 documents and one with `--rows`, each with all
that a document leaves behind: an attempt, a sighting and four events. They are multiplied by SQL from one that the
ledger's own verbs have made; after `--minutes` no further rows are added, and the figure says how many there are. Then
every round asks both the same; the figure is the median of the ratio within a round. Syncing is off: what is compared
is the work.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median

from benchmarks.growth import by_policy, candidate, one_document
from benchmarks.measure import Figure, Missing, interleaved, main, options, ratio, say
from importer.adapters.ledger import Claim, Ledger, Move, Sighting
from importer.core.model import State
from tests.postgres import NoPostgres, Server

FEW = 10_000
PORTION = 250_000
GOAL = 1.5
HASH = "encode(sha256(('{}' || n)::bytea), 'hex')"
DISTINCT = {
    "sha256": HASH.format("b"),
    "identity": HASH.format("i"),
    "key": f"{HASH.format('i')} || ':0'",
    "path": "convert_to('0000/Rechnung_RE-2023-' || n || '.pdf', 'UTF8')",
    "location": "convert_to('/archive/2023/01/Rechnung_RE-2023-' || n || '.pdf', 'UTF8')",
    "filename": "convert_to('Rechnung_RE-2023-' || n || '.pdf', 'UTF8')",
    "invoice_reference": "'RE-2023-' || n",
    "inode": "n::text",
    "communication_reference": "'_c' || n",
    "file_reference": "'_f' || n",
}
"""What must not be the same in two rows, as SQL over the row's number n; all else is as in the real document."""
TABLES = ("documents", "attempts", "sightings", "events")


@dataclass(frozen=True, slots=True)
class Filled:
    """A ledger with so many documents."""

    url: str
    rows: int
    sizes: dict[str, int]
    """Bytes of each table, and of each index."""


def fill(server: Server, rows: int, until: float) -> Filled:
    url = server.new_url()
    ask = partial(server.execute, database=server.database_of(url))
    with Ledger(url) as ledger:
        one_document(ledger)
    ask("ALTER TABLE events ALTER document_id DROP NOT NULL")
    indexes = ask(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(ARRAY"
        f"{list(TABLES)}) AND indexname NOT LIKE 'pk_%'"
    )
    for name, _ in indexes:
        ask(f'DROP INDEX "{name}"')
    made = 1
    while made < rows and time.monotonic() < until:
        end = min(made + PORTION, rows)
        for table in TABLES:
            _multiply(ask, table, made + 1, end)
        made = end
        say(f"[{made}]")
    for _, definition in indexes:
        ask(definition)
    for table in TABLES:
        ask(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")
        ask(f"VACUUM ANALYZE {table}")
    sizes = dict(
        ask(
            "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind IN ('r', 'i') "
            "AND relnamespace = 'public'::regnamespace"
        )
    )
    return Filled(url, made, sizes)


def _multiply(ask: Callable[[str], list[tuple[str]]], table: str, first: int, last: int) -> None:
    owner = "id" if table == "documents" else "document_id"
    columns = [
        name for (name,) in ask(f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0")
    ]
    named = [column for column in columns if column != "id" or table == "documents"]
    values = ["n" if column == owner else DISTINCT.get(column, f't."{column}"') for column in named]
    ask(
        f"INSERT INTO {table} ({', '.join(named)}) SELECT {', '.join(values)} "
        f"FROM generate_series({first}, {last}) AS n, (SELECT * FROM {table} WHERE {owner} = 1) AS t"
    )


def acts(ledger: Ledger) -> dict[str, Callable[[], object]]:
    """What a service asks of its ledger all the time, and what it writes."""
    now = datetime.now(UTC)
    waiting = candidate(now).evolve(state=State.DEFERRED, next_attempt_at=now)
    changes = ledger.changes
    put_off = ledger.write(changes.admit(waiting, Sighting(waiting.location, 1, 1, 1), now, by_policy))
    assert isinstance(put_off, Claim)
    ledger.write(changes.release(put_off))

    def claim() -> None:
        claimed = ledger.write(changes.claim(put_off.document.id, datetime.now(UTC), early=True))
        assert claimed is not None
        ledger.write(changes.release(claimed))

    def admit() -> None:
        found = candidate(datetime.now(UTC))
        sighting = Sighting(found.location, 1, 1, 1)
        made = ledger.write(changes.admit(found, sighting, datetime.now(UTC), by_policy))
        assert isinstance(made, Claim)
        imported = made.document.evolve(state=State.DUPLICATE)
        ledger.write(changes.record(made, imported, "document.duplicate", datetime.now(UTC)))
        ledger.write(changes.settle(Move(made, found.location), datetime.now(UTC)))

    return {
        "admit": admit,
        "claim and release": claim,
        "a whole document": lambda: one_document(ledger),
        "due": lambda: ledger.due(datetime.now(UTC), limit=32),
        "next due": ledger.next_due_at,
        "orphans": lambda: ledger.orphans(datetime.now(UTC)),
        "unfinished moves": ledger.unfinished_moves,
        "counts by state": ledger.counts,
    }


def seconds(act: Callable[[], object], times: int = 20) -> float:
    """The quickest of several: whatever else the machine is at can only prolong one."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
        if sum(taken) > 5:
            break
    return min(taken)


def figures(*, rows: int, minutes: float, rounds: int) -> list[Figure]:
    say("\nrows on PostgreSQL ")
    try:
        server = Server()
    except NoPostgres as reason:
        raise Missing(str(reason)) from None
    with closing(server), ExitStack() as stack:
        began = time.monotonic()
        places = {"few": fill(server, FEW, began + 600), "many": fill(server, rows, began + 60 * minutes)}
        say(f"[filled in {time.monotonic() - began:.0f} s] ")
        sides = {
            name: acts(stack.enter_context(Ledger(place.url, lease=timedelta(minutes=5))))
            for name, place in places.items()
        }
        found = []
        for act in sides["few"]:
            taken = interleaved({name: partial(seconds, of[act]) for name, of in sides.items()}, rounds)
            found.append(_figure(act, places["many"].rows, taken["many"], taken["few"]))
    return [*found, *_sizes(places["many"])]


def _figure(act: str, rows: int, many: Sequence[float], few: Sequence[float]) -> Figure:
    of = ratio(many, few)
    told = f"{1e3 * median(many):.2f} ms beside {1e3 * median(few):.2f} ms"
    # All rows are counted, and nobody waits for it.
    goal = None if act == "counts by state" else GOAL
    return Figure(f"{act}, among {rows:,} / among {FEW:,}", of.median, goal, spread=of.spread, note=told)


def _sizes(place: Filled) -> list[Figure]:
    def each(names: Sequence[str]) -> float:
        return sum(place.sizes[name] for name in names) / place.rows

    indexes = [name for name in place.sizes if name not in TABLES and name.startswith(("pk_", "ix_", "uq_"))]
    found = [Figure(f"bytes a document in {table}", each([table]), unit=" B") for table in TABLES]
    found += [
        Figure(f"bytes a document in {name}", each([name]), unit=" B") for name in sorted(indexes) if each([name]) > 1
    ]
    return [*found, Figure("bytes a document in all", each([*TABLES, *indexes]), unit=" B")]


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--minutes", type=float, default=15)
    chosen = parser.parse_args()
    main(lambda: figures(rows=chosen.rows, minutes=chosen.minutes, rounds=chosen.rounds))
