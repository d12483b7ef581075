"""Where documents go when they are done with: moves that lose nothing and overwrite nothing, receipts, reasons."""

from importer.adapters.archive.durable import Act, Open, alone, sync_all, together
from importer.adapters.archive.errors import ArchiveError, FileGone, NotDurable, ReceiptDamaged, TargetTaken
from importer.adapters.archive.move import How, Moved, move
from importer.adapters.archive.places import free_target, make_folder
from importer.adapters.archive.sidecars import keep_names, read_receipt, remove_sidecars, write_reason, write_receipt

__all__ = [
    "Act",
    "ArchiveError",
    "FileGone",
    "How",
    "Moved",
    "NotDurable",
    "Open",
    "ReceiptDamaged",
    "TargetTaken",
    "alone",
    "free_target",
    "keep_names",
    "make_folder",
    "move",
    "read_receipt",
    "remove_sidecars",
    "sync_all",
    "together",
    "write_reason",
    "write_receipt",
]
