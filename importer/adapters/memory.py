"""The C library's memory: what was freed goes back to the system, or is used again, however long a process lives.

glibc only (mallopt(3)); elsewhere nothing is changed.
"""

import ctypes

_M_MMAP_THRESHOLD, _LARGE = -3, 128 * 1024
_M_ARENA_MAX, _ARENAS = -8, 2


def keep_flat() -> None:
    """To be called before the first thread begins.

    By itself glibc lets the bound grow from which a block has pages of its own, so that large and small ones lie
    mixed; and it has eight such heaps a processor, each with its own gaps. After 16 000 documents there were 63 MB of
    gaps beside 36 MB in use.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_ARENA_MAX, _ARENAS)
