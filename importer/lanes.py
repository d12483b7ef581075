"""How many documents may be where: most of a document's time goes by while others wait for the same disk as it does.

So there are many more workers than uploads. While some upload, others have the next intents written, all in one commit,
and others put away what was imported.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from importer.core.circuit import EVERYBODY

BESIDES = 64
"""Workers beside those that upload: as many as one commit takes."""


def workers(uploads: int) -> int:
    """How many threads keep so many uploads busy."""
    return uploads + BESIDES


def claims(uploads: int) -> int:
    """How many documents are between their claim and their outcome; each lane waits for two before it at most."""
    return min(4 * uploads, EVERYBODY)


class Lanes:
    """Shared by all workers.

    Args:
        uploads: requests for documents at once (`api.concurrency`).
        memory: bytes of documents held at once; a larger one goes alone.
    """

    def __init__(self, *, uploads: int, memory: int) -> None:
        self._claims = threading.BoundedSemaphore(claims(uploads))
        self._intents = threading.BoundedSemaphore(min(2 * uploads, EVERYBODY))
        self._requests = threading.BoundedSemaphore(uploads)
        self._memory = memory
        self._held = 0
        self._room = threading.Condition()

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Room for a document from its claim to its outcome: its lease must not end while it waits."""
        with self._claims:
            yield

    @contextmanager
    def intent(self) -> Iterator[None]:
        """Room for an intent and its upload: it must be young when its first byte leaves."""
        with self._intents:
            yield

    @contextmanager
    def request(self, within: float | None = None) -> Iterator[bool]:
        """Room for a request; False when there was none for `within` seconds."""
        is_free = self._requests.acquire(timeout=within)
        try:
            yield is_free
        finally:
            if is_free:
                self._requests.release()

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
