"""What PostgreSQL says, in an operator's words. Told apart by its codes (SQLSTATE), never by its text."""

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, TimeoutError as PoolTimeout

from importer.adapters.ledger.errors import (
    LedgerConflict,
    LedgerError,
    LedgerNeedsPerson,
    LedgerUnavailable,
)

UNIQUE = "23505"
"""Somebody else has committed a row that there may be once only."""

DATA = "22"
"""A value that cannot be kept: too long, or no valid text."""

_KINDS: dict[str, tuple[type[LedgerError], str]] = {
    "40": (LedgerConflict, "other importers are in the way; try again"),
    "08": (LedgerUnavailable, "the connection was lost; the server is asked again"),
    "57P": (LedgerUnavailable, "the server has ended the connection; it is asked again"),
    "25P03": (LedgerUnavailable, "the transaction had stood still for too long, and was undone"),
    "53300": (LedgerUnavailable, "the server has no more connections to give; raise max_connections, or use a pooler"),
    "53": (LedgerUnavailable, "the server lacks room or memory; make some: nothing was lost"),
    "55P03": (LedgerUnavailable, "another importer has held a row locked for too long; it is tried again"),
    "57014": (LedgerUnavailable, "the server took too long over one statement; look at its load"),
    "25006": (LedgerUnavailable, "this server may only be read: a standby; name the primary in ledger.url"),
    "28": (LedgerError, "the server does not let this user in; check user, password and pg_hba.conf"),
    "3D000": (LedgerError, "there is no such database; make it with createdb, or correct ledger.url"),
    "42501": (LedgerError, "the user lacks a right; have it own the database"),
    "58": (LedgerUnavailable, "the server reports an error of its disk; check it"),
    "XX001": (LedgerNeedsPerson, "its content is damaged; keep it as it is, and restore a backup"),
    "XX002": (LedgerNeedsPerson, "an index is damaged; stop the importers and REINDEX it"),
    "42P01": (LedgerNeedsPerson, "a table is missing; check ledger.url and the user's search_path"),
}
"""By the longest beginning of a code that fits."""

UNREACHABLE = "the server cannot be reached, or has broken the connection off; check that it runs and lets us in"


def code_of(error: BaseException | None) -> str:
    """SQLSTATE, or nothing where the server has said nothing."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def translate(error: SQLAlchemyError, where: str) -> LedgerError:
    """The error as one of ours."""
    if isinstance(error, PoolTimeout):
        return LedgerUnavailable(f"ledger {where}: all connections of this process are in use; it is tried again")
    code, detail = code_of(error), _detail(error)
    fitting = sorted((start for start in _KINDS if code.startswith(start)), key=len)
    if fitting:
        kind, advice = _KINDS[fitting[-1]]
        return kind(f"ledger {where}: {advice} ({detail})")
    if not code or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return LedgerUnavailable(f"ledger {where}: {UNREACHABLE} ({detail})")
    return LedgerError(f"ledger {where}: {detail}")


def _detail(error: SQLAlchemyError) -> str:
    """The first line of what the driver says, with the code; further lines may repeat values."""
    cause = getattr(error, "orig", None) or error
    line = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
    code = code_of(error)
    return f"{code}: {line}" if code else line
