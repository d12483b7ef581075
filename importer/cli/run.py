"""`importer run`."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from importer.adapters.inbox import Watcher
from importer.adapters.locks import AlreadyHeld, alone
from importer.cli.assembly import Parts, assembled, scanner_of
from importer.cli.exits import Exit, Stop
from importer.config import Settings
from importer.service import Limits


@click.command(epilog="\b\nExample:\n  importer --config /etc/importer/importer.toml run")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Watch the inbox until SIGTERM or SIGINT; what is under way is finished, then it ends with 0.

    Refused credentials stop the line, not the service: it goes on probing until they are accepted.
    """
    with assembled(ctx) as parts:
        settings = parts.settings
        ledger_file = settings.ledger.url.sqlite_path
        locked = [settings.inbox.path] + ([ledger_file.with_suffix(".run")] if ledger_file else [])
        try:
            with alone(*locked):
                _run(parts, settings)
        except AlreadyHeld as error:
            raise Stop(Exit.ALREADY_RUNNING, str(error)) from None


def _run(parts: Parts, settings: Settings) -> None:
    inbox, stop = settings.inbox, threading.Event()
    limits = Limits(concurrency=settings.api.concurrency, rescan=inbox.rescan.total_seconds())
    service = parts.service(scanner_of(settings), limits)
    with Watcher(inbox.path, recursive=inbox.recursive, mode=inbox.watch, wake=service.rescan) as watcher:
        parts.log.info("watch.started", inbox=str(inbox.path), mode=watcher.effective_mode, message=watcher.why)
        with on_signals(stop.set, service.wake.set):
            service.run(stop=lambda _: stop.is_set())
    parts.log.info("service.stopped")


@contextmanager
def on_signals(*acts: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call the acts; the handlers that were there come back at the end."""

    def handle(_: int, __: FrameType | None) -> None:
        for act in acts:
            act()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
