"""A ledger with any number of documents, in seconds: one that was really imported, multiplied by SQL."""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from benchmarks import corpus
from benchmarks.home import Home
from benchmarks.sink import Sink

RANDOM = "lower(hex(randomblob(32)))"

CACHE_KB = 3_000_000
"""At most, and enough for all of an index over the hashes of ten million documents."""

# Without a journal: with one, everything would be written twice. The importer wants its own again when it opens it.
FAST = (
    "journal_mode = OFF",
    "synchronous = OFF",
    "foreign_keys = OFF",
    f"cache_size = -{CACHE_KB}",
    "temp_store = MEMORY",
)

DISTINCT = {
    "sha256": RANDOM,
    "identity": RANDOM,
    "key": f"{RANDOM} || ':0'",
    "path": "CAST('0000/Rechnung_RE-2023-' || n || '.pdf' AS BLOB)",
    "location": "CAST('/archive/2023/01/Rechnung_RE-2023-' || n || '.pdf' AS BLOB)",
    "filename": "CAST('Rechnung_RE-2023-' || n || '.pdf' AS BLOB)",
    "invoice_reference": "'RE-2023-' || n",
    "inode": "CAST(n AS TEXT)",
    "communication_reference": "'_c' || n",
    "file_reference": "'_f' || n",
}
"""What must not be the same in two rows, as SQL over the row's number n; all else is as in the real document."""


def template(folder: Path, sink: Sink) -> Home:
    """An importer that has imported one document and archived it."""
    home = Home.make(folder)
    home.fill(corpus.make(folder / "first", 1, size=5_000))
    home.backfill(sink)
    return home


def multiply(ledger: Path, rows: int) -> None:
    """Makes the ledger's one document into `rows`, with attempts, sightings and events; nobody may have it open.

    Without the disk being waited for, and with the indexes made at the end; but not that over hashes. Made at once, all
    its pages would be full, and almost every document that comes after it would split one of them. Where documents have
    come one by one, it is one in twenty.
    """
    connection = _fast(ledger)
    indexes = [(name, sql) for name, sql in _indexes(connection) if "sha256" not in sql]
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    for table in _tables_of_documents(connection):
        owner = "id" if table == "documents" else "document_id"
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        named = [column for column in columns if column != "id" or table == "documents"]
        values = ["n" if column == owner else DISTINCT.get(column, f't."{column}"') for column in named]
        connection.execute(
            f"WITH RECURSIVE numbers(n) AS (VALUES(2) UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows}) "
            f"INSERT INTO {table} ({', '.join(_quoted(named))}) "
            f"SELECT {', '.join(values)} FROM numbers, (SELECT * FROM {table} WHERE {owner} = 1) AS t"
        )
    for _, sql in indexes:
        connection.execute(sql)
    _finish(connection, ledger)


def lay_out(ledger: Path, files: Iterable[os.DirEntry[str]]) -> None:
    """Gives the documents from the first on the places of real files, and lets them wait for their invoices there."""
    connection = _fast(ledger)
    facts = ((number, os.fsencode(file.path), file.stat()) for number, file in enumerate(files, 1))
    connection.execute("CREATE TEMP TABLE place (n INTEGER PRIMARY KEY, path, size, mtime_ns, inode)")
    rows = ((n, path, s.st_size, str(s.st_mtime_ns), str(s.st_ino)) for n, path, s in facts)
    connection.executemany("INSERT INTO place VALUES (?, ?, ?, ?, ?)", rows)
    indexes = _indexes(connection)
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    connection.execute(
        "UPDATE documents SET location = p.path, path = p.path, size = p.size, state = 'waiting', imported_at = NULL, "
        "next_attempt_at = '2999-01-01 00:00:00.000000' FROM place AS p WHERE documents.id = p.n"
    )
    known = {row[1] for row in connection.execute("PRAGMA table_info(sightings)")} & {"size", "mtime_ns", "inode"}
    assigned = ", ".join(f"{column} = p.{column}" for column in ("path", *sorted(known)))
    connection.execute(f"UPDATE sightings SET {assigned} FROM place AS p WHERE document_id = p.n")
    for _, sql in indexes:
        connection.execute(sql)
    _finish(connection, ledger)


def _fast(ledger: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(ledger, isolation_level=None)
    for pragma in FAST:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    return connection


def _finish(connection: sqlite3.Connection, ledger: Path) -> None:
    connection.execute("COMMIT")
    connection.close()
    with ledger.open("rb") as file:
        os.fsync(file.fileno())  # or what is measured next would wait for it


def _indexes(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()


def _tables_of_documents(connection: sqlite3.Connection) -> list[str]:
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]

    def belongs(table: str) -> bool:
        return any(row[1] == "document_id" for row in connection.execute(f"PRAGMA table_info({table})"))

    return ["documents", *filter(belongs, tables)]


def _quoted(columns: Iterable[str]) -> list[str]:
    return [f'"{column}"' for column in columns]
