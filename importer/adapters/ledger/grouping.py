"""Many acts for the price of one: whoever comes first does them for all who wait, and they return when he is done.

A disk takes about as long to make one thing safe as to make sixty-four safe, so what several threads want at the same
time is done at once. No thread of its own: the leader is one of those who wait.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Wanted = TypeVar("Wanted")
Result = TypeVar("Result")

MOST = 64
"""So many at once; more would only make all of them wait for the last one."""


@dataclass(slots=True, eq=False)
class Member(Generic[Wanted, Result]):
    """One who waits, with what he wants; and what has come of it."""

    wanted: Wanted
    result: Result | None = None
    error: BaseException | None = None
    is_done: bool = False


class Group(Generic[Wanted, Result]):
    """Collects what threads want, and has one of them do it.

    Args:
        act: does what the members want, in their order, and gives each its result or its own error. What it raises is
            the error of all of them.
        patience: seconds for which a leader waits for others, once it has been seen that others come.
    """

    def __init__(self, act: Callable[[Sequence[Member[Wanted, Result]]], None], *, patience: float = 0.0) -> None:
        self._act = act
        self._patience = patience
        self._changed = threading.Condition()
        self._waiting: deque[Member[Wanted, Result]] = deque()
        self._is_led = False
        self._last = 1
        """How many the last time; whoever was alone need not wait for others."""

    def run(self, wanted: Wanted) -> Result | None:
        """Returns when it is done.

        Raises:
            whatever the act has raised for this member, or for all.
        """
        member: Member[Wanted, Result] = Member(wanted)
        with self._changed:
            self._waiting.append(member)
            if len(self._waiting) == MOST:
                self._changed.notify_all()
        try:
            while self._must_lead(member):
                self._lead()
        except BaseException:
            self._leave(member)
            raise
        if member.error is not None:
            raise member.error
        return member.result

    def _must_lead(self, member: Member[Wanted, Result]) -> bool:
        """Waits until somebody has done it, or nobody is at it."""
        with self._changed:
            self._changed.wait_for(lambda: member.is_done or not self._is_led)
            if member.is_done:
                return False
            self._is_led = True
            return True

    def _lead(self) -> None:
        members: list[Member[Wanted, Result]] = []
        try:
            members = self._gathered()
            self._act(members)
        except BaseException as error:  # each of them raises it again
            for member in members:
                member.error = member.error or error
            if not members:
                raise
        finally:
            with self._changed:
                for member in members:
                    member.is_done = True
                self._is_led = False
                self._changed.notify_all()

    def _gathered(self) -> list[Member[Wanted, Result]]:
        """The next ones, in the order in which they came."""
        with self._changed:
            if self._last > 1:
                self._changed.wait_for(lambda: len(self._waiting) >= MOST, self._patience)
            members = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            self._last = len(members)
            return members

    def _leave(self, member: Member[Wanted, Result]) -> None:
        """Interrupted before anybody took it up."""
        with self._changed:
            if member in self._waiting:
                self._waiting.remove(member)
