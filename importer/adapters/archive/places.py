"""Names and folders to put a document under."""

import os
from collections.abc import Callable
from pathlib import Path

from importer.adapters.archive.durable import FOLDER_MODE, sync_folder
from importer.adapters.archive.errors import explained
from importer.core.naming import SIDECARS, numbered


def free_target(folder: Path, filename: str, is_taken: Callable[[Path], bool]) -> Path:
    """The first of `RE12345.pdf`, `RE12345~2.pdf`, ... that nobody has; long names are cut to leave room for sidecars.

    Args:
        folder: need not exist yet.
        filename: the name as it is on disk.
        is_taken: whether the path is promised to another document.

    Raises:
        ArchiveError: the folder cannot be looked into.
    """
    candidates = (folder / name for name in numbered(filename))
    with explained("look for a free name", folder):
        return next(path for path in candidates if not is_taken(path) and not _is_occupied(path))


def _is_occupied(path: Path) -> bool:
    return any(_is_there(f"{path}{ending}") for ending in ("", *SIDECARS))


def _is_there(path: str) -> bool:
    # os.path.lexists takes a folder without permission for an absent file.
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def make_folder(folder: Path) -> None:
    """Makes a folder and its parents, durably; existing ones stay as the operator has made them.

    Raises:
        ArchiveError: it cannot be made.
    """
    with explained("make the folder", folder):
        _make(folder)


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    _make(folder.parent)
    try:
        os.mkdir(folder, FOLDER_MODE)  # noqa: PTH102 - beside the other system calls
    except FileExistsError:
        if not folder.is_dir():
            raise
    sync_folder(folder.parent)
