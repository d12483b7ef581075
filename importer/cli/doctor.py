"""`importer doctor`."""

import os
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click

from importer.adapters.inbox import Watcher
from importer.adapters.ledger import LedgerError
from importer.adapters.patterns import compile_pattern
from importer.adapters.rules_file import RulesFileError, load_rules
from importer.cli.assembly import make_folders, opened_client, opened_ledger
from importer.cli.exits import Exit
from importer.cli.output import json_option, print_json
from importer.config import ConfigError, Credentials, Settings, find_config, load_credentials, load_settings
from importer.core.model import ProbeAccepted, ProbeRefused
from importer.core.rules import lint
from importer.report import counted

CLOCK_TOLERANCE = timedelta(minutes=2)
INDENT = 6 * " "


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    check: str
    is_well: bool
    message: str
    remedy: str = ""
    exit: Exit = Exit.USAGE


@click.command(epilog="\b\nExample:\n  importer --config /etc/importer/importer.toml doctor")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check configuration, rules, credentials, API, clock, folders and ledger; each fault with its remedy."""
    findings = list(_examine(ctx.obj["config"]))
    if as_json:
        print_json(
            {"check": f.check, "ok": f.is_well, "message": f.message, "remedy": f.remedy or None} for f in findings
        )
    else:
        for finding in findings:
            _print(finding)
    raise SystemExit(int(next((f.exit for f in findings if not f.is_well), Exit.OK)))


def _print(finding: Finding) -> None:
    """Further lines of a message stand below its first."""
    message = textwrap.indent(finding.message, INDENT).lstrip()
    click.echo(f"{'ok   ' if finding.is_well else 'FAULT'} {finding.check}: {message}")
    if finding.remedy:
        click.echo(f"{INDENT}-> {finding.remedy}")


def _examine(config: Path | None) -> Iterator[Finding]:
    try:
        settings = load_settings(find_config(config, os.environ), os.environ)
    except ConfigError as error:
        yield from _faults("configuration", error)
        return
    yield Finding("configuration", True, str(settings.file))
    yield _checked("rules", lambda: _rules(settings))
    yield from _folders(settings)
    yield _checked("ledger", lambda: _ledger(settings))
    yield _watching(settings)
    try:
        credentials = load_credentials(settings, os.environ)
    except ConfigError as error:
        yield from _faults("credentials", error)
        return
    yield Finding("credentials", True, f"user {credentials.username!r}")
    yield from _api(settings, credentials)


def _faults(check: str, error: ConfigError) -> Iterator[Finding]:
    """Each fault by itself, with its own remedy."""
    for fault in error.faults:
        place = ": ".join(filter(None, (fault.file, fault.key)))
        yield Finding(check, False, f"{place}: {fault.problem}", fault.remedy)


def _checked(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, True, look())
    except (ConfigError, RulesFileError, LedgerError, OSError) as error:
        is_ledger = isinstance(error, LedgerError)
        return Finding(check, False, str(error), exit=Exit.LEDGER_NEEDS_PERSON if is_ledger else Exit.USAGE)


def _watching(settings: Settings) -> Finding:
    inbox = settings.inbox
    with Watcher(inbox.path, recursive=inbox.recursive, mode=inbox.watch, changed=lambda _: None) as watcher:
        return Finding("watching", True, f"{watcher.effective_mode}: {watcher.why}")


def _rules(settings: Settings) -> str:
    rules = load_rules(settings.rules, compile_pattern)
    told = [f"{settings.rules}: {counted(len(rules.rules), 'rule')}, every example is right"]
    return "\n".join(told + [f"warning: {warning}" for warning in lint(rules)])


def _ledger(settings: Settings) -> str:
    with opened_ledger(settings) as ledger:
        return f"{settings.ledger.url}: {counted(sum(ledger.counts().values()), 'document')}"


def _folders(settings: Settings) -> Iterator[Finding]:
    try:
        make_folders(settings)
    except OSError as error:
        yield Finding("folders", False, str(error), "give the importer's user the right to make it, or make it")
        return
    for folder in settings.folders():
        yield _checked(f"folder {folder}", partial(_try_folder, folder))


def _try_folder(folder: Path) -> str:
    """Writes, renames and deletes: what the importer does there, and what network shares like to forbid."""
    first, second = folder / f".doctor-{os.getpid()}", folder / f".doctor-{os.getpid()}-renamed"
    try:
        first.write_bytes(b"")
        first.rename(second)
        second.unlink()
    finally:
        first.unlink(missing_ok=True)
        second.unlink(missing_ok=True)
    return "can be written to, renamed in and deleted from"


def _api(settings: Settings, credentials: Credentials) -> Iterator[Finding]:
    with opened_client(settings, credentials) as client:
        outcome = client.probe()
    if isinstance(outcome, ProbeRefused):
        yield Finding(
            "api",
            False,
            f"{settings.api.base_url} refused the credentials: {outcome.error}",
            "check user name and password, and whether the credential is limited to other IP addresses "
            "(Settings / API Credentials)",
            Exit.CREDENTIALS_REFUSED,
        )
    elif not isinstance(outcome, ProbeAccepted):
        message = f"{settings.api.base_url}: {outcome.cause}"
        yield Finding("api", False, message, "check api.base_url and the network", Exit.AGAIN_LATER)
    else:
        yield Finding("api", True, f"{settings.api.base_url} accepts the credentials")
        yield _clock(outcome.server_time)


def _clock(server_time: datetime | None) -> Finding:
    if server_time is None:
        return Finding("clock", False, "the server's replies carry no Date header", "a proxy may remove it; look there")
    off = abs(datetime.now(UTC) - server_time)
    if off > CLOCK_TOLERANCE:
        return Finding("clock", False, f"this machine and the server differ by {off}", "set the clock (NTP)")
    return Finding("clock", True, f"differs from the server's by {off.total_seconds():.0f} s")
