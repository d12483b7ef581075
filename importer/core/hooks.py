"""Programs of the operator's that are told of documents: which calls are still to be made, and what becomes of each.

The ledger's events say what has happened, in the order of their numbers; a hook has come so far in them. What has
failed is tried again beside the others, for a day. So a call is made at least once, and may be made twice by a crash.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from importer.core.backoff import pause_after
from importer.core.model import Document, State
from importer.core.person import is_needed_for

PAUSES = timedelta(seconds=10), timedelta(hours=1)
"""Between two tries of a call that has failed: the first one, and the longest one."""

GIVEN_UP_AFTER = timedelta(days=1)

TRIES = 10
"""So often at least: of that day the importer, or the machine, may have slept most."""

MOST = 100
"""As many calls wait for another try; when there are more, the hook as such is broken, and no other call is begun."""


class Hook(StrEnum):
    """What it is called for, by the name of its setting."""

    AFTER_IMPORT = "after_import"
    NEEDS_PERSON = "needs_person"

    @property
    def states(self) -> frozenset[State]:
        """A document that comes into one of these is told of."""
        if self is Hook.AFTER_IMPORT:
            return frozenset({State.IMPORTED})
        return frozenset({State.HELD, State.REJECTED})

    def concerns(self, document: Document) -> bool:
        """Whether there is still something to tell: a person may have been faster."""
        return document.state is State.IMPORTED if self is Hook.AFTER_IMPORT else is_needed_for(document)


@dataclass(frozen=True, slots=True)
class Call:
    """A document's coming into a state."""

    event: int
    """The number of the ledger's event: names the call, and is the same when it is made again."""
    document: int
    at: datetime
    """When it came into it."""


@dataclass(frozen=True, slots=True)
class Again:
    """A call that has failed."""

    call: Call
    tries: int
    since: datetime
    at: datetime
    """When it is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the calls of a hook have come."""

    after: int
    """Every call up to this event was made, or waits for another try."""
    again: tuple[Again, ...] = ()
    given_up: int = 0
    failing: str | None = None
    """What the last call that was made has failed with; None while all is well."""

    def due(self, new: Sequence[Call], now: datetime) -> list[Call]:
        """What to call now: another try first, then what is new."""
        room = MOST - len(self.again)
        return [each.call for each in self.again if each.at <= now] + list(new[: max(0, room)])

    def passed(self, call: Call) -> "Progress":
        """The call was made, or there is nothing to tell any more."""
        rest = tuple(each for each in self.again if each.call != call)
        return replace(self, after=max(self.after, call.event), again=rest)

    def beyond(self, event: int) -> "Progress":
        """There is nothing to be called up to this event."""
        return replace(self, after=max(self.after, event))

    def working(self) -> "Progress":
        return replace(self, failing=None)

    def broken(self, why: str) -> "Progress":
        """The hook as such does not work; no call counts as made."""
        return replace(self, failing=why)

    def failed(self, call: Call, why: str, now: datetime) -> "Progress":
        """It is tried again, unless that has been done for a day, and often enough."""
        before = next((each for each in self.again if each.call == call), None)
        progress = replace(self.passed(call), failing=why)
        tries, since = (before.tries + 1, before.since) if before else (1, now)
        if now - since >= GIVEN_UP_AFTER and tries >= TRIES:
            return replace(progress, given_up=progress.given_up + 1)
        pause = pause_after(tries - 1, PAUSES, f"{call.event}:{tries}")
        return replace(progress, again=(*progress.again, Again(call, tries, since, now + pause)))
