"""`importer explain`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from importer.adapters.abillify import request_preview
from importer.adapters.ledger import LedgerReader
from importer.cli.assembly import examiner, policies, reading_ledger, settings_of
from importer.cli.output import console, json_option, print_json
from importer.config import Settings
from importer.core.naming import IgnoredNames
from importer.explanation import Explainer, Explanation, ignored
from importer.report import print_explanation


@click.command(epilog="\b\nExamples:\n  importer explain inbox/*.pdf\n  importer explain 'Rechnung RE-2024-0815.pdf'")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], as_json: bool) -> None:
    """What would happen to a file, and why: every rule, what the bytes say, what the ledger knows, what would be sent.

    Needs no credentials and no API, sends nothing and writes nothing. A name without a file is judged as a name alone.
    """
    with explainer(settings_of(ctx)) as explain:
        explanations = map(explain, _files(paths))
        if as_json:
            print_json(explanation.as_json() for explanation in explanations)
        else:
            for explanation in explanations:
                print_explanation(console(), explanation.as_json())


@contextmanager
def explainer(settings: Settings) -> Iterator[Any]:
    """A function from a path to its explanation."""
    with examiner(settings) as judge, reading_ledger(settings) as ledger:
        preview = partial(request_preview, base_url=str(settings.api.base_url), fingerprint=settings.api.fingerprint)
        yield partial(_explain, settings, _explainer(settings, judge, ledger, preview))


def _explainer(settings: Settings, judge: Any, ledger: LedgerReader | None, preview: Any) -> Explainer:
    return Explainer(judge, ledger, policies(settings).admission, preview, datetime.now(UTC))


def _explain(settings: Settings, explainer: Explainer, path: Path) -> Explanation:
    path = path.absolute()
    inbox = settings.inbox.path if path.is_relative_to(settings.inbox.path) else path.parent
    relative = str(path.relative_to(inbox))
    if path.is_symlink():
        return ignored(relative, "a symbolic link; links are not followed")
    if any(part in IgnoredNames(settings.inbox.ignore) for part in relative.split("/")):
        return ignored(relative, "its name is on the list inbox.ignore")
    return explainer.explain(path, relative, inbox)


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if not file.is_dir())
        else:
            yield path
