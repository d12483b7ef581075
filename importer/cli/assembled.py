"""The parts as a verb gets them: with its command line's settings, and a log on standard error."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import click
from structlog.typing import FilteringBoundLogger

from importer.adapters.ledger import Ledger
from importer.adapters.telemetry import Redactor, start_logging
from importer.assembly import Parts, put_together, recording
from importer.cli.reading import settings_of
from importer.config import Settings
from importer.decisions import Decisions
from importer.stages import Measure, unmeasured


def log_of(ctx: click.Context, redactor: Redactor) -> FilteringBoundLogger:
    return start_logging(form=ctx.obj["log_format"], level=ctx.obj["log_level"], redactor=redactor)


def decisions_of(ctx: click.Context, settings: Settings, ledger: Ledger) -> AbstractContextManager[Decisions]:
    """For the verbs that record what a person decided."""
    return recording(settings, ledger, log_of(ctx, Redactor()))


@contextmanager
def assembled(
    ctx: click.Context,
    *,
    backfilling: bool = False,
    check_remote: bool = False,
    new_account: bool = False,
    measure: Measure = unmeasured,
) -> Iterator[Parts]:
    """Everything, for the verbs that send; `api.check_remote` may want a look before the first send.

    Raises:
        ConfigError: settings, rules or credentials are not in order; all faults at once.
        LedgerError: the ledger cannot be opened.
    """
    redactor = Redactor()
    settings = settings_of(ctx)
    look_first = check_remote or (backfilling and settings.api.check_remote == "backfill")
    log = log_of(ctx, redactor)
    options = {"look_first": look_first, "new_account": new_account}
    with put_together(settings, os.environ, redactor, log, measure=measure, **options) as parts:
        yield parts
