"""The ledger: what happened to every document, in a database."""

from importer.adapters.ledger.backup import back_up
from importer.adapters.ledger.database import Database, is_outdated
from importer.adapters.ledger.errors import ClaimLost, LedgerBusy, LedgerError, LedgerNeedsPerson, WrongVersion
from importer.adapters.ledger.grouping import Group, Member
from importer.adapters.ledger.holders import holders_folder
from importer.adapters.ledger.integrity import faults_of
from importer.adapters.ledger.ledger import Ledger, printable
from importer.adapters.ledger.reader import LedgerReader
from importer.adapters.ledger.reconstruction import Reconstruction, reconstructing
from importer.adapters.ledger.values import Attempt, Claim, Ending, Event, Sighting
from importer.adapters.ledger.witness import WITNESS, Testimony, Witness, read_witness

__all__ = [
    "WITNESS",
    "Attempt",
    "Claim",
    "ClaimLost",
    "Database",
    "Ending",
    "Event",
    "Group",
    "Ledger",
    "LedgerBusy",
    "LedgerError",
    "LedgerNeedsPerson",
    "LedgerReader",
    "Member",
    "Reconstruction",
    "Sighting",
    "Testimony",
    "Witness",
    "WrongVersion",
    "back_up",
    "faults_of",
    "holders_folder",
    "is_outdated",
    "printable",
    "read_witness",
    "reconstructing",
]
