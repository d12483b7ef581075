"""An audit on disk: how far it has come, and what the last one that came to its end has found."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from importer.adapters.progress_file import read_progress, write_progress
from importer.core.audit import AuditFinding, Gap

STALE = timedelta(days=1)
"""An audit that was left for longer starts over: much has changed since."""

VERSION = 1

_DOCUMENT = re.compile(r"(D[1-9][0-9]{0,17})?")


@dataclass(frozen=True, slots=True)
class AuditFiles:
    """Where both are kept. What stands in them concerns nobody but the importer's user."""

    progress: Path
    last: Path


@dataclass(slots=True)
class Progress:
    """What is done, and what was found."""

    begun_at: datetime
    done: dict[str, None] = field(default_factory=dict)
    """References of the invoices that were looked at."""
    findings: list[AuditFinding] = field(default_factory=list)
    is_resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One that came to its end."""

    begun_at: datetime
    ended_at: datetime
    since: datetime | None
    """Invoices created, and documents imported, earlier were left out."""
    invoices: int
    findings: tuple[AuditFinding, ...]


def keep_progress(file: Path, account: str, since: datetime | None, progress: Progress) -> None:
    """Raises: OSError: it cannot be written."""
    content = _about(account, since) | {
        "begun_at": progress.begun_at.isoformat(),
        "done": list(progress.done),
        "findings": [asdict(finding) for finding in progress.findings],
    }
    write_progress(file, content)


def kept_progress(file: Path, account: str, since: datetime | None, now: datetime) -> Progress | None:
    """An audit of the same that was not finished; None where there is none, or one that is stale or not whole."""
    content = read_progress(file)
    if content is None or any(content.get(name) != value for name, value in _about(account, since).items()):
        return None
    try:
        begun_at = datetime.fromisoformat(content["begun_at"])
        progress = Progress(begun_at, dict.fromkeys(content["done"]), _findings(content), is_resumed=True)
        return progress if timedelta(0) <= now - begun_at <= STALE else None
    except (KeyError, TypeError, ValueError):
        return None


def keep_last(file: Path, account: str, audit: Audit) -> None:
    """Raises: OSError: it cannot be written; the one before is still there."""
    content = _about(account, audit.since) | {
        "begun_at": audit.begun_at.isoformat(),
        "ended_at": audit.ended_at.isoformat(),
        "invoices": audit.invoices,
        "findings": [asdict(finding) for finding in audit.findings],
    }
    write_progress(file, content)


def last_audit(file: Path, account: str) -> Audit | None:
    """The last one of this account that came to its end, if it can be read."""
    content = read_progress(file)
    if content is None or (content.get("version"), content.get("account")) != (VERSION, account):
        return None
    try:
        return Audit(
            begun_at=datetime.fromisoformat(content["begun_at"]),
            ended_at=datetime.fromisoformat(content["ended_at"]),
            since=datetime.fromisoformat(content["since"]) if content["since"] else None,
            invoices=int(content["invoices"]),
            findings=tuple(_findings(content)),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _about(account: str, since: datetime | None) -> dict[str, Any]:
    return {"version": VERSION, "account": account, "since": since.isoformat() if since else None}


def _findings(content: Mapping[str, Any]) -> list[AuditFinding]:
    found = [AuditFinding(**{**told, "gap": Gap(told["gap"])}) for told in content["findings"]]
    if not all(_DOCUMENT.fullmatch(finding.document) for finding in found):
        raise ValueError("a document's name is D and a number")
    return found
