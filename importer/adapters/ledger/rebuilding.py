"""A new ledger in the old one's place, of either kind."""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from importer.adapters.ledger.database import file_of
from importer.adapters.ledger.postgres_rebuild import reconstructing_on_server
from importer.adapters.ledger.reconstruction import Reconstruction, reconstructing_file


def reconstructing(url: str, witness: Path, now: datetime) -> AbstractContextManager[tuple[Reconstruction, str | None]]:
    """A new ledger, and where the old one will be kept; at the end of the block it takes the old one's place.

    Whatever stops the block leaves the old ledger where it is. The caller is alone with a file; a server sees to it.

    Raises:
        LedgerBusy: others work with it.
        WrongVersion: the old ledger is sound, but of another version.
        LedgerError: something cannot be read or written.
    """
    file = file_of(url)
    return reconstructing_on_server(url, witness, now) if file is None else reconstructing_file(file, witness, now)
