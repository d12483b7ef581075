"""The inbox as it is now: whether its changes are told, its folders can be emptied, its files read and understood."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from importer.adapters.inbox import FoundFile, Watcher, choose_mode
from importer.adapters.machine import folders_below, may_empty, may_read, watch_limit
from importer.adapters.patterns import compile_pattern
from importer.adapters.probe import Probe, ProbeError
from importer.adapters.rules_file import RulesFileError, load_rules
from importer.assembly import scanner_of
from importer.cli.doctor.finding import Finding, checked, warning
from importer.config import Settings
from importer.core.naming import IgnoredNames, shown
from importer.replay import Reader
from importer.report import counted

MOST_FILES = 10_000
"""So many files are looked at: a backlog of a million would take minutes, and says no more."""
ENOUGH = 524_288
"""Watches that Linux grants today where there is memory (fs/notify/inotify/inotify_user.c); older ones 8192."""

FOLDER_RIGHTS = "give the importer's user write access to that folder (chgrp importer, chmod g+rwx, no sticky bit)"
FILE_RIGHTS = "have whoever writes them give the group importer read access (a setgid folder, umask 0027)"


def inbox(settings: Settings) -> Iterator[Finding]:
    folders = list(folders_below(settings.inbox.path) if settings.inbox.recursive else [settings.inbox.path])
    yield _watching(settings, len(folders))
    yield from _closed(settings, folders)
    yield from _files(settings)


def _watching(settings: Settings, folders: int) -> Finding:
    inbox, limit = settings.inbox, watch_limit()
    wanted, _ = choose_mode(inbox.path, inbox.watch)
    with Watcher(inbox.path, recursive=inbox.recursive, mode=inbox.watch, changed=lambda _: None) as watcher:
        told = f"{watcher.effective_mode}: {watcher.why}"
    if wanted == "events" and (watcher.effective_mode != wanted or (limit is not None and folders > 0.8 * limit)):
        told += f"; {counted(folders, 'folder')} to be watched, and fs.inotify.max_user_watches = {limit} for each user"
        wants = max(ENOUGH, 2 * folders)
        return warning(
            "watching", told, f"sysctl -w fs.inotify.max_user_watches={wants}, and in /etc/sysctl.d for ever"
        )
    return Finding("watching", told)


def _closed(settings: Settings, folders: Sequence[Path]) -> Iterator[Finding]:
    """Folders in the inbox from which nothing can be moved away."""
    ignored, root = IgnoredNames(settings.inbox.ignore), settings.inbox.path
    ours = [folder for folder in folders if not any(part in ignored for part in folder.relative_to(root).parts)]
    closed = [folder for folder in ours if not may_empty(folder)]
    if closed:
        message = f"from {len(closed)} of {counted(len(ours), 'folder')} no file can be moved away, for example {{}}"
        yield warning("inbox folders", message.format(shown(closed[0])), FOLDER_RIGHTS)


def _files(settings: Settings) -> Iterator[Finding]:
    files = list(islice(scanner_of(settings).files(), MOST_FILES))
    unreadable = [file for file in files if not may_read(file.path)]
    if unreadable:
        message = f"{len(unreadable)} of {counted(len(files), 'file')} cannot be read, for example {{}}"
        yield warning("inbox files", message.format(shown(unreadable[0].path)), FILE_RIGHTS)
    yield checked("names", partial(_names, settings, files), "see `rules` above")


def _names(settings: Settings, files: Sequence[FoundFile]) -> Finding | str:
    try:
        refused = _refused(settings, files)
    except RulesFileError:
        return "not looked at: the rules cannot be loaded"
    except ProbeError as error:
        return warning("names", str(error), "mend what the message says, then run doctor again")
    if not refused:
        return f"every name says what it is: {counted(len(files), 'file')} in the inbox"
    example, why = refused[0]
    message = f"{len(refused)} of {counted(len(files), 'file')} in the inbox would be refused for its name"
    remedy = (
        f"importer explain {shown(example.path)!r} shows how far each rule came; mend the name, or {settings.rules}"
    )
    return warning("names", f"{message}, for example {shown(example.relative)}: {shown(why)}", remedy)


def _refused(settings: Settings, files: Sequence[FoundFile]) -> list[tuple[FoundFile, str]]:
    rules = load_rules(settings.rules, compile_pattern)
    with Probe() as probe:
        reader = Reader(rules, probe, settings.documents.max_size)
        answers = [(file, reader.read(file.relative, file.path).reason) for file in files]
    return [(file, reason.message) for file, reason in answers if reason is not None]
