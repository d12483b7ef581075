"""CSV for machines and for spreadsheets. Pure rendering: values in, text out.

A cell that a spreadsheet would take for a formula gets a `'` before it: file names and references come from outside.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from importer.adapters.ledger import printable

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""What a formula may begin with (OWASP, "CSV Injection")."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a program reads CSV."""

    delimiter: str
    line_end: str
    mark: str
    """At the beginning of the file."""
    is_german: bool
    """Decimal commas, and dates as a German Excel reads them, in the machine's own time zone."""

    def cell(self, value: object) -> str:
        match value:
            case None:
                return ""
            case bool():
                return str(value).lower()
            case float() if self.is_german:
                return str(value).replace(".", ",")
            case int() | float():
                return str(value)
            case datetime():
                return self._moment(value)
        return defused(str(value))

    def _moment(self, moment: datetime) -> str:
        if self.is_german:
            return moment.astimezone().strftime("%d.%m.%Y %H:%M:%S")
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


DIALECTS = {
    "plain": Dialect(",", "\n", "", is_german=False),
    "excel-de": Dialect(";", "\r\n", "\ufeff", is_german=True),
}


def defused(text: str) -> str:
    return f"'{text}" if text.startswith(DANGEROUS) else text


def csv_of(fields: Sequence[str], rows: Iterable[Mapping[str, Any]], dialect: str = "plain") -> str:
    """With a header line."""
    how = DIALECTS[dialect]
    lines = [_line(fields, how), *(_line([how.cell(row[name]) for name in fields], how) for row in rows)]
    return how.mark + printable("".join(lines))


def _line(cells: Sequence[str], how: Dialect) -> str:
    """With either half of CRLF as its end, the module would leave the other one unquoted inside a cell."""
    out = io.StringIO()
    csv.writer(out, delimiter=how.delimiter, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + how.line_end
