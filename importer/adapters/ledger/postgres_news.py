"""News between importers that share a ledger on PostgreSQL: NOTIFY in the transaction that makes them, one LISTEN each.

They only save waiting: whoever misses some, or cannot listen, sees the same at its next look. Each commit with news
waits for the one before it, on the whole server; so none is told on a document's straight way to Abillify.
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from importer.adapters.ledger.shared import is_shared

if TYPE_CHECKING:  # whoever has SQLite need not have PostgreSQL's driver
    import psycopg

CHANNEL = "importer"

GLANCE = 1.0
"""Seconds after which whoever listens looks up, to see whether it is to end."""

RETRY = 5.0
"""Seconds until a server that does not answer is tried again."""


class News(Enum):
    """What has changed for others."""

    DOCUMENT = "document"
    """A document that was claimed is anybody's again: put off, or decided about."""
    LINE = "line"
    """The line to Abillify was opened or stopped."""


def tell(connection: Connection, news: News, author: str) -> None:
    """Tells all others when, and if, the transaction commits; with SQLite nobody listens."""
    if is_shared(connection):
        connection.execute(select(func.pg_notify(CHANNEL, f"{author} {news.value}")))


class Listener:
    """One connection that is kept for listening.

    Args:
        connect: makes it.
        name: our own holder's; our own news are none to us.
    """

    def __init__(self, connect: Callable[[], "psycopg.Connection[Any]"], name: str) -> None:
        self._connect = connect
        self._name = name

    def listen(
        self, ended: threading.Event, heard: Callable[[set[News]], None], told: Callable[[bool, str], None]
    ) -> None:
        """Goes on until it is to end, whatever becomes of the server.

        Args:
            ended: set when it is to end.
            heard: called with what others have told; with everything, after a time in which nothing could be heard.
            told: called when that begins or ends: whether we listen, and why not.
        """
        import psycopg  # noqa: PLC0415

        while not ended.is_set():
            try:
                with closing(self._connect()) as connection:
                    if not _is_straight(connection):
                        told(False, "a pooler such as PgBouncer stands in between, and keeps news to itself")
                        return
                    connection.execute(f"LISTEN {CHANNEL}")
                    told(True, "")
                    heard(set(News))
                    self._hear(connection, ended, heard)
            except psycopg.Error as error:
                told(False, _first_line(error))
                ended.wait(RETRY)

    def _hear(
        self, connection: "psycopg.Connection[Any]", ended: threading.Event, heard: Callable[[set[News]], None]
    ) -> None:
        while not ended.is_set():
            payloads = [notify.payload for notify in connection.notifies(timeout=GLANCE, stop_after=1)]
            if news := self._read(payloads):
                heard(news)

    def _read(self, payloads: Iterable[str]) -> set[News]:
        told = (payload.partition(" ") for payload in payloads)
        known = {news.value: news for news in News}
        return {known[what] for author, _, what in told if author != self._name and what in known}


def _is_straight(connection: "psycopg.Connection[Any]") -> bool:
    """Whether the server's process is the one that the connection was made to; a pooler invents one."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row is not None and row[0] == connection.info.backend_pid


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
