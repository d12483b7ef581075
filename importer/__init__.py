"""Imports PDF and EML documents into Abillify exactly once, and keeps a ledger of what went where.

`importer` is a program (`importer --help`); for a program of your own, see docs/library.md:

    from importer import Importer, load_settings
"""

TYPE_CHECKING = False
"""As in `typing`, whose import would cost as much as the rest of `importer --help` may."""

if TYPE_CHECKING:
    from importer.library import (
        ArchiveError,
        Closed,
        ConfigError,
        FileVanished,
        Importer,
        ImporterError,
        ImportResult,
        Kind,
        LedgerBusy,
        LedgerError,
        LedgerNeedsPerson,
        LedgerUnavailable,
        NotImportable,
        NotReady,
        ProbeError,
        ReadError,
        Reason,
        ReferencesFrom,
        RulesFileError,
        Settings,
        State,
        UnknownDocument,
        load_settings,
    )

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

if not TYPE_CHECKING:

    def __getattr__(name):  # noqa: ANN001, ANN202 - hidden from whoever reads types: any name would do
        """The library, loaded when it is asked for: `import importer` and `importer --help` do without."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importer.library  # noqa: PLC0415

        return getattr(importer.library, name)

    def __dir__():  # noqa: ANN202
        return sorted({*globals(), *__all__})
