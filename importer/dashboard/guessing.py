"""Slows whoever guesses tokens down: each wrong one beyond a few is followed by a pause, in which none is looked at.

A pause has a longest length, and asking during it does not prolong it. Whoever sits at this machine waits for nobody
else's guesses, and all others for one such pause at most: nobody is ever locked out for good.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from structlog.typing import FilteringBoundLogger

FREE = 5
"""Wrong tokens of one address that are answered at once: a person mistypes."""
FREE_OF_ALL = 50
"""Wrong tokens of all addresses together; of each, only those count that were free."""
FIRST, LONGEST = 1.0, 60.0
"""Seconds of the first pause; each is twice as long as the one before, up to the longest."""
FORGOTTEN = 900.0
"""Seconds after its last pause until an address is as good as any other."""
KNOWN = 1000
"""Addresses that are remembered; beyond them all addresses together are slowed."""

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class TooSoon:
    """The token was not looked at."""

    seconds: float
    """Until the next one is."""


@dataclass(slots=True)
class Past:
    """The wrong tokens of an address."""

    wrong: int = 0
    until: float = 0.0
    """The end of its pause, in steady seconds."""
    is_slowed: bool = False
    waits_since: float | None = None
    """When it first came into a pause of all addresses together, and has not been looked at since."""


class Guessing:
    """Thread-safe.

    Args:
        clock: seconds that only grow.
        log: told when a pause begins for an address, and when it is as good as any other again.
    """

    def __init__(self, clock: Callable[[], float], log: FilteringBoundLogger) -> None:
        self._clock = clock
        self._log = log
        self._lock = threading.Lock()
        self._past: dict[str, Past] = {}

    def judge(self, visitor: str, is_right: Callable[[], bool]) -> bool | TooSoon:
        """Whether the token is right, if it is looked at; one at a time, so that nobody guesses faster by many at once.

        Args:
            visitor: as from `visitor_of`.
            is_right: looks at the token.
        """
        with self._lock:
            now = self._clock()
            self._forget(now)
            if (wait := self._end(visitor, now) - now) > 0:
                return TooSoon(wait)
            if is_right():
                # Only of itself: others may go on guessing.
                self._drop(visitor)
                return True
            past = self._remembered(visitor, now)
            if past is not None:
                past.waits_since = None
                self._note(visitor, past, now)
            if visitor != HERE and (past is None or past.wrong <= FREE):
                self._note(EVERYBODY, self._past.setdefault(EVERYBODY, Past()), now)
            return False

    def _end(self, visitor: str, now: float) -> float:
        """Of the pause that the visitor is in."""
        own, all_of_them = self._past.get(visitor), self._past.get(EVERYBODY)
        end = own.until if own is not None else now
        if visitor == HERE or all_of_them is None or all_of_them.until <= now:
            return end
        past = self._remembered(visitor, now)
        if past is None:
            return max(end, all_of_them.until)
        if past.waits_since is None:
            past.waits_since = now
        return max(end, min(all_of_them.until, past.waits_since + LONGEST))

    def _remembered(self, visitor: str, now: float) -> Past | None:
        if visitor not in self._past and len(self._past) < KNOWN:
            self._past[visitor] = Past(until=now)
        return self._past.get(visitor)

    def _note(self, name: str, past: Past, now: float) -> None:
        past.wrong += 1
        beyond = past.wrong - (FREE_OF_ALL if name == EVERYBODY else FREE)
        past.until = now
        if beyond > 0:
            past.until = now + min(LONGEST, FIRST * 2 ** min(beyond - 1, 10))
            if not past.is_slowed:
                past.is_slowed = True
                self._log.warning("dashboard.login_slowed", address=name, wrong=past.wrong)

    def _forget(self, now: float) -> None:
        for name in [name for name, past in self._past.items() if now >= past.until + FORGOTTEN]:
            self._drop(name)

    def _drop(self, name: str) -> None:
        past = self._past.pop(name, None)
        if past is not None and past.is_slowed:
            self._log.info("dashboard.login_free", address=name)


HERE = "this machine"
PROXIED = frozenset({"x-forwarded-for", "x-forwarded-proto", "forwarded", "via"})
"""Headers of a request that came through a reverse proxy."""


def visitor_of(peer: str, headers: Mapping[str, str]) -> str:
    """Whom wrong tokens are counted for.

    Args:
        peer: the other end of the connection.
        headers: a reverse proxy on this machine adds the visitor's address. Only the last one is believed: what stands
            before it, the visitor may have written.
    """
    if not _is_loopback(peer):
        return _network(peer)
    if PROXIED.isdisjoint(name.lower() for name in headers):
        return HERE
    return _network(headers.get("X-Forwarded-For", "").rpartition(",")[2].strip())


def _network(told: str) -> str:
    """Of IPv6, one customer has a whole network of addresses."""
    try:
        address = ip_address(told)
    except ValueError:
        return "a proxy"
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(address)


def _is_loopback(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False
