"""The ledger: what happened to every document, in a database."""

from importer.adapters.ledger.backup import back_up, back_up_before_upgrade
from importer.adapters.ledger.chronicle import Chronicle, Decided
from importer.adapters.ledger.database import Change, Database, is_outdated, with_password
from importer.adapters.ledger.errors import (
    ClaimLost,
    InUse,
    LedgerBusy,
    LedgerError,
    LedgerMisplaced,
    LedgerNeedsPerson,
    LedgerUnavailable,
    WrongVersion,
)
from importer.adapters.ledger.holders import holders_folder
from importer.adapters.ledger.hook_calls import HookCalls
from importer.adapters.ledger.integrity import faults_of
from importer.adapters.ledger.ledger import Ledger
from importer.adapters.ledger.postgres_news import News
from importer.adapters.ledger.reader import LedgerReader
from importer.adapters.ledger.rebuilding import reconstructing
from importer.adapters.ledger.reconstruction import Reconstruction
from importer.adapters.ledger.resends import ResendClaim, Resends
from importer.adapters.ledger.trail import printable
from importer.adapters.ledger.transfer import transfer
from importer.adapters.ledger.values import Attempt, Claim, Ending, Event, Move, Refusal, Sighting, Standing
from importer.adapters.ledger.witness import WITNESS, Testimony, Witness, read_witness

__all__ = [
    "WITNESS",
    "Attempt",
    "Change",
    "Chronicle",
    "Claim",
    "ClaimLost",
    "Database",
    "Decided",
    "Ending",
    "Event",
    "HookCalls",
    "InUse",
    "Ledger",
    "LedgerBusy",
    "LedgerError",
    "LedgerMisplaced",
    "LedgerNeedsPerson",
    "LedgerReader",
    "LedgerUnavailable",
    "Move",
    "News",
    "Reconstruction",
    "Refusal",
    "ResendClaim",
    "Resends",
    "Sighting",
    "Standing",
    "Testimony",
    "Witness",
    "WrongVersion",
    "back_up",
    "back_up_before_upgrade",
    "faults_of",
    "holders_folder",
    "is_outdated",
    "printable",
    "read_witness",
    "reconstructing",
    "transfer",
    "with_password",
]
