"""`importer run`."""

import threading
from collections.abc import Callable

import click

from importer.adapters.inbox import Watcher
from importer.adapters.locks import AlreadyHeld, alone
from importer.cli.assembly import Parts, assembled, scanner_of
from importer.cli.exits import Exit, Stop
from importer.cli.output import new_account_option
from importer.cli.signals import on_signals
from importer.config import Settings
from importer.service import Limits


@click.command(epilog="\b\nExample:\n  importer --config /etc/importer/importer.toml run")
@new_account_option
@click.pass_context
def command(ctx: click.Context, new_account: bool) -> None:
    """Watch the inbox until SIGTERM or SIGINT; what is under way is finished, then it ends with 0.

    Refused credentials stop the line, not the service: it goes on probing until they are accepted.
    """
    stop = threading.Event()
    with on_signals(stop.set) as also, assembled(ctx, new_account=new_account) as parts:
        settings = parts.settings
        ledger_file = settings.ledger.url.sqlite_path
        locked = [settings.inbox.path] + ([ledger_file.with_suffix(".run")] if ledger_file else [])
        try:
            with alone(*locked):
                _run(parts, settings, stop, also)
        except AlreadyHeld as error:
            raise Stop(Exit.ALREADY_RUNNING, str(error)) from None


def _run(parts: Parts, settings: Settings, stop: threading.Event, also: list[Callable[[], None]]) -> None:
    inbox = settings.inbox
    limits = Limits(concurrency=settings.api.concurrency, rescan=inbox.rescan.total_seconds())
    service = parts.service(scanner_of(settings), limits)
    with Watcher(inbox.path, recursive=inbox.recursive, mode=inbox.watch, wake=service.rescan) as watcher:
        parts.log.info("watch.started", inbox=str(inbox.path), mode=watcher.effective_mode, message=watcher.why)
        also.append(service.wake.set)
        service.run(stop=lambda _: stop.is_set())
    parts.log.info("service.stopped")
