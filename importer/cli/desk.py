"""What the operator's verbs need that ask Abillify or have it do something, but inspect no files."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import click
from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Abillify, Turns
from importer.adapters.ledger import Ledger
from importer.adapters.telemetry import Redactor
from importer.assembly import opened_client, opened_ledger
from importer.cli.assembled import log_of
from importer.cli.exits import Exit, Stop
from importer.cli.reading import settings_of
from importer.clock import SystemClock
from importer.config import Settings, load_credentials
from importer.core.lifecycle import CREDENTIALS_REFUSED
from importer.line import Line


@dataclass(frozen=True, slots=True)
class Desk:
    """The ledger, Abillify, and the line between them."""

    settings: Settings
    ledger: Ledger
    client: Abillify
    line: Line
    log: FilteringBoundLogger

    def stop_if_refused(self) -> None:
        """Raises Stop when the line stands still because of the credentials."""
        stopped = self.line.stopped
        if stopped is not None and stopped.code == CREDENTIALS_REFUSED:
            raise Stop(Exit.CREDENTIALS_REFUSED, stopped.message)


@contextmanager
def opened_desk(ctx: click.Context) -> Iterator[Desk]:
    """With one probe behind it, which tells whether the credentials are accepted and what time it is there.

    Raises:
        Stop: Abillify refuses the credentials.
        ConfigError: the settings or the credentials are not in order.
        LedgerError: the ledger cannot be opened, or must not be relied on.
    """
    redactor = Redactor()
    with desk_at(settings_of(ctx), redactor, log_of(ctx, redactor)) as desk:
        yield desk


@contextmanager
def desk_at(
    settings: Settings, redactor: Redactor, log: FilteringBoundLogger, turns: Turns | None = None
) -> Iterator[Desk]:
    """As `opened_desk`, without a command line.

    Args:
        settings: all of them.
        redactor: told of the credentials.
        log: what it redacts.
        turns: who tells the requests their turns; None: the ledger, where it is shared, or nobody else.
    """
    clock = SystemClock()
    credentials = load_credentials(settings, os.environ)
    redactor.hide(credentials.username, credentials.password.reveal())
    with ExitStack() as stack:
        ledger = stack.enter_context(opened_ledger(settings))
        client = stack.enter_context(opened_client(settings, credentials, ledger, turns))
        line = Line(client, ledger, clock, log, backoff=settings.schedule.backoff)
        line.tend()
        desk = Desk(settings, ledger, client, line, log)
        desk.stop_if_refused()
        yield desk
