"""When an idempotency key may be used, and when it gives way to the next generation (exactly-once.md, "Keys").

Age counts by the server's clock. A clock that is unknown or runs backwards means that the key has expired.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from importer.core.model import Key, VendorError

CLOCK_SLACK = timedelta(seconds=2)
"""The `Date` header counts whole seconds: only a larger step back is a clock that runs backwards."""


def is_usable(key: Key, server_time: datetime | None, lifetime: timedelta) -> bool:
    """Whether one more send under this key has at most one effect together with the earlier ones (assumption A1)."""
    if server_time is None or key.sealed:
        return False
    if key.born_at is None:
        return not key.in_doubt
    return -CLOCK_SLACK <= server_time - key.born_at <= lifetime


def key_to_send(key: Key, server_time: datetime | None, lifetime: timedelta) -> Key | None:
    """The key to send under now, or None when nothing may be sent yet.

    None means either that the server's time is unknown, or that the key can do no more while a send is in doubt: then
    only read-backs can help.
    """
    if server_time is None:
        return None
    if not is_usable(key, server_time, lifetime):
        if key.in_doubt:
            return None
        key = next_generation(key)
    return replace(key, born_at=key.born_at or server_time)


def next_generation(key: Key) -> Key:
    """A fresh key. Only for a key without a send in doubt, or after absence was proved."""
    return Key(generation=key.generation + 1)


def answered(key: Key, error: VendorError | None) -> Key:
    """The key after the vendor's own error: the same answer twice means that it is remembered."""
    if error is None:
        return key
    return replace(key, answer=error.fingerprint, sealed=key.sealed or key.answer == error.fingerprint)


def doubted(key: Key, server_time: datetime | None) -> Key:
    return replace(key, in_doubt=True, last_sent_at=server_time, absent_at=None)
