"""What the ledger hands out beside documents."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from importer.core.model import Document, State


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to act on a document, until the lease ends or the holder dies."""

    document: Document
    token: str

    def holding(self, document: Document) -> "Claim":
        """The same right, with the document as it has become."""
        return Claim(document, self.token)


@dataclass(frozen=True, slots=True)
class Move:
    """A settled document's file has come to lie where it is to stay."""

    claim: Claim
    location: str
    event: str = "file.put_away"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Credentials that another importer has found to be refused."""

    message: str
    wait: float
    """Seconds until one importer may try them again."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file as it was when its document was read from it."""

    path: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a document stands, without the document."""

    state: State
    code: str
    """Of its reason; empty for none."""
    is_put_away: bool
    """Whether its file lies where it should."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the trail: what happened to a document, when, and by whom."""

    at: datetime
    name: str
    actor: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One upload: its key was on disk before the first byte was sent."""

    number: int
    key: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Ending:
    """A document that has come to its end."""

    first_seen_at: datetime
    at: datetime
    state: State
