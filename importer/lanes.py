"""How many documents may be where: most of a document's time goes by while others wait for the same disk as it does.

So many more are under way than are uploaded. While some upload, the next intents of others are written, all in one
commit, and the files of others are put away. Where a rate limit lets out less than that, a few that wait are enough:
each of them holds its claim meanwhile.
"""

from importer.core.circuit import EVERYBODY
from importer.relay import MOST
from importer.turnstile import Place, Turnstile

BESIDES = 128
"""Documents under way beside those that are uploaded: as many as one commit takes, and as many that are put away."""


def under_way(uploads: int) -> int:
    """How many documents keep so many uploads busy."""
    return uploads + BESIDES


def claims(uploads: int, *, is_paced: bool) -> int:
    """How many documents are between their claim and their outcome."""
    return min(4 * uploads if is_paced else uploads + MOST, EVERYBODY)


def intents(uploads: int, *, is_paced: bool) -> int:
    """How many documents are between their intent's preparation and their outcome."""
    return min(2 * uploads if is_paced else uploads + MOST // 2, EVERYBODY)


class Lanes:
    """Shared by all documents under way. Each waits in such a haste as it says (`Turnstile`).

    Args:
        uploads: requests for documents at once (`api.concurrency`).
        memory: bytes of documents held at once; a larger one goes alone.
        is_paced: whether there is a rate limit.
    """

    def __init__(self, *, uploads: int, memory: int, is_paced: bool) -> None:
        self._claims = Turnstile(claims(uploads, is_paced=is_paced))
        self._intents = Turnstile(intents(uploads, is_paced=is_paced))
        self._memory = Turnstile(memory)

    def claim(self, haste: int) -> Place:
        """Room for a document from its claim to its outcome: its lease must not end while it waits."""
        return self._claims.place(haste)

    def intent(self, haste: int) -> Place:
        """Room for an intent and its upload: it must be young when its first byte leaves."""
        return self._intents.place(haste)

    def holding(self, size: int, haste: int) -> Place:
        """Room for the bytes of a document."""
        return self._memory.place(haste, size)
