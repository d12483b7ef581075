"""How many documents may be where: most of a document's time goes by while others wait for the same disk as it does.

So many more are under way than are uploaded. While some upload, the next intents of others are written, all in one
commit, and the files of others are put away. That takes a tenth of a second: of quick uploads many end meanwhile, of
slow ones, or behind a rate limit, hardly any.
"""

from importer.core.circuit import EVERYBODY
from importer.relay import MOST
from importer.turnstile import Place, Turnstile

BESIDES = 128
"""Documents under way beside those that are uploaded: as many as one commit takes, and as many that are put away."""

WITHIN = 2.0
"""Seconds in which those that are ready have their turn, as fast as the last upload was."""


def under_way(uploads: int) -> int:
    """How many documents keep so many uploads busy."""
    return uploads + BESIDES


def claims(uploads: int) -> int:
    """How many documents are between their claim and their outcome; each lane waits for two before it at most."""
    return min(4 * uploads, EVERYBODY)


def intents(uploads: int) -> int:
    """How many documents are between their intent's preparation and their outcome."""
    return min(2 * uploads, EVERYBODY)


class Lanes:
    """Shared by all documents under way. Each waits in such a haste as it says (`Turnstile`).

    Args:
        uploads: requests for documents at once (`api.concurrency`).
        memory: bytes of documents held at once; a larger one goes alone.
        is_paced: whether there is a rate limit.
    """

    def __init__(self, *, uploads: int, memory: int, is_paced: bool) -> None:
        self._uploads = uploads
        self._is_paced = is_paced
        self._claims = Turnstile(claims(uploads))
        self._intents = Turnstile(intents(uploads))
        self._resumed = Turnstile(claims(uploads))
        self._memory = Turnstile(memory)

    def uploaded(self, seconds: float) -> None:
        """The last upload has taken so long: where they are quick, as many may be ready as one commit takes.

        Where they are slow, fewer: behind those of others, no claim's lease may end, and no intent grow old.
        """
        in_time = int(self._uploads * WITHIN / max(seconds, 0.001))
        ready = 0 if self._is_paced else min(MOST, in_time)
        self._claims.resize(max(claims(self._uploads), self._uploads + ready))
        self._intents.resize(max(intents(self._uploads), self._uploads + ready // 2))

    def claim(self, haste: int) -> Place:
        """Room for a document from its claim to its outcome: its lease must not end while it waits."""
        return self._claims.place(haste)

    def resumed(self) -> Place:
        """Room for a document whose bytes have to be read once more, and are not counted (`holding`)."""
        return self._resumed.place()

    def intent(self, haste: int) -> Place:
        """Room for an intent and its upload: it must be young when its first byte leaves."""
        return self._intents.place(haste)

    def holding(self, size: int, haste: int) -> Place:
        """Room for the bytes of a document."""
        return self._memory.place(haste, size)
