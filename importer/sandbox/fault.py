"""A fault as a frozen value: what happens to the request's body, the effect, the key, the reply and the wire."""

from dataclasses import dataclass
from enum import StrEnum

from importer.sandbox.replies import Reply


class Read(StrEnum):
    """How much of the request's body is read; less than all of it ends in a connection reset."""

    ALL = "all"
    HALF = "half"
    NOTHING = "nothing"


class Effect(StrEnum):
    """How often the request is processed. `LATER` is once, when `Store.release` or the clock lets it."""

    ONCE = "once"
    NEVER = "never"
    TWICE = "twice"
    LATER = "later"


class Memory(StrEnum):
    """What is kept under the idempotency key: the API's true reply, the faulty one, or nothing."""

    TRUE = "true"
    FAULTY = "faulty"
    NOTHING = "nothing"


class Delivery(StrEnum):
    """How the reply goes over the wire."""

    WHOLE = "whole"
    RESET = "reset"
    CUT = "cut"
    CUT_UNFRAMED = "cut_unframed"
    SLOW_HEAD = "slow_head"
    SLOW_BODY = "slow_body"
    STALE = "stale"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request. Every default means: nothing.

    Attributes:
        before, after: seconds of pause before and after the effect; None waits for `release()`.
        later: seconds by the sandbox's clock until a `LATER` effect lands; None waits for `release()`.
        ignores_key: the key is neither looked up nor kept.
        reply: sent instead of the true reply.
        another: the reply carries another import's references.
        pace: seconds between two bytes of a slow delivery.
        shift: by how many rows a listing moved under a reader who is past its beginning.
        appended: bytes that the server adds to the stored document.
        date_skew: seconds added to the `Date` header; None leaves it out.
    """

    name: str
    read: Read = Read.ALL
    before: float | None = 0.0
    effect: Effect = Effect.ONCE
    later: float | None = None
    memory: Memory = Memory.TRUE
    ignores_key: bool = False
    reply: Reply | None = None
    another: bool = False
    after: float | None = 0.0
    delivery: Delivery = Delivery.WHOLE
    pace: float = 0.01
    shift: int = 0
    appended: bytes = b""
    date_skew: float | None = 0.0

    def __post_init__(self) -> None:
        silent = self.read is not Read.ALL or self.delivery is Delivery.RESET
        if self.effect in (Effect.NEVER, Effect.LATER) and self.reply is None and not silent:
            raise ValueError(f"{self.name}: without an effect there is no reply to send")
        if self.memory is Memory.FAULTY and self.reply is None:
            raise ValueError(f"{self.name}: there is no faulty reply to remember")


NONE = Fault(name="none")
