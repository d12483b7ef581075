"""`importer backfill`."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from importer.adapters.inbox import FoundFile
from importer.cli.assembly import Parts, assembled, scanner_of, settings_of
from importer.cli.exits import Exit, Stop, code_for
from importer.cli.explain import explainer
from importer.cli.named import is_put_away, named
from importer.cli.output import Number, Since, console, json_option, new_account_option, print_json
from importer.cli.patience import Patience
from importer.cli.signals import on_signals
from importer.config import Settings
from importer.config.units import parse_duration
from importer.core.lifecycle import CREDENTIALS_REFUSED
from importer.core.model import Document, State
from importer.core.naming import shown
from importer.report import counted, document_as_json
from importer.service import Limits, Service
from importer.telling import print_explanation

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
    with (
        _progress() as progress,
        assembled(ctx, backfilling=True, check_remote=wanted.check_remote, new_account=wanted.new_account) as parts,
    ):
        settings = parts.settings
        roots, taken = wanted.roots(settings), _Taken(_changed_since(wanted.since))
        service = parts.service(scanner_of(settings, roots), _limits(settings, wanted, taken))
        _follow(progress, service, taken, lambda: _found(settings, roots))
        patience = _patience(parts, service, wanted.wait)
        with on_signals(patience.end, service.wake.set):
            service.run(stop=patience.is_over)
        documents = [d for d in map(parts.ledger.get, sorted(service.touched)) if d is not None]
        stopped = parts.line.stopped
    if wanted.as_json:
        print_json(map(document_as_json, documents))
    else:
        _summarise(documents)
    if stopped is not None and stopped.code == CREDENTIALS_REFUSED:
        raise Stop(Exit.CREDENTIALS_REFUSED, stopped.message)
    raise SystemExit(int(_code(documents, service, patience)))


def _patience(parts: Parts, service: Service, wait: timedelta) -> Patience:
    settle = parts.settings.inbox.settle
    return Patience(service, parts.ledger, parts.line, parts.clock, wait=wait, settle=settle)


def _code(documents: Sequence[Document], service: Service, patience: Patience) -> Exit:
    for problem in service.problems.values():
        click.echo(f"importer: {problem}", err=True)
    if service.problems:
        return Exit.NEEDS_PERSON
    unfinished = patience.is_cut_short or any(document.target is not None for document in documents)
    code = code_for(documents)
    return Exit.AGAIN_LATER if unfinished and code is Exit.OK else code


def _limits(settings: Settings, wanted: Wanted, accepts: Callable[[FoundFile], bool]) -> Limits:
    return Limits(
        concurrency=settings.api.concurrency,
        rescan=settings.inbox.rescan.total_seconds(),
        files=wanted.limit,
        accepts=accepts,
        in_place=_staying(settings, wanted.in_place),
        only_own=bool(wanted.paths),
    )


def _dry_run(settings: Settings, wanted: Wanted) -> None:
    found = _found(settings, wanted.roots(settings))
    files = list(filter(_changed_since(wanted.since), found))[: wanted.limit]
    with explainer(settings) as explain:
        for file in files:
            told = explain(file.path, file.root).as_json()
            if wanted.as_json:
                print_json([told])
            else:
                print_explanation(console(), told | {"rules": []})


def _found(settings: Settings, roots: Sequence[Path]) -> list[FoundFile]:
    """All that lies there now, complete or not."""
    return scanner_of(settings, roots, settle=timedelta(0)).scan(0.0).settled


def _changed_since(since: datetime | None) -> Callable[[FoundFile], bool]:
    if since is None:
        return lambda _: True
    nanoseconds = int(since.timestamp() * 1e9)
    return lambda file: file.signature.mtime_ns >= nanoseconds


def _staying(settings: Settings, wanted: bool | None) -> Callable[[FoundFile], bool]:
    inbox = settings.inbox.path
    return lambda file: not file.path.is_relative_to(inbox) if wanted is None else wanted


@dataclass(slots=True)
class _Taken:
    """Which files are accepted, and which were."""

    accepts: Callable[[FoundFile], bool]
    paths: set[Path] = field(default_factory=set)

    def __call__(self, file: FoundFile) -> bool:
        if not self.accepts(file):
            return False
        self.paths.add(file.path)
        return True


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, with the log above it; nothing at all elsewhere."""
    terminal = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        yield progress


def _follow(progress: Progress, service: Service, taken: _Taken, look: Callable[[], list[FoundFile]]) -> None:
    """Files done of found; when all are done, what is still waited for."""
    if progress.disable:
        return
    task = progress.add_task("looking", total=None)

    def show(left: int) -> None:
        found = len(taken.paths)
        what = "files" if left or service.is_busy else _waited_for(taken, look())
        progress.update(task, total=found, completed=found - left, description=what)

    service.on_turn = show


def _waited_for(taken: _Taken, there: Sequence[FoundFile]) -> str:
    files = [file for file in there if file.path not in taken.paths and taken.accepts(file)]
    if not files:
        return "files; waiting for what is tried again soon"
    more = " ..." if len(files) > 1 else ""
    return f"waiting for {counted(len(files), 'file')} to be complete: {shown(files[0].relative)}{more}"


def _summarise(documents: Sequence[Document]) -> None:
    """Counts by state and reason, with the next command to type."""
    counts = Counter((document.state, document.reason.code if document.reason else "") for document in documents)
    click.echo(f"{counted(len(documents), 'document')}")
    for (state, reason), count in sorted(counts.items()):
        click.echo(f"{count:>6} {state}{f' ({reason})' if reason else ''}{_next_command(state)}")


def _next_command(state: State) -> str:
    return f"   importer list --state {state}" if state.needs_person or state is State.WAITING else ""
