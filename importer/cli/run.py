"""`importer run`."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta

import click

from importer.adapters.inbox import Watcher
from importer.adapters.locks import AlreadyHeld, alone
from importer.adapters.memory import keep_flat
from importer.adapters.notify import Notifier
from importer.adapters.rules_file import RulesFileError
from importer.assembly import Parts, scanner_of
from importer.cli.assembled import assembled
from importer.cli.exits import Exit, Stop
from importer.cli.listening import listening
from importer.cli.output import new_account_option
from importer.cli.page import beside
from importer.cli.reloading import Reloader
from importer.cli.signals import on_signals, reloading
from importer.cli.watched import watched
from importer.config import ConfigError, Settings
from importer.heartbeat import Heartbeat
from importer.helpers import Helpers
from importer.lanes import claims, under_way
from importer.progress import Patience
from importer.service import Limits, Round, Service

INSPECTION = timedelta(minutes=4)
"""What the probe allows itself at most for one file: a second try, each with the start of a new child."""


@click.command(epilog="\b\nExample:\n  importer --config /etc/importer/importer.toml run")
@new_account_option
@click.pass_context
def command(ctx: click.Context, new_account: bool) -> None:
    """Watch the inbox until SIGTERM or SIGINT; what is under way is finished, then it ends with 0.

    Refused credentials stop the line, not the service: it goes on probing until they are accepted. SIGHUP reads rules
    and settings anew, except on a terminal. Under systemd it tells when it is ready, how it is, and that it is alive.
    """
    keep_flat()
    stop, hangup = threading.Event(), threading.Event()
    with (
        on_signals(stop.set) as on_stop,
        on_signals(hangup.set, numbers=reloading()) as on_hangup,
        assembled(ctx, new_account=new_account) as parts,
    ):
        settings = parts.settings
        ledger_file = settings.ledger.url.sqlite_path
        # Importers that share a ledger on a server may share an inbox, too.
        locked = [settings.inbox.path, ledger_file.with_suffix(".run")] if ledger_file else []
        try:
            with alone(*locked):
                _run(parts, stop, hangup, wakes=[on_stop, on_hangup])
        except AlreadyHeld as error:
            raise Stop(Exit.ALREADY_RUNNING, str(error)) from None


def _run(
    parts: Parts, stop: threading.Event, hangup: threading.Event, *, wakes: list[list[Callable[[], None]]]
) -> None:
    settings = parts.settings
    inbox = settings.inbox
    limits = Limits(concurrency=settings.api.concurrency, rescan=inbox.rescan.total_seconds(), outlives_outages=True)
    service = parts.service(scanner_of(settings), limits)
    heartbeat, helpers = _heartbeat(parts, service), Helpers(service.wake.set)
    reloader = Reloader(parts, os.environ)
    mode: str

    def between_turns(_: Round) -> bool:
        nonlocal mode
        if stop.is_set():
            heartbeat.stopping()
            lookout.is_ending = True
            return True
        if hangup.is_set():
            hangup.clear()
            heartbeat.reloading()
            _reload(parts, reloader)
        watcher.keep_watching()
        if watcher.effective_mode != mode:
            mode = watcher.effective_mode
            parts.log.warning("watch.changed", mode=mode, message=watcher.why)
        helpers.check()
        heartbeat.ready()
        return False

    with (
        Watcher(
            inbox.path,
            recursive=inbox.recursive,
            mode=inbox.watch,
            changed=service.changed,
            renamed=service.renamed,
        ) as watcher,
        helpers.running("heartbeat", heartbeat.beat),
        watched(parts, service, _patience(settings), helpers) as lookout,
        beside(parts, service.decided),
        parts.hooks,
        listening(parts, service, helpers),
    ):
        mode = watcher.effective_mode
        parts.log.info("watch.started", inbox=str(inbox.path), mode=mode, message=watcher.why)
        for acts in wakes:
            acts.append(service.wake.set)
        service.run(stop=between_turns)
    parts.log.info("service.stopped")


def _reload(parts: Parts, reloader: Reloader) -> None:
    try:
        done = reloader.reload()
    except (ConfigError, RulesFileError) as error:
        parts.log.warning("reload.refused", message=f"the former rules and settings stay in force: {error}")
        return
    parts.log.info("reload.done", changed=done.in_force)
    if done.want_restart:
        parts.log.warning(
            "reload.wants_restart", settings=done.want_restart, message="changed, and not in force before a restart"
        )


def _heartbeat(parts: Parts, service: Service) -> Heartbeat:
    every = parts.settings.service.heartbeat.total_seconds()
    return Heartbeat(
        Notifier.from_environ(os.environ, os.getpid()),
        every=every or None,
        patience=_patience(parts.settings),
        progress=service.progress,
        ledger=parts.ledger,
        line=parts.line,
        log=parts.log,
    )


def _patience(settings: Settings) -> Patience:
    """What one document may rightly take, and one that lets all others go first.

    That is inspection, a look and an upload, the latter two with their turns by the rate limit.
    """
    api = settings.api
    queueing = timedelta(0) if api.rate.is_unlimited else claims(api.concurrency) * api.rate.interval
    alone = (2 * (api.timeout + queueing) + INSPECTION).total_seconds()
    # Of the places that others give up, it gets every other one at the latest (`importer.turnstile`).
    return Patience(alone=alone, in_turn=2 * alone * under_way(api.concurrency) / api.concurrency)
