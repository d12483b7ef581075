"""Paths as a person names them on the command line."""

import os
from pathlib import Path

from importer.config import Settings


def named(settings: Settings, path: Path) -> Path:
    """The absolute path without `..`; below the inbox also when the way there led through a symbolic link.

    The last part is not followed: a link itself is never taken for its target.
    """
    plain = Path(os.path.normpath(path.absolute()))
    inbox = settings.inbox.path
    if plain == inbox or plain.is_relative_to(inbox):
        return plain
    real = plain.parent.resolve() / plain.name
    really_inbox = inbox.resolve()
    if real == really_inbox or real.is_relative_to(really_inbox):
        return inbox / real.relative_to(really_inbox)
    return plain


def is_put_away(settings: Settings, path: Path) -> bool:
    """Whether a path lies in one of the importer's own folders for documents that it is done with, or leads to one."""
    archive = settings.archive
    folders = (archive.imported.root, archive.duplicates, archive.rejected, archive.held)
    return any(path.is_relative_to(folder) or folder.is_relative_to(path) for folder in folders)
