"""Where a settled document's file is to lie."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PurePosixPath

from importer.adapters.archive import ArchiveError, free_target
from importer.core.lifecycle import FILE_GONE
from importer.core.model import Document, State
from importer.core.naming import numbered


class Placement:
    """The four folders of `[archive]`; a file that was named on the command line stays where it is."""

    def __init__(self, *, imported: Callable[[datetime], Path], duplicates: Path, rejected: Path, held: Path) -> None:
        self._imported = imported
        self._folders = {State.DUPLICATE: duplicates, State.REJECTED: rejected, State.HELD: held}

    def __call__(self, document: Document, is_reserved: Callable[[str], bool]) -> Document:
        """The document with the place that its file is to have, which no other document has been promised."""
        if document.in_place and document.state is not State.IMPORTED:
            return document  # only an import has a receipt to be placed; the rest is told by `show`
        if document.reason is not None and document.reason.code == FILE_GONE:
            return document
        folder = self._folder(document)
        if os.path.dirname(document.location) == str(folder) and not is_reserved(document.location):  # noqa: PTH120
            return document.evolve(target=document.location)  # already there: only the reason beside it is written
        return document.evolve(target=str(_free(folder, document.filename, is_reserved)))

    def _folder(self, document: Document) -> Path:
        if document.state is State.IMPORTED:
            assert document.imported_at is not None, "an imported document has its time"
            return self._imported(document.imported_at)
        # Subfolders may give the kind, so they are kept: a file that is moved back is judged as before.
        return self._folders[document.state] / PurePosixPath(document.path).parent


def _free(folder: Path, filename: str, is_reserved: Callable[[str], bool]) -> Path:
    try:
        return free_target(folder, filename, lambda path: is_reserved(str(path)))
    except ArchiveError:
        # An archive that cannot be looked into must not keep an outcome from being recorded; the move will tell.
        return next(path for name in numbered(filename) if not is_reserved(str(path := folder / name)))
