"""`importer backfill`."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import click

from importer.adapters.inbox import FoundFile
from importer.adapters.ledger import Standing
from importer.assembly import Parts, scanner_of
from importer.cli.assembled import assembled
from importer.cli.exits import Exit, Stop
from importer.cli.explain import explainer
from importer.cli.following import following
from importer.cli.output import Number, Since, console, json_option, new_account_option, print_json
from importer.cli.patience import Patience
from importer.cli.reading import settings_of
from importer.cli.signals import on_signals
from importer.config import Settings
from importer.config.units import parse_duration
from importer.core.lifecycle import CREDENTIALS_REFUSED
from importer.core.model import State
from importer.core.person import is_needed_in
from importer.report import counted, document_as_json
from importer.service import Limits, Service
from importer.stages import Profile, unmeasured
from importer.telling import print_explanation
from importer.whereabouts import is_put_away, named

EXAMPLES = """\b
Examples:
  importer backfill --dry-run
  importer backfill --since 2026-01-01 --limit 100
  importer backfill /mnt/erp/export/2025 --in-place
"""


class Duration(click.ParamType[timedelta]):
    """`30s`, `5m`, ..."""

    name = "D"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return value if isinstance(value, timedelta) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The command line, parsed."""

    paths: tuple[Path, ...]
    dry_run: bool
    limit: int | None
    since: datetime | None
    in_place: bool | None
    check_remote: bool
    wait: timedelta
    new_account: bool
    profile: bool
    as_json: bool

    def roots(self, settings: Settings) -> list[Path]:
        """The files and trees, absolute; none means the inbox.

        Raises:
            Stop: one of them holds what the importer itself has put away.
        """
        roots = [named(settings, path) for path in self.paths]
        for root in roots:
            if is_put_away(settings, root):
                raise Stop(Exit.USAGE, f"{root} holds what the importer has put away; it is not imported again")
        return roots


@click.command(epilog=EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path, exists=True))
@click.option("--dry-run", is_flag=True, help="Explain each file instead; nothing is sent or written.")
@click.option("--limit", type=Number(1), metavar="N", help="Take at most N files.")
@click.option("--since", type=Since(), help="Only files changed since then.")
@click.option("--in-place/--archive", "in_place", default=None, help="Leave files where they are, or archive them.")
@click.option("--check-remote", is_flag=True, help="Look at Abillify before each first send; adopt what is there.")
@click.option("--wait", type=Duration(), default="30s", show_default=True, help="Follow retries for that long.")
@click.option("--profile", is_flag=True, help="Say where the time went, stage by stage (on standard error).")
@new_account_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """One pass over the inbox, or over the given files and trees.

    Waits for files to settle, follows retries and read-backs that fall due within --wait, and leaves documents that
    wait for their invoice to the next run. Outside the inbox files stay where they are, unless --archive is given.
    """
    wanted = Wanted(**options)
    if wanted.dry_run:
        _dry_run(settings_of(ctx), wanted)
        return
    profile = Profile() if wanted.profile else None
    options = {"check_remote": wanted.check_remote, "new_account": wanted.new_account}
    measure = profile.measure if profile else unmeasured
    with assembled(ctx, backfilling=True, measure=measure, **options) as parts:
        settings = parts.settings
        service = parts.service(scanner_of(settings, wanted.roots(settings)), _limits(settings, wanted))
        patience = _patience(parts, service, wanted.wait)
        parts.hooks.patience = wanted.wait.total_seconds()
        with (
            on_signals(patience.end, service.wake.set, parts.hooks.end),
            parts.hooks,
            following(service, is_terminal=sys.stderr.isatty()),
        ):
            service.run(stop=patience.is_over)
        standings = parts.ledger.standings(service.touched)
        if wanted.as_json:
            print_json(map(document_as_json, parts.ledger.each_of(service.touched)))
        else:
            _print_summary(standings)
        if profile:
            click.echo(profile.text(), err=True)
        stopped = parts.line.stopped
    if stopped is not None and stopped.code == CREDENTIALS_REFUSED:
        raise Stop(Exit.CREDENTIALS_REFUSED, stopped.message)
    raise SystemExit(int(_code(standings, service, patience)))


def _patience(parts: Parts, service: Service, wait: timedelta) -> Patience:
    settle = parts.settings.inbox.settle
    return Patience(service, parts.ledger, parts.line, parts.clock, wait=wait, settle=settle)


def _code(standings: Iterable[Standing], service: Service, patience: Patience) -> Exit:
    for problem in service.problems.values():
        click.echo(f"importer: {problem}", err=True)
    if service.problems or any(is_needed_in(one.state, one.code) for one in standings):
        return Exit.NEEDS_PERSON
    is_unfinished = any(one.state.is_on_its_way or not one.is_put_away for one in standings)
    return Exit.AGAIN_LATER if patience.is_cut_short or is_unfinished else Exit.OK


def _limits(settings: Settings, wanted: Wanted) -> Limits:
    return Limits(
        concurrency=settings.api.concurrency,
        rescan=settings.inbox.rescan.total_seconds(),
        files=wanted.limit,
        accepts=_changed_since(wanted.since),
        in_place=_staying(settings, wanted.in_place),
        only_own=bool(wanted.paths),
    )


def _dry_run(settings: Settings, wanted: Wanted) -> None:
    found = scanner_of(settings, wanted.roots(settings)).files()
    files = islice(filter(_changed_since(wanted.since), found), wanted.limit)
    with explainer(settings) as explain:
        for file in files:
            told = explain(file.path, file.root).as_json()
            if wanted.as_json:
                print_json([told])
            else:
                print_explanation(console(), told | {"rules": []})


def _changed_since(since: datetime | None) -> Callable[[FoundFile], bool]:
    if since is None:
        return lambda _: True
    nanoseconds = int(since.timestamp() * 1e9)
    return lambda file: file.signature.mtime_ns >= nanoseconds


def _staying(settings: Settings, wanted: bool | None) -> Callable[[FoundFile], bool]:
    inbox = settings.inbox.path
    return lambda file: not file.path.is_relative_to(inbox) if wanted is None else wanted


def _print_summary(standings: Counter[Standing]) -> None:
    """Counts by state and reason, with the next command to type."""
    click.echo(counted(standings.total(), "document"))
    counts: Counter[tuple[State, str]] = Counter()
    for one, count in standings.items():
        counts[one.state, one.code] += count
    for (state, code), count in sorted(counts.items()):
        click.echo(f"{count:>6} {state}{f' ({code})' if code else ''}{_next_command(state)}")


def _next_command(state: State) -> str:
    return f"   importer list --state {state}" if state.needs_person or state is State.WAITING else ""
