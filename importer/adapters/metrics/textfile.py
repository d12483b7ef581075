"""Metrics as a file, for the textfile collector of a node exporter."""

import os
from pathlib import Path


def write_textfile(path: Path, content: bytes) -> None:
    """Puts the content there as a whole: a reader sees the former one or this one.

    Not flushed to the disk: after a power failure it is old anyway, and written again a moment later.

    Raises:
        OSError: it cannot be written.
    """
    # The collector reads *.prom only.
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(content)
        fresh.chmod(0o644)  # another user reads it, whatever our umask
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
