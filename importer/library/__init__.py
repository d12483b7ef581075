"""Importing from a program of your own: `from importer import Importer, load_settings` (docs/library.md)."""

from importer.adapters.archive import ArchiveError
from importer.adapters.ledger import LedgerBusy, LedgerError, LedgerNeedsPerson, LedgerUnavailable
from importer.adapters.probe import ProbeError
from importer.adapters.reading import FileVanished, NotReady, ReadError
from importer.adapters.rules_file import RulesFileError
from importer.config import ConfigError, Settings
from importer.core.errors import ImporterError
from importer.core.model import Kind, Reason, ReferencesFrom, State
from importer.library.door import Closed, Importer, NotImportable, UnknownDocument, load_settings
from importer.library.result import ImportResult

__all__ = [
    "ArchiveError",
    "Closed",
    "ConfigError",
    "FileVanished",
    "ImportResult",
    "Importer",
    "ImporterError",
    "Kind",
    "LedgerBusy",
    "LedgerError",
    "LedgerNeedsPerson",
    "LedgerUnavailable",
    "NotImportable",
    "NotReady",
    "ProbeError",
    "ReadError",
    "Reason",
    "ReferencesFrom",
    "RulesFileError",
    "Settings",
    "State",
    "UnknownDocument",
    "load_settings",
]
