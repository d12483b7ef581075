"""What the reading verbs share: formats, since-dates, how a document is named on the command line."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from importer.adapters.ledger import Ledger
from importer.cli.exits import Exit, Stop
from importer.core.model import Document
from importer.report import as_csv, document_as_json, json_line, table_of

F = TypeVar("F", bound=Callable[..., Any])

DOCUMENT_ID = re.compile(r"[Dd]([1-9][0-9]*)")


def json_option(command: F) -> F:
    """`--json`: one object a line."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(command)


class Since(click.ParamType[datetime]):
    """A date or a moment; without a zone it is the machine's own."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            self.fail(f"{value!r} is not a date; write it like 2026-10-01 or 2026-10-01T06:00", param, ctx)


def find_documents(ledger: Ledger, name: str) -> list[Document]:
    """Documents by id (`D17`), by path, or by invoice reference; a bare number is an invoice reference."""
    if match := DOCUMENT_ID.fullmatch(name):
        document = ledger.get(int(match[1]))
        if document is not None:
            return [document]
    return ledger.with_reference(name) or ledger.with_path(name) or ledger.with_path(str(Path(name).absolute()))


def document_of(ledger: Ledger, name: str) -> Document:
    """The document with this id.

    Raises:
        Stop: it is not an id, or there is none.
    """
    match = DOCUMENT_ID.fullmatch(name)
    document = ledger.get(int(match[1])) if match else None
    if document is None:
        raise Stop(Exit.USAGE, f"no document {name}; ids look like D17, `importer list` shows them")
    return document


def print_documents(documents: Sequence[Document], form: str) -> None:
    """To standard output, as `table`, `json` or `csv`."""
    if form == "json":
        print_json(document_as_json(document) for document in documents)
    elif form == "csv":
        click.echo(as_csv(documents), nl=False)
    else:
        console().print(table_of(documents))


def print_json(values: Iterable[dict[str, Any]]) -> None:
    for value in values:
        click.echo(json_line(value))


def console() -> Any:
    """Standard output, in colour on a terminal; as wide as it takes when it is not one."""
    from rich.console import Console  # noqa: PLC0415 - only the verbs that print need it

    plain = Console(highlight=False, soft_wrap=False)
    return plain if plain.is_terminal else Console(highlight=False, width=200)
