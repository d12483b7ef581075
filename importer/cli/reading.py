"""What the verbs need that only read the ledger; they answer at once, so nothing is loaded that sends or inspects."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from tempfile import TemporaryDirectory

import click

from importer.adapters.ledger import Database, LedgerReader, Witness
from importer.config import Settings, find_config, load_settings
from importer.whereabouts import ledger_url, witness_of


def settings_of(ctx: click.Context) -> Settings:
    """The settings that the command line and the environment name.

    Raises:
        ConfigError: with every fault.
    """
    return load_settings(find_config(ctx.obj["config"], os.environ), os.environ)


@contextmanager
def reading_ledger(settings: Settings, warn: Callable[[str], None] | None = None) -> Iterator[LedgerReader]:
    """The ledger for questions only; where there is none yet, an empty one that leaves no trace.

    Args:
        settings: say where it is.
        warn: told when it cannot be trusted; None: whoever started this process.
    """
    path = settings.ledger.url.sqlite_path
    with ExitStack() as stack:
        url = ledger_url(settings)
        missing = path if path is not None and not path.exists() else None
        if missing:
            url = f"sqlite:///{stack.enter_context(TemporaryDirectory())}/ledger.db"
        database = stack.enter_context(closing(Database(url)))
        wrong = Witness(witness_of(settings), database).contradiction()
        is_just_made = missing is not None and missing.exists()  # and it is that one's witness
        if wrong and not is_just_made:
            (warn or _warn)(f"the ledger cannot be trusted: {wrong}")
        yield LedgerReader(database)


def _warn(message: str) -> None:
    click.echo(f"importer: warning: {message}", err=True)
