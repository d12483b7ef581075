"""What is to be seen of a service from outside, at one moment. Values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from importer.core.model import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What the ledger holds. It may be some seconds old; the ages are of the moment when it is looked at."""

    documents: Sequence[tuple[State, str, int]] = ()
    """State, reason code (or nothing) and count."""
    first_seen: Mapping[State, datetime] = field(default_factory=dict)
    """By unfinished state: when the oldest document in it was first seen."""
    entered: Mapping[State, datetime] = field(default_factory=dict)
    """And when that one came into the state."""
    size: int | None = None
    """Of the ledger's files, in bytes; None where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One source of `[[expect]]`."""

    is_silent: bool
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One moment of the service."""

    now: datetime
    census: Census
    is_ledger_up: bool
    """Whether the ledger has answered; otherwise the census is of the last time when it did."""
    stopped: str
    """Why the line is stopped, as a reason code; empty while it is open."""
    circuits: Mapping[str, bool]
    """By endpoint: whether its circuit is open, which carries nothing."""
    is_ready: bool
    is_stuck: bool
    looks: int
    """How often all of the inbox was looked at."""
    look_seconds: float | None
    """How long the last of these took."""
    unannounced: int
    """Files that no event has told of."""
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    """By source."""
