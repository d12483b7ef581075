"""The folders: whether the importer may do there what it does, and whether there is room."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from importer.adapters.machine import can_move, room_at, try_folder
from importer.assembly import make_folders
from importer.cli.doctor.finding import Finding, checked, fault, warning
from importer.cli.exits import Exit
from importer.config import Settings
from importer.report import counted

LITTLE = 1 << 30
"""Bytes: a day's documents in the archive, with room for a backup of the ledger."""
NEXT_TO_NOTHING = 64 << 20
"""Bytes: a document, the ledger's log, and little more."""
FEW_FILES = 10_000

RIGHTS = "give the importer's user the right to write, rename and delete there (chown, chmod, the mount's options)"
MAKE_ROOM = "make room on that file system before it is full; then nothing is sent any more"


def folders(settings: Settings) -> Iterator[Finding]:
    try:
        make_folders(settings)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}"
        yield fault("folders", message, "give the importer's user the right to make it, or make it", Exit.FAULT)
        return
    tried = [checked(f"folder {folder}", partial(_tried, folder), RIGHTS) for folder in _needed(settings)]
    yield from tried
    if not any(finding.is_fault for finding in tried):
        yield checked("moves", lambda: _moves(settings), RIGHTS)
    yield from _room(settings)


def _tried(folder: Path) -> str:
    try_folder(folder)
    return "can be written to, renamed in and deleted from"


def _needed(settings: Settings) -> list[Path]:
    """Ours, and the one where today's documents go: somebody else may have made it."""
    today = settings.archive.imported.at(datetime.now(UTC))
    return list(dict.fromkeys([*settings.folders(), *([today] if today.is_dir() else [])]))


def _moves(settings: Settings) -> Finding | str:
    archive, inbox = settings.archive, settings.inbox.path
    targets = (archive.imported.root, archive.duplicates, archive.rejected, archive.held)
    apart = [str(folder) for folder in targets if not can_move(inbox, folder)]
    if apart:
        message = f"from {inbox} every file is copied, not moved, to {', '.join(apart)}: another file system or mount"
        remedy = "put inbox and archive on one file system, under one mount; it works without, only slower"
        return warning("moves", message, remedy)
    return "files are moved to the archive by renaming"


def _room(settings: Settings) -> Iterator[Finding]:
    """Once for each file system."""
    seen: set[int] = set()
    for folder in settings.folders():
        try:
            room = room_at(folder)
        except OSError:
            continue  # told already
        if room.device in seen:
            continue
        seen.add(room.device)
        told = f"{room.size >> 20} MiB free"
        if room.files is not None and room.files < FEW_FILES:
            told += f", and place for {counted(room.files, 'file')} more"
        yield _judged(f"room at {folder}", told, room.size, room.files)


def _judged(check: str, told: str, size: int, files: int | None) -> Finding:
    if size < NEXT_TO_NOTHING or files == 0:
        return fault(check, told, MAKE_ROOM, Exit.FAULT)
    if size < LITTLE or (files is not None and files < FEW_FILES):
        return warning(check, told, MAKE_ROOM)
    return Finding(check, told)
