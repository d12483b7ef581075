"""`importer backfill`."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from importer.adapters.inbox import FoundFile
from importer.cli.assembly import Parts, assembled, scanner_of, settings_of
from importer.cli.exits import Exit, Stop, code_for
from importer.cli.explain import explainer
from importer.cli.output import Since, console, json_option, print_json
from importer.config import Settings
from importer.config.units import parse_duration
from importer.core.model import Document, State
from importer.line import CREDENTIALS_REFUSED
from importer.report import document_as_json, print_explanation
from importer.service import Limits, Round, Service

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
            self.fail(f"{value!r} {error}", param, ctx)


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
    as_json: bool

    @property
    def roots(self) -> list[Path]:
        """The files and trees, absolute; none means the inbox."""
        return [path.absolute() for path in self.paths]


@click.command(epilog=EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path, exists=True))
@click.option("--dry-run", is_flag=True, help="Explain each file instead; nothing is sent or written.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take at most N files.")
@click.option("--since", type=Since(), help="Only files changed since then.")
@click.option("--in-place/--archive", "in_place", default=None, help="Leave files where they are, or archive them.")
@click.option("--check-remote", is_flag=True, help="Look at Abillify before each first send; adopt what is there.")
@click.option("--wait", type=Duration(), default="30s", show_default=True, help="Follow retries for that long.")
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
    with assembled(ctx, backfilling=True, check_remote=wanted.check_remote) as parts:
        service = parts.service(scanner_of(parts.settings, wanted.roots), _limits(parts.settings, wanted))
        with _progress(service):
            service.run(stop=_finished(parts, service, wanted.wait))
        documents = [d for d in map(parts.ledger.get, sorted(service.touched)) if d is not None]
        stopped = parts.line.stopped
    if wanted.as_json:
        print_json(map(document_as_json, documents))
    else:
        _summarise(documents)
    if stopped is not None and stopped.code == CREDENTIALS_REFUSED:
        raise Stop(Exit.CREDENTIALS_REFUSED, stopped.message)
    raise SystemExit(int(Exit.NEEDS_PERSON if service.unreadable else code_for(documents)))


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
    found = scanner_of(settings, wanted.roots, settle=timedelta(0)).scan(0.0)
    files = list(filter(_changed_since(wanted.since), found.settled))[: wanted.limit]
    with explainer(settings) as explain:
        for file in files:
            told = explain(file.path).as_json()
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


def _finished(parts: Parts, service: Service, wait: timedelta) -> Callable[[Round], bool]:
    """When nothing is under way, everything has settled, and what is left falls due only after the waiting time."""
    deadline: list[datetime] = []

    def finished(turn: Round) -> bool:
        if parts.line.stopped is not None and parts.line.stopped.code == CREDENTIALS_REFUSED:
            return not service.is_busy
        if service.is_busy or turn.unsettled:
            return False
        if not deadline:
            deadline.append(parts.clock.now() + wait)
        return parts.clock.now() >= deadline[0] or not _anything_due(parts, service, deadline[0])

    return finished


def _anything_due(parts: Parts, service: Service, deadline: datetime) -> bool:
    left = parts.ledger.documents(states=[State.PENDING, State.DEFERRED, State.UNCERTAIN])
    return any(
        document.id in service.touched and (document.next_attempt_at is None or document.next_attempt_at <= deadline)
        for document in left
    )


@contextmanager
def _progress(service: Service) -> Iterator[None]:
    """A count on a terminal, nothing elsewhere."""
    from rich.console import Console  # noqa: PLC0415 - only on a terminal

    terminal = Console(stderr=True)
    if not terminal.is_terminal:
        yield
        return
    with terminal.status("looking ...") as status:
        service.on_turn = lambda left: status.update(f"{len(service.touched)} documents, {left} files left")
        yield


def _summarise(documents: Sequence[Document]) -> None:
    """Counts by state and reason, with the next command to type."""
    counts = Counter((document.state, document.reason.code if document.reason else "") for document in documents)
    click.echo(f"{len(documents)} documents")
    for (state, reason), count in sorted(counts.items()):
        click.echo(f"{count:>6} {state}{f' ({reason})' if reason else ''}{_next_command(state)}")


def _next_command(state: State) -> str:
    return f"   importer list --state {state}" if state.needs_person or state is State.WAITING else ""
