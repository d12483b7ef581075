"""What one document costs the ledger as it grows: admitted, intended, recorded and moved by the ledger's verbs.

    python -m benchmarks.growth [--rows 1000000] [--rounds 5] [--documents 200]

Ledgers of 10^3 rows up to `--rows` lie side by side. Every round takes the same number of documents through each of
them; the figure is the median of (cost among many rows / cost among 10^3) within a round. Each ledger keeps what the
rounds before have added. The largest is filled first, so that the system still remembers the pages of all of them, as
of a ledger that is in use; what its disk takes to read one that is not is no cost of the ledger's.
"""

import gc
import secrets
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.measure import Figure, interleaved, main, options, ratio, say, workplace
from benchmarks.prefilled import multiply, template
from benchmarks.sink import serving
from importer.adapters.ledger import Claim, Ledger, Move, Sighting
from importer.core.admission import AdmissionPolicy, Treatment, admit
from importer.core.model import Document, Key, Kind, References, State, digest_of

GOAL = 1.2
FEWEST = 1000
POLICY = AdmissionPolicy(revision=Treatment.HOLD, same_bytes_elsewhere=Treatment.HOLD)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds a document."""

    wall: float
    cpu: float


def by_policy(candidate: Document, known: Sequence[Document]) -> Document:
    return admit(candidate, known, POLICY)


def candidate(now: datetime) -> Document:
    name = secrets.token_hex(8)
    path = f"RE-{name}.pdf"
    return Document(
        id=0,
        account="default",
        sha256=digest_of(name.encode()),
        size=50_000,
        inbox="/inbox",
        path=path,
        location=f"/inbox/{path}",
        filename=path,
        invoice_reference=f"RE-{name}",
        kind=Kind.INVOICE,
        label=f"Rechnung RE-{name}",
        rule="kind, invoice",
        first_seen_at=now,
    )


def one_document(ledger: Ledger) -> None:
    """The life of a document, as far as the ledger is concerned."""
    now = datetime.now(UTC)
    document = candidate(now)
    changes, sighting = ledger.changes, Sighting(document.location, document.size, 1, 1)
    claim = ledger.write(changes.admit(document, sighting, now, by_policy))
    assert isinstance(claim, Claim)
    sending = claim.document.evolve(
        state=State.SENDING, came_from=State.PENDING, attempts=1, key=Key(born_at=now, last_sent_at=now)
    )
    claim = ledger.write(changes.intend(claim, sending, now))
    imported = sending.evolve(state=State.IMPORTED, references=References("_1", "_2", "_3"), imported_at=now)
    claim = ledger.write(changes.record(claim, imported, "document.imported", now, outcome="confirmed"))
    ledger.write(changes.settle(Move(claim, f"/archive/2024/01/{document.path}"), now))


def batch(ledger: Ledger, documents: int) -> Cost:
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(documents):
        one_document(ledger)
    return Cost((time.perf_counter() - wall) / documents, (time.process_time() - cpu) / documents)


def filled(place: Path, rows: Sequence[int]) -> dict[int, Path]:
    """Ledgers with so many documents each."""
    with serving(place) as sink:
        ledger = template(place / "home", sink).ledger
    found = {}
    for count in sorted(rows, reverse=True):
        found[count] = place / f"rows-{count}" / "ledger.db"
        found[count].parent.mkdir()
        shutil.copyfile(ledger, found[count])
        began = time.perf_counter()
        multiply(found[count], count)
        say(f"[{count} rows in {time.perf_counter() - began:.0f} s, {found[count].stat().st_size / 1e6:.0f} MB] ")
    return found


def figures(*, rows: int, documents: int, rounds: int) -> list[Figure]:
    say("\ngrowth ")
    sizes = [10**power for power in range(3, 8) if 10**power <= rows]
    with workplace() as place, ExitStack() as stack:
        sides: dict[str, Callable[[], Cost]] = {}
        for count, path in filled(place, sizes).items():
            ledger = stack.enter_context(Ledger(f"sqlite:///{path}", lease=timedelta(minutes=5)))
            batch(ledger, documents)  # caches are warm in a service that runs
            sides[str(count)] = partial(batch, ledger, documents)
        costs = interleaved(sides, rounds)
    found, few = [], costs[str(FEWEST)]
    for count in sizes[1:]:
        many = costs[str(count)]
        told = f"{_ms([c.cpu for c in many])} CPU and {_ms([c.wall for c in many])} beside "
        told += f"{_ms([c.cpu for c in few])} and {_ms([c.wall for c in few])} a document"
        cpu, wall = (
            ratio([getattr(c, kind) for c in many], [getattr(c, kind) for c in few]) for kind in ("cpu", "wall")
        )
        name = f"a document among {count:,} rows / among {FEWEST:,}"
        found.append(Figure(f"CPU of {name}", cpu.median, GOAL, spread=cpu.spread, note=told))
        found.append(Figure(f"time of {name}", wall.median, GOAL, spread=wall.spread))
    return found


def _ms(seconds: Sequence[float]) -> str:
    return f"{1e3 * statistics.median(seconds):.2f} ms"


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=200)
    chosen = parser.parse_args()
    main(lambda: figures(rows=chosen.rows, documents=chosen.documents, rounds=chosen.rounds))
