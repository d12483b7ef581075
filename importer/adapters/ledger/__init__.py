"""The ledger: what happened to every document, in a database."""

from importer.adapters.ledger.database import Database
from importer.adapters.ledger.errors import ClaimLost, LedgerError, LedgerNeedsPerson
from importer.adapters.ledger.ledger import Ledger, printable
from importer.adapters.ledger.reader import LedgerReader
from importer.adapters.ledger.values import Attempt, Claim, Event, Sighting

__all__ = [
    "Attempt",
    "Claim",
    "ClaimLost",
    "Database",
    "Event",
    "Ledger",
    "LedgerError",
    "LedgerNeedsPerson",
    "LedgerReader",
    "Sighting",
    "printable",
]
