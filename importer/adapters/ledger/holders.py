"""Who holds claims on this host: one locked file a process. The lock goes with the process, however it dies."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Self


class Holder:
    """This process's name on its claims. The file stays locked as long as the process lives."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._folder = folder
        self.name = secrets.token_hex(8)
        self._file = os.open(folder / self.name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        (self._folder / self.name).unlink(missing_ok=True)
        os.close(self._file)

    def is_alive(self, name: str) -> bool:
        """Whether the process with that name still runs. The file of a dead one is cleared away."""
        if name == self.name:
            return True
        try:
            file = os.open(self._folder / name, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            (self._folder / name).unlink(missing_ok=True)
            return False
        finally:
            os.close(file)
