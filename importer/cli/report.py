"""`importer report`."""

import re
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from importer.adapters.saving import replace_file
from importer.cli.output import agreed_dialect, dialect_option, print_text
from importer.cli.reading import reading_ledger, settings_of
from importer.clock import SystemClock
from importer.decisions import person
from importer.month import Month, as_csv, as_html
from importer.report import counted

EXAMPLES = """\b
Examples:
  importer report --month 2026-10 --output 2026-10.html
  importer report --month 2026-10 --csv-dialect excel-de --output 2026-10.csv
"""


class MonthName(click.ParamType[str]):
    """`2026-10`."""

    name = "MONTH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])", value, re.ASCII):
            self.fail(f"{value!r} is not a month; write it like 2026-10", param, ctx)
        return str(value)


@click.command(epilog=EXAMPLES)
@click.option("--month", type=MonthName(), required=True, help="Such as 2026-10, by the machine's own time zone.")
@click.option(
    "--format", "form", type=click.Choice(["html", "csv"]), help="Default: as the output's name ends, or html."
)
@dialect_option
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Instead of stdout.")
@click.pass_context
def command(ctx: click.Context, month: str, form: str | None, dialect: str | None, output: Path | None) -> None:
    """What was imported in a month, for an auditor: when, hash, references, and who decided what.

    The HTML is one file without scripts that prints on A4, with totals, the importer's version and the ledger's
    identity. The CSV has one line a document. Nothing is changed.
    """
    by_name = "csv" if output is not None and output.suffix.lower() == ".csv" else "html"
    if form == "html" and dialect is not None:
        raise click.UsageError(f"--csv-dialect {dialect} and --format html contradict each other; give one of them")
    form, dialect = agreed_dialect(form or by_name, dialect)
    begin, end = _bounds(month)
    with reading_ledger(settings_of(ctx)) as ledger:
        story = ledger.chronicle(begin, end)
    told = Month(month, begin, end, story, version("abillify-importer"), SystemClock().now(), person())
    text = as_csv(told, dialect) if form == "csv" else as_html(told)
    if output is None:
        print_text(text)
    else:
        replace_file(output, text.encode())
        click.echo(f"{counted(len(story.imported), 'imported document')} of {month}: {output}", err=True)


def _bounds(month: str) -> tuple[datetime, datetime]:
    """The first moment of the month, and that of the next one, by the machine's own time zone."""
    year, number = map(int, month.split("-"))
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return _first_of(year, number), _first_of(*following)


def _first_of(year: int, month: int) -> datetime:
    return datetime(year, month, 1).astimezone()
