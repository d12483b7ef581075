"""Ids of documents, as many as there may be: one bit each."""

import threading
from collections.abc import Collection, Iterator


class IdSet(Collection[int]):
    """A set that only grows; for positive numbers that lie close together. Safe to use from several threads."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._count = 0
        self._lock = threading.Lock()

    def add(self, number: int) -> None:
        place, bit = number >> 3, 1 << (number & 7)
        with self._lock:
            if place >= len(self._bits):
                self._bits.extend(bytes(place + 1 - len(self._bits)))
            if not self._bits[place] & bit:
                self._bits[place] |= bit
                self._count += 1

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        place = number >> 3
        return place < len(self._bits) and bool(self._bits[place] & 1 << (number & 7))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        """From the lowest to the highest."""
        for place, byte in enumerate(self._bits):
            if byte:
                yield from (place << 3 | bit for bit in range(8) if byte & 1 << bit)
