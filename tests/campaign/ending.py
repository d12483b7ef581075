"""What a schedule leaves behind for the checker, besides the ledger and the folder."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Dropped:
    """A file that was put into the inbox, and what outsiders did to it afterwards."""

    path: Path
    sha256: str
    drop: object
    disturbed: bool = False
    """Replaced, deleted or written to by somebody else, so that its bytes need not be anywhere."""


@dataclass
class Amnesia:
    """A ledger that was put in the place of another one, and what became of that."""

    fate: str
    age: float = 0.0
    """Seconds by which the copy was older."""
    refused_at: int | None = None
    """Number of the first request that could come after the importer had refused to send; None when it had not."""
    rebuilt_at: int | None = None
    """The same for the end of the rebuild."""


@dataclass(frozen=True)
class Memory:
    """What one ledger could tell of uploads: another one in its place may not."""

    intents: frozenset
    """(id, key, begun at) of every attempt."""
    forbidden: frozenset
    """Invoices with a document that was refused twice: it is held, and does not stop the line for the others."""


def memory_of(ledger):
    """Reads it off a ledger's file; of none, nothing."""
    if not ledger.exists():
        return Memory(frozenset(), frozenset())
    with closing(sqlite3.connect(ledger)) as connection:
        return Memory(
            frozenset(connection.execute("SELECT id, key, started_at FROM attempts")),
            frozenset(
                reference
                for (reference,) in connection.execute(
                    "SELECT invoice_reference FROM documents JOIN events ON events.document_id = documents.id "
                    "WHERE events.name = 'document.held' AND json_extract(data, '$.reason') = 'forbidden_for_invoice'"
                )
            ),
        )


@dataclass
class Ending:
    """All that the checker may know, besides what it can look up in ledger and folder."""

    folder: Path
    schedule: object
    dropped: list
    effects: tuple
    communications: tuple
    requests: tuple
    callers: list
    """(number of the first request, life) for every turn-taking."""
    deleted: set
    story: list
    settled: bool
    strikes: list = field(default_factory=list)
    acts: list = field(default_factory=list)
    amnesias: list = field(default_factory=list)
    memories: list = field(default_factory=list)
    """Of the ledgers that were lost."""
    most_kills_in_recovery: int = 0
