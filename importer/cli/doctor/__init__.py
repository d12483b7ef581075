"""`importer doctor`: what operators get wrong, each with its remedy."""

import os
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from importer.cli.doctor.abillify import api
from importer.cli.doctor.finding import Finding, Level, fault
from importer.cli.doctor.folders import folders
from importer.cli.doctor.inbox import inbox
from importer.cli.doctor.later import hooks, resends
from importer.cli.doctor.ours import instance, ledger, privacy, rules, user
from importer.cli.exits import Exit
from importer.cli.output import json_option, print_json
from importer.config import ConfigError, Settings, find_config, load_credentials, load_settings

INDENT = 6 * " "
MARKS = {Level.OK: "ok   ", Level.WARNING: "WARN ", Level.FAULT: "FAULT"}


@click.command(epilog="\b\nExample:\n  importer --config /etc/importer/importer.toml doctor")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check configuration, rules, credentials, API, clock, folders and ledger; each fault with its remedy.

    Ends with the code of the first fault; warnings do not count.
    """
    findings = list(_examine(ctx.obj["config"]))
    if as_json:
        print_json(finding.as_json() for finding in findings)
    else:
        for finding in findings:
            _print(finding)
    raise SystemExit(int(next((f.exit for f in findings if f.is_fault), Exit.OK)))


def _print(finding: Finding) -> None:
    """Further lines of a message stand below its first."""
    message = textwrap.indent(finding.message, INDENT).lstrip()
    click.echo(f"{MARKS[finding.level]} {finding.check}: {message}")
    if finding.remedy:
        click.echo(f"{INDENT}-> {finding.remedy}")


def _examine(config: Path | None) -> Iterator[Finding]:
    try:
        settings = load_settings(find_config(config, os.environ), os.environ)
    except ConfigError as error:
        yield from _faults("configuration", error)
        return
    yield Finding("configuration", str(settings.file))
    yield rules(settings)
    yield from _on_this_machine(settings)
    try:
        credentials = load_credentials(settings, os.environ)
    except ConfigError as error:
        yield from _faults("credentials", error)
        return
    yield Finding("credentials", f"user {credentials.username!r}")
    yield from api(settings, credentials)


def _on_this_machine(settings: Settings) -> Iterator[Finding]:
    usable = True
    for finding in folders(settings):
        usable = usable and not finding.is_fault
        yield finding
    yield ledger(settings)
    yield from resends(settings)
    yield from hooks(settings)
    yield privacy(settings)
    yield instance(settings)
    if not usable:
        return
    if whose := user(settings):
        yield whose
    yield from inbox(settings)


def _faults(check: str, error: ConfigError) -> Iterator[Finding]:
    """Each fault by itself, with its own remedy."""
    for each in error.faults:
        place = ": ".join(filter(None, (each.file, each.key)))
        yield fault(check, f"{place}: {each.problem}", each.remedy)
