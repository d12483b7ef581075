"""What arrives: the scan finds files and says when they are complete, the watcher says when a scan is worthwhile."""

from importer.adapters.inbox.mounts import file_system_of, is_silent
from importer.adapters.inbox.scanner import Scan, Scanner
from importer.adapters.inbox.walk import FoundFile, Problem
from importer.adapters.inbox.watcher import Watcher, WatcherDied, WatchMode, choose_mode

__all__ = [
    "FoundFile",
    "Problem",
    "Scan",
    "Scanner",
    "WatchMode",
    "Watcher",
    "WatcherDied",
    "choose_mode",
    "file_system_of",
    "is_silent",
]
