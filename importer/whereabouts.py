"""Where things are: the ledger and its witness, and what a person means by a path."""

import os
from collections.abc import Mapping
from pathlib import Path

from importer.adapters.ledger import WITNESS, with_password
from importer.config import Settings, load_ledger_password


def ledger_url(settings: Settings, environ: Mapping[str, str] | None = None) -> str:
    """The ledger's address with its password, where systemd hands one over (`LoadCredential=ledger_password:...`).

    Args:
        settings: say where it is.
        environ: where the password is looked for; None: this process's environment.
    """
    url = settings.ledger.url.reveal()
    password = load_ledger_password(os.environ if environ is None else environ)
    if password is None or settings.ledger.url.sqlite_path is not None:
        return url
    return with_password(url, password.reveal())


def witness_of(settings: Settings) -> Path:
    """The file that notices when the ledger was replaced."""
    return settings.archive.imported.root / WITNESS


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
