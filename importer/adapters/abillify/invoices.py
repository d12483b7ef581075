"""Invoices and what was paid and charged on them, as they came (abillify-api.md, "Invoices"). Pure functions."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from importer.adapters.abillify.answers import describe, is_unknown_invoice, parse_json, read_failed
from importer.adapters.abillify.wire import Answer, NoReply
from importer.core.model import InvoiceUnknown, ReadFailed

Rows = tuple[dict[str, Any], ...]

MEMBERS = ("rows", "payments", "charges", "data", "items")
"""Under which a list may stand where the answer is an object; which one is unspecified."""


@dataclass(frozen=True, slots=True)
class InvoiceTold:
    """An invoice."""

    fields: dict[str, Any]


def invoice_told(answer: Answer) -> InvoiceTold | InvoiceUnknown | ReadFailed:
    if isinstance(answer, NoReply) or answer.status != 200:
        unknown = not isinstance(answer, NoReply) and is_unknown_invoice(answer)
        return InvoiceUnknown() if unknown else read_failed(answer)
    body = parse_json(answer.body)
    return InvoiceTold(body) if isinstance(body, dict) else ReadFailed(describe(answer), answer.status)


def every_row(ask: Callable[[int], Answer], *, first: int, steps_by_rows: bool) -> Rows | InvoiceUnknown | ReadFailed:
    """All rows of a list, until a page brings nothing new.

    Args:
        ask: asks for a page, by its number or by its offset.
        first: the first one.
        steps_by_rows: whether the next page begins so many rows later, or one page later.
    """
    seen: dict[str, dict[str, Any]] = {}
    at = first
    while True:
        rows = page_of(ask(at))
        if not isinstance(rows, tuple):
            return rows
        new = {key: row for row in rows if (key := key_of(row)) not in seen}
        if not new:
            return tuple(seen.values())
        seen |= new
        at += len(rows) if steps_by_rows else 1


def page_of(answer: Answer) -> Rows | InvoiceUnknown | ReadFailed:
    """The rows of one page: of a list, or of an object that holds it."""
    if isinstance(answer, NoReply) or answer.status != 200:
        unknown = not isinstance(answer, NoReply) and is_unknown_invoice(answer)
        return InvoiceUnknown() if unknown else read_failed(answer)
    body = parse_json(answer.body)
    rows = list(_rows(body))
    if not (isinstance(body, list) or (isinstance(body, dict) and any(name in body for name in MEMBERS))):
        return ReadFailed("the answer is not a list", answer.status)
    return tuple(rows)


def key_of(row: dict[str, Any]) -> str:
    """By which a row is known again on another page: its id, or all of it."""
    identifier = row.get("id")
    return str(identifier) if isinstance(identifier, str | int) else json.dumps(row, sort_keys=True)


def _rows(body: Any) -> Iterator[dict[str, Any]]:
    lists = [body] if isinstance(body, list) else [body.get(name) for name in MEMBERS] if isinstance(body, dict) else []
    for found in lists:
        if isinstance(found, list):
            yield from (row for row in found if isinstance(row, dict))
