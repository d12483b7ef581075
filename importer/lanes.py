"""How many documents may be where: most of a document's time goes by while others wait for the same disk as it does.

So there are many more workers than uploads. While some upload, others have the next intents written, all in one commit,
and others put away what was imported.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from importer.core.circuit import EVERYBODY
from importer.turnstile import Turnstile

BESIDES = 64
"""Workers beside those that upload: as many as one commit takes."""


def workers(uploads: int) -> int:
    """How many threads keep so many uploads busy."""
    return uploads + BESIDES


def claims(uploads: int) -> int:
    """How many documents are between their claim and their outcome; each lane waits for two before it at most."""
    return min(4 * uploads, EVERYBODY)


# How late the news is of the document that a worker has in hand: what has just come overtakes a backlog.
_HASTE: ContextVar[int] = ContextVar("haste", default=0)


class Lanes:
    """Shared by all workers.

    Args:
        uploads: requests for documents at once (`api.concurrency`).
        memory: bytes of documents held at once; a larger one goes alone.
    """

    def __init__(self, *, uploads: int, memory: int) -> None:
        self._claims = Turnstile(claims(uploads))
        self._intents = Turnstile(min(2 * uploads, EVERYBODY))
        self._requests = Turnstile(uploads)
        self._memory = memory
        self._held = 0
        self._room = threading.Condition()

    @contextmanager
    def overtaking(self, haste: int) -> Iterator[None]:
        """All that this thread waits for inside the block, it waits for in such a hurry (`Turnstile`)."""
        token = _HASTE.set(haste)
        try:
            yield
        finally:
            _HASTE.reset(token)

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Room for a document from its claim to its outcome: its lease must not end while it waits."""
        with self._in(self._claims):
            yield

    @contextmanager
    def intent(self) -> Iterator[None]:
        """Room for an intent and its upload: it must be young when its first byte leaves."""
        with self._in(self._intents):
            yield

    @contextmanager
    def request(self, within: float | None = None) -> Iterator[bool]:
        """Room for a request; False when there was none for `within` seconds."""
        with self._in(self._requests, within) as is_free:
            yield is_free

    @contextmanager
    def _in(self, lane: Turnstile, within: float | None = None) -> Iterator[bool]:
        is_free = lane.enter(_HASTE.get(), within=within)
        try:
            yield is_free
        finally:
            if is_free:
                lane.leave()

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Room for the bytes of a document."""
        with self._room:
            self._room.wait_for(lambda: self._held == 0 or self._held + size <= self._memory)
            self._held += size
        try:
            yield
        finally:
            with self._room:
                self._held -= size
                self._room.notify_all()
