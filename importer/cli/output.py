"""What the reading verbs share: formats, since-dates, how a document is named on the command line."""

import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from importer.adapters.ledger import LedgerReader
from importer.cli.exits import Exit, Stop
from importer.core.model import Document
from importer.core.naming import shown
from importer.report import as_csv, document_as_json, json_line, table_of
from importer.spreadsheet import DIALECTS, csv_of

F = TypeVar("F", bound=Callable[..., Any])

DOCUMENT_ID = re.compile(r"[Dd]([1-9][0-9]{0,17})")


def new_account_option(command: F) -> F:
    """`--new-account`: a ledger does not change its account by itself."""
    text = "The ledger is to go on with another api.account; the same documents count as new ones then."
    return click.option("--new-account", is_flag=True, help=text)(command)


def json_option(command: F) -> F:
    """`--json`, and `--format json` for the same: one object a line."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
    @click.option("--format", "form", type=click.Choice(["text", "json"]), help="`json` is the same as --json.")
    @functools.wraps(command)
    def chosen(*arguments: Any, as_json: bool, form: str | None, **options: Any) -> Any:
        return command(*arguments, as_json=agreed_form(form, as_json=as_json) == "json", **options)

    return cast("F", chosen)


def agreed_form(form: str | None, *, as_json: bool) -> str | None:
    """What `--format` says, or `json` for `--json`.

    Raises:
        click.UsageError: they contradict each other.
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} contradict each other; give one of them")
    return "json" if as_json else form


def dialect_option(command: F) -> F:
    """`--csv-dialect`: for which program the CSV is."""
    text = "excel-de: as a German Excel opens it. Means --format csv."
    choice: click.Choice[str] = click.Choice(list(DIALECTS))
    return click.option("--csv-dialect", "dialect", type=choice, help=text)(command)


def agreed_dialect(form: str, dialect: str | None) -> tuple[str, str]:
    """The format and the dialect; a dialect alone means CSV.

    Raises:
        click.UsageError: another format was asked for.
    """
    if dialect is not None and form == "json":
        raise click.UsageError(f"--csv-dialect {dialect} and JSON contradict each other; give one of them")
    return (form if dialect is None else "csv"), dialect or "plain"


def print_csv(fields: Sequence[str], rows: Iterable[Mapping[str, Any]], dialect: str) -> None:
    """In UTF-8, whatever the terminal speaks: the dialect says what the file is."""
    print_text(csv_of(fields, rows, dialect))


def print_text(text: str) -> None:
    """As it is, in UTF-8."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


BILLION = 1_000_000_000


class Number(click.ParamType[int]):
    """A whole number between two bounds; unlike click's, the help does not show them as a formula."""

    name = "N"

    def __init__(self, least: int, most: int = BILLION) -> None:
        self._least = least
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        bounds = f"of {self._least} or more" if self._most == BILLION else f"from {self._least} to {self._most}"
        try:
            number = int(value)
        except ValueError:
            number = self._least - 1
        if not self._least <= number <= self._most:
            self.fail(f"{value!r} is not a whole number {bounds}", param, ctx)
        return number


class Since(click.ParamType[datetime]):
    """A date or a moment; without a zone it is the machine's own."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a date; write it like 2026-10-01 or 2026-10-01T06:00", param, ctx)


def find_documents(ledger: LedgerReader, name: str) -> list[Document]:
    """Documents by id (`D17`), by path, or by invoice reference; a bare number is an invoice reference."""
    if match := DOCUMENT_ID.fullmatch(name):
        document = ledger.get(int(match[1]))
        if document is not None:
            return [document]
    return (
        ledger.with_reference(name)
        or ledger.with_path(name)
        or ledger.with_path(os.path.normpath(Path(name).absolute()))
    )


def otherwise_written(ledger: LedgerReader, *references: str) -> str:
    """A hint for who asks for an invoice that the ledger has under another spelling; empty when it has not."""
    known = [each for reference in references for each in ledger.references_like(reference) if each != reference]
    return f"; did you mean {' or '.join(map(shown, known))}?" if known else ""


def document_of(ledger: LedgerReader, name: str) -> Document:
    """The document with this id.

    Raises:
        Stop: it is not an id, or there is none.
    """
    match = DOCUMENT_ID.fullmatch(name)
    document = ledger.get(int(match[1])) if match else None
    if document is None:
        raise Stop(Exit.USAGE, f"no document {name}; ids look like D17, `importer list` shows them")
    return document


def print_documents(documents: Sequence[Document], form: str, dialect: str = "plain") -> None:
    """To standard output, as `table`, `json` or `csv`."""
    if form == "json":
        print_json(document_as_json(document) for document in documents)
    elif form == "csv":
        print_text(as_csv(documents, dialect))
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
