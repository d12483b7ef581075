"""Four importers over one ledger on PostgreSQL beside one, and how many commits that server makes by itself.

    python -m benchmarks.shared [--documents 600] [--rounds 3] [--latency 200]

The files lie in the inbox before the importers start; what counts is the time between the sink's first and last
upload. Each importer uploads `--concurrency` at once. The server is a throw-away one that syncs every commit to the
disk; the figure beside it is what as many connections commit in small updates of one row, through the same driver.
"""

import tempfile
import threading
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import corpus
from benchmarks.home import Home
from benchmarks.measure import Figure, Missing, interleaved, main, options, ratio, say, stopping, workplace
from benchmarks.sink import Sink, serving
from tests.postgres import NoPostgres, Server

SETTLED = "SELECT count(*) FROM documents WHERE state = 'imported' AND target IS NULL"
LONGEST = 600.0


def uploads_per_second(
    server: Server, sink: Sink, place: Path, files: list[Path], *, importers: int, concurrency: int
) -> float:
    home = Home.make(Path(tempfile.mkdtemp(dir=place)))
    home.fill(files)
    url = server.new_url()
    sink.take_stats()
    with ExitStack() as stack:
        for _ in range(importers):
            process = home.start(sink, concurrency=concurrency, LEDGER__URL=url)
            stack.enter_context(stopping(process))
        give_up_at = time.monotonic() + LONGEST
        while server.execute(SETTLED, server.database_of(url)) != [(len(files),)]:
            if time.monotonic() > give_up_at:
                raise RuntimeError(f"{importers} importers are not done after {LONGEST:.0f} s")
            time.sleep(0.5)
    seen = sink.take_stats()
    if seen.imports != len(files):
        raise RuntimeError(f"{len(files)} documents, but {seen.imports} uploads")
    return seen.imports / seen.window


def commits_per_second(server: Server, *, connections: int, lasting: float = 3.0) -> float:
    """Small updates, each committed and synced, on as many connections."""
    import psycopg  # noqa: PLC0415 - only who measures PostgreSQL has it

    server.execute("CREATE TABLE IF NOT EXISTS counters (id int PRIMARY KEY, n bigint)")
    server.execute(
        f"INSERT INTO counters SELECT n, 0 FROM generate_series(1, {connections}) AS n ON CONFLICT DO NOTHING"
    )
    done = [0] * connections
    until = time.perf_counter() + lasting

    def go_on(number: int) -> None:
        with psycopg.connect(
            host=str(server.folder), user="importer", dbname="postgres", autocommit=True
        ) as connection:
            while time.perf_counter() < until:
                connection.execute("UPDATE counters SET n = n + 1 WHERE id = %s", (number + 1,))
                done[number] += 1

    threads = [threading.Thread(target=go_on, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / lasting


def figures(*, documents: int, rounds: int, latency: float, concurrency: int) -> list[Figure]:
    say("\nmany importers ")
    try:
        server = Server(fast=False)
    except NoPostgres as reason:
        raise Missing(str(reason)) from None
    with closing(server), workplace() as place, serving(place, latency) as sink:
        files = corpus.make(place / "files", documents, size=50_000)
        measured = partial(uploads_per_second, server, sink, place, files, concurrency=concurrency)
        sides = {
            "one": partial(measured, importers=1),
            "four": partial(measured, importers=4),
            "alone": partial(commits_per_second, server, connections=1),
            "together": partial(commits_per_second, server, connections=4),
        }
        rates = interleaved(sides, rounds)
    gain = ratio(rates["four"], rates["one"])
    one, four, alone, together = (median(rates[name]) for name in sides)
    told = f"{four:.1f}/s beside {one:.1f}/s; {concurrency} uploads at once each, the sink's {latency:.0f} ms allow "
    told += f"{1e3 * concurrency / latency:.0f}/s an importer"
    return [
        Figure("throughput of four importers / one", gain.median, 2.0, at_least=True, spread=gain.spread, note=told),
        Figure("the server's own commits, one connection", alone, unit="/s"),
        Figure("the server's own commits, four connections", together, unit="/s", note="a document takes four"),
    ]


if __name__ == "__main__":
    parser = options(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--latency", type=float, default=200)
    parser.add_argument("--concurrency", type=int, default=4)
    chosen = parser.parse_args()
    main(
        lambda: figures(
            documents=chosen.documents, rounds=chosen.rounds, latency=chosen.latency, concurrency=chosen.concurrency
        )
    )
