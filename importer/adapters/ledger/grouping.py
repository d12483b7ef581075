"""Many acts for the price of one: whoever comes first does them for all who wait, and they return when he is done.

A disk takes about as long to make one thing safe as to make sixty-four safe, so what several threads want at the same
time is done at once. No thread of its own: the leader is one of those who wait.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
    leads: bool = False
    """Whether it is up to him to do it for all who wait."""
    _bell: threading.Lock = field(default_factory=threading.Lock)
    """Held until somebody rings: one lock each, for a bell that all hear would wake all for the sake of a few."""

    def __post_init__(self) -> None:
        self._bell.acquire()

    def wait(self) -> None:
        """Until it is done, or up to him."""
        self._bell.acquire()

    def ring(self) -> None:
        self._bell.release()


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
        self._lock = threading.Lock()
        self._is_full = threading.Event()
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
        try:
            self._join(member)
            if not member.leads:
                member.wait()
            if member.leads:
                self._lead(member)
        except BaseException:
            self._leave(member)
            raise
        if member.error is not None:
            raise member.error
        return member.result

    def _join(self, member: Member[Wanted, Result]) -> None:
        with self._lock:
            self._waiting.append(member)
            if len(self._waiting) == MOST:
                self._is_full.set()
            if not self._is_led:
                self._is_led = member.leads = True

    def _lead(self, leader: Member[Wanted, Result]) -> None:
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
            self._hand_on(leader)
            for member in members:
                member.is_done = True
                if member is not leader:
                    member.ring()

    def _gathered(self) -> list[Member[Wanted, Result]]:
        """The next ones, in the order in which they came; whoever leads is the first of them."""
        if self._last > 1:
            self._is_full.wait(self._patience)
        with self._lock:
            members = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            self._last = len(members)
            if len(self._waiting) < MOST:
                self._is_full.clear()
            return members

    def _hand_on(self, leader: Member[Wanted, Result]) -> None:
        with self._lock:
            leader.leads = self._is_led = False
            if self._waiting:
                first = self._waiting[0]
                self._is_led = first.leads = True
                first.ring()

    def _leave(self, member: Member[Wanted, Result]) -> None:
        """Interrupted before anybody took it up."""
        with self._lock:
            if member in self._waiting:
                self._waiting.remove(member)
        if member.leads:
            self._hand_on(member)
