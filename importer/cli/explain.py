"""`importer explain`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from importer.adapters.abillify import request_preview
from importer.adapters.ledger import LedgerError, LedgerReader
from importer.assembly import examiner, policies
from importer.cli.output import console, json_option, print_json
from importer.cli.reading import reading_ledger, settings_of
from importer.config import Settings
from importer.core.naming import DoneFile, IgnoredNames
from importer.explanation import Explainer, Explanation, Place, ignored
from importer.telling import print_explanation
from importer.whereabouts import named

Explain = Callable[[Path, Path | None], Explanation]
"""From a path, as typed, and the tree in which it was found to its explanation."""


@click.command(epilog="\b\nExamples:\n  importer explain inbox/*.pdf\n  importer explain 'Rechnung RE-2024-0815.pdf'")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--brief", is_flag=True, help="Of the rules that do not fit, show only the nearest.")
@json_option
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], *, brief: bool, as_json: bool) -> None:
    """What would happen to a file, and why: every rule, what the bytes say, what the ledger knows, what would be sent.

    Needs no credentials and no API, sends nothing and writes nothing. A name without a file is judged as a name alone.
    """
    with explainer(settings_of(ctx)) as explain:
        for path, root in _files(paths):
            told = explain(path, root).as_json()
            if as_json:
                print_json([told])
            else:
                print_explanation(console(), told, brief=brief)


@contextmanager
def explainer(settings: Settings) -> Iterator[Explain]:
    """What explains; without the ledger, and with a warning, where that cannot be read."""
    preview = partial(request_preview, base_url=str(settings.api.base_url), fingerprint=settings.api.fingerprint)
    with ExitStack() as stack:
        judge = stack.enter_context(examiner(settings))
        ledger = _ledger(stack, settings)
        yield partial(
            _explain, settings, Explainer(judge, ledger, policies(settings).admission, preview, datetime.now(UTC))
        )


def _ledger(stack: ExitStack, settings: Settings) -> LedgerReader | None:
    try:
        return stack.enter_context(reading_ledger(settings))
    except LedgerError as error:
        _warn(error)
        return None


def _warn(error: LedgerError) -> None:
    click.echo(f"importer: {error}\nimporter: explained without the ledger", err=True)


def _explain(settings: Settings, explainer: Explainer, path: Path, root: Path | None = None) -> Explanation:
    place = _place(settings, path, root)
    if why := _why_ignored(settings, place):
        return ignored(place.told, why)
    try:
        return explainer.explain(place)
    except LedgerError as error:
        _warn(error)
        explainer.forget_ledger()
        return explainer.explain(place)


def _place(settings: Settings, typed: Path, root: Path | None) -> Place:
    """In the inbox a file is told as the ledger would; elsewhere as typed, or two files would look the same."""
    path = named(settings, typed)
    inbox, done_file = settings.inbox.path, DoneFile.parse(settings.inbox.done_file)
    if not path.is_relative_to(inbox):
        return Place(path=path, root=named(settings, root) if root else path.parent, told=str(typed))
    marker = path.with_name(done_file.marker_of(path.name)) if done_file else None
    return Place(path=path, root=inbox, told=str(path.relative_to(inbox)), marker=marker)


def _why_ignored(settings: Settings, place: Place) -> str:
    """Empty where a scan would take it."""
    done_file = DoneFile.parse(settings.inbox.done_file) if place.marker else None
    if place.path.is_symlink():
        return "a symbolic link; links are not followed"
    if any(part in IgnoredNames(settings.inbox.ignore) for part in place.relative.split("/")):
        return "its name is on the list inbox.ignore"
    if done_file is not None and done_file.is_marker(place.path.name):
        return "it only says that another file is complete (inbox.done_file)"
    return ""


def _files(paths: tuple[Path, ...]) -> Iterator[tuple[Path, Path | None]]:
    """Each with the tree in which it was found; None for a file that was named itself."""
    for path in paths:
        if path.is_dir():
            yield from ((file, path) for file in sorted(path.rglob("*")) if not file.is_dir())
        else:
            yield path, None
