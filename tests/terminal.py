"""What a person sees."""

import os


def all_shown(leader):
    """All that a terminal is shown, until the last program on it has ended."""
    return b"".join(_chunks(leader)).decode()


def _chunks(leader):
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:
            return
        if not chunk:
            return
        yield chunk
