"""Room for so much at once, where whoever is in a hurry goes before those who came earlier."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from importer.relay import Ticket, Wait


class Turnstile:
    """As a semaphore, but every other one who is let in is the one in the greatest hurry.

    The others are those who have waited longest: they must not wait for ever, or their leases would end.

    Args:
        room: in places, bytes or whatever is counted.
    """

    def __init__(self, room: int) -> None:
        self._lock = threading.Lock()
        self._room = self._free = room
        self._waiting: list[tuple[Place, Ticket]] = []
        self._hasty = 0
        """How many of them are in a hurry at all."""
        self._is_for_hasty = True

    def place(self, haste: int = 0, size: int = 1) -> "Place":
        """Room for the inside of an `async with`.

        Args:
            haste: who has more of it goes first; 0 for none.
            size: how much of the room; whoever wants more than there is goes alone.
        """
        return Place(self, haste, min(size, self._room))

    def resize(self, room: int) -> None:
        """There is so much room from now on; who is inside stays."""
        with self._lock:
            self._free += room - self._room
            self._room = room
            let_in = self._let_in()
        for ticket in let_in:
            ticket.go_on()

    def enter(self, place: "Place", ticket: Ticket) -> None:
        """Lets whoever has the ticket go on when there is room for it."""
        with self._lock:
            if self._waiting or place.size > self._free:
                self._waiting.append((place, ticket))
                self._hasty += place.haste > 0
                return
            self._free -= place.size
        ticket.go_on()

    def leave(self, place: "Place") -> None:
        """Gives the room to the next ones."""
        with self._lock:
            self._free += place.size
            let_in = self._let_in()
        for ticket in let_in:
            ticket.go_on()

    def _let_in(self) -> Sequence[Ticket]:
        let_in: list[Ticket] = []
        while self._waiting:
            is_for_hasty = self._is_for_hasty and self._hasty > 0
            chosen = max(self._waiting, key=lambda one: one[0].haste) if is_for_hasty else self._waiting[0]
            place, ticket = chosen
            if place.size > self._free:
                break
            self._is_for_hasty = place.haste == 0 or not self._is_for_hasty
            self._waiting.remove(chosen)
            self._hasty -= place.haste > 0
            self._free -= place.size
            let_in.append(ticket)
        return let_in


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's part of the room."""

    turnstile: Turnstile
    haste: int
    size: int

    async def __aenter__(self) -> None:
        await Wait(partial(self.turnstile.enter, self))

    async def __aexit__(self, *_: object) -> None:
        self.turnstile.leave(self)
