"""How long to wait after fruitless tries: the one formula for documents, probes and circuits."""

import hashlib
from datetime import timedelta


def pause_after(tries: int, schedule: tuple[timedelta, timedelta], seed: str) -> timedelta:
    """Doubled with each fruitless try, capped, and shortened by up to a quarter, so that many do not come back at once.

    Args:
        tries: how many were fruitless before this one.
        schedule: the first pause and the longest one.
        seed: decides how much is taken off; the same seed takes off the same, so that a story can be repeated.
    """
    low, high = schedule
    widened = min(high, low * (1 << min(tries, 20)))
    return widened * (1 - hashlib.sha256(seed.encode()).digest()[0] / 1024)
