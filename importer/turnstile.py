"""Room for so many at once, where whoever is in a hurry goes before those who came earlier."""

import threading
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class _Waiting:
    haste: int
    _bell: threading.Lock = field(default_factory=threading.Lock)
    """Held until a place is theirs."""

    def __post_init__(self) -> None:
        self._bell.acquire()

    def wait(self, within: float | None) -> bool:
        return self._bell.acquire(timeout=-1 if within is None else max(0.0, within))

    def let_in(self) -> None:
        self._bell.release()


class Turnstile:
    """As a semaphore, but every other place that becomes free is for the one in the greatest hurry.

    The others are for whoever has waited longest: they must not wait for ever, or their leases would end.
    """

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._free = places
        self._waiting: list[_Waiting] = []
        self._is_for_hasty = True

    def enter(self, haste: int = 0, *, within: float | None = None) -> bool:
        """Waits for a place; False when none was free for `within` seconds.

        Args:
            haste: who has more of it goes first; 0 for none.
            within: seconds; None for as long as it takes.
        """
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            me = _Waiting(haste)
            self._waiting.append(me)
        if me.wait(within):
            return True
        with self._lock:
            if me in self._waiting:
                self._waiting.remove(me)
                return False
        return True  # let in at the last moment

    def leave(self) -> None:
        """Gives the place to the next one."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            chosen = max(self._waiting, key=lambda one: one.haste) if self._is_for_hasty else self._waiting[0]
            self._is_for_hasty = chosen.haste == 0 or not self._is_for_hasty
            self._waiting.remove(chosen)
            chosen.let_in()
