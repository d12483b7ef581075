"""What can go wrong with the ledger, and what to do about it."""

from sqlalchemy.exc import DBAPIError

from importer.core.errors import ImporterError


class LedgerError(ImporterError):
    """The ledger could not be read or written; nothing was sent on the strength of it."""


class LedgerNeedsPerson(LedgerError):
    """The ledger is corrupt, or of another version, or another account's: the importer stops (exit code 7)."""


class WrongVersion(LedgerNeedsPerson):
    """The ledger's schema is older or newer than this importer's."""

    def __init__(self, message: str, *, is_older: bool) -> None:
        super().__init__(message)
        self.is_older = is_older


class LedgerBusy(LedgerError):
    """Somebody is alone with the ledger: it is being rebuilt or upgraded (exit code 6)."""


class LedgerMisplaced(LedgerError):
    """It is where no ledger may be, such as on a network share (exit code 2)."""


class LedgerUnavailable(LedgerError):
    """The database's server cannot be reached, or has ended the connection: it is worth while to try again later.

    A change that was under way has left nothing behind, unless `in_doubt` says that nobody could find out.
    """

    def __init__(self, message: str, *, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


class LedgerConflict(LedgerError):
    """Two importers stood in one another's way, and the database has sent this one back to begin again."""


class InUse(Exception):
    """Somebody works on the document that would have to change; ask again when he is done."""


class ClaimLost(LedgerError):
    """Another importer has taken this document over; its outcome is that one's to find out."""


_ADVICE = {
    "SQLITE_BUSY": "another program holds it locked; end it (a backup tool? an open database browser?) and start again",
    "SQLITE_FULL": "the disk is full; make room and start again: nothing was lost",
    "SQLITE_READONLY": "the file or its folder is read-only; give the importer's user the right to write there",
    "SQLITE_CANTOPEN": "the file cannot be opened or made; check that its folder exists and may be written to",
    "SQLITE_IOERR": "the disk reports an error; check it before the importer is started again",
    "SQLITE_PERM": "the importer's user may not open it; check the file's owner",
}
_FATAL = {
    "SQLITE_CORRUPT": "its content is damaged; keep the file as it is, and restore a backup",
    "SQLITE_NOTADB": "the file is not a ledger; check ledger.url",
}


def sqlite_name(error: object) -> str:
    """SQLite's name for what has gone wrong; empty where it was not SQLite."""
    return str(getattr(error, "sqlite_errorname", ""))


def translate(error: DBAPIError, where: str) -> LedgerError:
    """The database's error in an operator's words. Told apart by its code, never by its text."""
    return told(error.orig, where)


def told(cause: BaseException | None, where: str) -> LedgerError:
    """The same for an error of the driver's."""
    name = sqlite_name(cause)
    for codes, kind in ((_FATAL, LedgerNeedsPerson), (_ADVICE, LedgerError)):
        for code, advice in codes.items():
            if name.startswith(code):
                return kind(f"ledger {where}: {advice} ({name})")
    return LedgerError(f"ledger {where}: {cause}")
