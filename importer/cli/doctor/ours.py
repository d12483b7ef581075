"""What is the importer's own: rules, ledger, locks, and who may read what it keeps."""

import os
from pathlib import Path

from importer.adapters.locks import is_held
from importer.adapters.machine import is_open_to_all, is_root_for
from importer.adapters.patterns import compile_pattern
from importer.adapters.rules_file import load_rules
from importer.assembly import ELSEWHERE, opened_ledger, share_of
from importer.cli.doctor.finding import Finding, checked, fault, warning
from importer.config import Settings
from importer.core.naming import shown
from importer.core.rules import lint
from importer.report import counted
from importer.whereabouts import witness_of

AS_WHOM = "run doctor as the user whom the service runs as: runuser -u importer -- importer doctor"
MEND_LEDGER = "do what the message says; `importer ledger verify` tells more"
MEND_RULES = "mend the rules file; `importer rules test` shows every example"


def rules(settings: Settings) -> Finding:
    return checked("rules", lambda: _rules(settings), MEND_RULES)


def _rules(settings: Settings) -> Finding | str:
    loaded = load_rules(settings.rules, compile_pattern)
    told = f"{settings.rules}: {counted(len(loaded.rules), 'rule')}, every example is right"
    warnings = [f"warning: {each}" for each in lint(loaded)]
    return warning("rules", "\n".join([told, *warnings]), MEND_RULES) if warnings else told


def ledger(settings: Settings) -> Finding:
    file = settings.ledger.url.sqlite_path
    if message := share_of(settings):
        return fault("ledger", message, ELSEWHERE)  # and not opened: that alone could harm it
    if file and not file.exists() and is_root_for(file.parent):
        return warning("ledger", f"{file} does not exist yet, and would be made as root's", AS_WHOM)
    return checked("ledger", lambda: _opened(settings), MEND_LEDGER)


def _opened(settings: Settings) -> str:
    with opened_ledger(settings) as opened:
        return f"{settings.ledger.url}: {counted(sum(opened.counts().values()), 'document')}"


def user(settings: Settings) -> Finding | None:
    """Root may do everything, so what root finds says nothing about the service."""
    if is_root_for(settings.inbox.path):
        message = f"root looked, but {settings.inbox.path} belongs to somebody else: what that user may do is not known"
        return warning("user", message, AS_WHOM)
    return None


def instance(settings: Settings) -> Finding:
    """For information: that a service runs is as it should be."""
    file = settings.ledger.url.sqlite_path
    for path in filter(None, (settings.inbox.path, file and file.with_suffix(".run"))):
        if os.access(path, os.R_OK) and is_held(path):
            return Finding(
                "instance", f"an importer runs on {path}; a second one would end with 6, a backfill would not"
            )
    return Finding("instance", f"no importer runs on {settings.inbox.path}")


def privacy(settings: Settings) -> Finding:
    """Files that an earlier umask left open stay so until somebody closes them."""
    file, archive = settings.ledger.url.sqlite_path, settings.archive
    folders = (settings.inbox.path, archive.imported.root, archive.duplicates, archive.rejected, archive.held)
    beside = [file, file.with_name(f"{file.name}.holders")] if file else []
    return checked("privacy", lambda: _privacy([*folders, *beside, witness_of(settings)]), "check the folder's rights")


def _privacy(paths: list[Path]) -> Finding | str:
    is_open = [shown(path) for path in dict.fromkeys(paths) if path.exists() and is_open_to_all(path)]
    if is_open:
        told = " ".join(is_open)
        return warning("privacy", f"everybody on this machine may look into {told}", f"chmod o-rwx {told}")
    return "only the importer's user and group may look into inbox, archive and ledger"
