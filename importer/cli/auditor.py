"""What an audit needs, on the command line and on the operator's page."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Turns
from importer.adapters.telemetry import Redactor
from importer.assembly import account_of
from importer.audit import Auditor
from importer.audit_files import AuditFiles
from importer.auditing import Audits, NotStarted
from importer.cli.desk import Desk, desk_at
from importer.cli.exits import Stop
from importer.clock import SystemClock
from importer.config import Settings


def auditor_of(desk: Desk, since: datetime | None) -> Auditor:
    return Auditor(
        account=account_of(desk.settings),
        ledger=desk.ledger,
        client=desk.client,
        line=desk.line,
        log=desk.log,
        files=audit_files(desk.settings),
        since=since,
    )


def audit_files(settings: Settings) -> AuditFiles:
    """Beside the ledger; where that is no file, in the archive."""
    ledger = settings.ledger.url.sqlite_path
    folder, name = (ledger.parent, ledger.name) if ledger else (settings.archive.imported.root, "")
    return AuditFiles(progress=folder / f"{name}.audit.json", last=folder / f"{name}.audited.json")


@contextmanager
def audits(
    settings: Settings, redactor: Redactor, log: FilteringBoundLogger, turns: Turns | None = None
) -> Iterator[Audits]:
    """Audits in the background, as long as the context lasts.

    Args:
        settings: all of them.
        redactor: what it must hide is told when one begins, for the credentials are read then.
        log: the page's.
        turns: of whoever asks Abillify in this process already: all together keep to the rate limit.
    """
    opened = _opener(settings, redactor, log.bind(task="audit"), turns)
    found = Audits(opened, files=audit_files(settings), account=account_of(settings), clock=SystemClock(), log=log)
    try:
        yield found
    finally:
        found.close()


def _opener(
    settings: Settings, redactor: Redactor, log: FilteringBoundLogger, turns: Turns | None
) -> Callable[[], AbstractContextManager[Auditor]]:
    @contextmanager
    def opened() -> Iterator[Auditor]:
        try:
            with desk_at(settings, redactor, log, turns) as desk:
                yield auditor_of(desk, None)
        except Stop as error:
            raise NotStarted(str(error)) from None

    return opened
