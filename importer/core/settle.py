"""When is a file complete: observations in, verdict out.

No file system tells when the last byte has come. A file counts once it has looked the same for long enough; an empty
one must stay empty longer, because many programs make the name first and write later.
"""

from dataclasses import dataclass
from typing import Any, Self

EMPTY_PATIENCE = 5
"""How many times longer an empty file is waited for."""

RESOLUTION = 1e-6
"""Seconds; less than this is no wait. Floating point must not ask for a look that comes a nanosecond early."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What shows that a file has changed, without reading it. Times in nanoseconds."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: Any) -> Self:
        """From what `os.lstat` or `os.fstat` answers."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


@dataclass(frozen=True, slots=True)
class Settled:
    """The file is complete, as far as anybody can tell. An empty one may be so too: it is refused later, by name."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Not yet."""

    seconds: float | None
    """When the next look is worthwhile; None when only a change of the folder can make it so (no done file yet)."""


@dataclass(frozen=True, slots=True)
class Settling:
    """What is known of one file: how it looks, and since when it has looked like that."""

    signature: Signature
    since: float
    """Monotonic seconds of the first observation with this signature."""

    def seen(self, signature: Signature, now: float) -> "Settling":
        """After another observation; a changed file begins anew."""
        return self if signature == self.signature else Settling(signature, now)

    def verdict(self, now: float, settle: float, *, released: bool = True) -> Settled | Unsettled:
        """Whether the file is complete, given that it has just been observed.

        Args:
            now: monotonic seconds of the latest observation.
            settle: seconds that a file must look the same; with 0 the first observation suffices.
            released: whether its done file exists, where one is waited for.
        """
        if not released:
            return Unsettled(None)
        needed = settle if self.signature.size else settle * EMPTY_PATIENCE
        missing = self.since + needed - now
        return Unsettled(missing) if missing > RESOLUTION else Settled()
