"""How far a long task has come, in a small file that is replaced as a whole: a crash leaves the former one."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def read_progress(path: Path) -> dict[str, Any] | None:
    """What was written last; None where there is nothing, or nothing that can be read: then one starts over."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_progress(path: Path, progress: dict[str, Any]) -> None:
    """Durably, and whole or not at all.

    Raises:
        OSError: it cannot be written; the former one is still there.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # Nobody else's business, whatever the umask says.
        number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(progress, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise


def remove_progress(path: Path) -> None:
    path.unlink(missing_ok=True)
