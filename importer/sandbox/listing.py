"""Pages, order and filters of the API's listings (abillify-api.md "Read-back" and "Invoices")."""

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

Row = dict[str, Any]
Condition = tuple[str, str, Any]

DEFAULT_LIMIT = 20  # unspecified

_CONDITION = re.compile(r"(?:query\[(\w+)\]|(\w+))\[(\$\w+)\]")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$gte": operator.ge,
    "$gt": operator.gt,
    "$lte": operator.le,
    "$lt": operator.lt,
    "$ne": operator.ne,
    "$eq": operator.eq,
}


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A parameter that counts. Raises ValueError when it is negative or no number."""
    value = int(query.get(name, default))
    if value < 0:
        raise ValueError(f"{name} is negative")
    return value


def part(rows: Sequence[Row], query: Mapping[str, str], shift: int = 0) -> list[Row]:
    """What `limit`, `offset`, `sort` and `search` leave; `limit=0` is no limit. `shift` moves a later page."""
    limit, offset = number(query, "limit", DEFAULT_LIMIT), number(query, "offset", 0)
    found = ordered([row for row in rows if query.get("search", "") in json.dumps(row)], query.get("sort", ""))
    start = max(offset + shift, 0) if offset else 0
    return found[start : start + limit] if limit else found[start:]


def ordered(rows: list[Row], sort: str) -> list[Row]:
    """By one field, descending with a leading `-`; how several fields are written is unspecified."""
    name = sort.lstrip("-")
    return sorted(rows, key=lambda row: str(row.get(name, "")), reverse=sort.startswith("-")) if name else rows


def conditions(query: Mapping[str, str]) -> list[Condition]:
    """The list's filter. Raises ValueError for an unknown operator.

    How it is written is unspecified beyond `created[$gte]`, so that all of these do: `created[$gte]=T`,
    `query[created][$gte]=T`, `query=created[$gte]=T` and `query={"created": {"$gte": T}}`.
    """
    found = list(_bracketed(query))
    text = query.get("query", "")
    found += _from_json(json.loads(text)) if text.startswith("{") else _bracketed(dict(parse_qsl(text)))
    if unknown := [sign for _, sign, _ in found if sign not in {*_OPERATORS, "$in"}]:
        raise ValueError(f"unknown operator {unknown[0]}")
    return found


def matches(row: Row, wanted: Sequence[Condition]) -> bool:
    return all(name in row and _holds(row[name], sign, value) for name, sign, value in wanted)


def _holds(held: Any, sign: str, value: Any) -> bool:
    if sign == "$in":
        return str(held) in (value if isinstance(value, list) else value.split(","))
    return _OPERATORS[sign](*_comparable(held, value))


def _comparable(held: Any, value: Any) -> tuple[Any, Any]:
    try:
        return _moment(held), _moment(value)
    except ValueError:
        return str(held), str(value)


def _moment(text: Any) -> datetime:
    found = datetime.fromisoformat(str(text).replace(" ", "+"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _bracketed(query: Mapping[str, str]) -> Iterator[Condition]:
    for name, value in query.items():
        if found := _CONDITION.fullmatch(name):
            yield found[1] or found[2], found[3], value


def _from_json(query: Mapping[str, Any]) -> Iterator[Condition]:
    for name, value in query.items():
        if _CONDITION.fullmatch(name):
            yield from _bracketed({name: value})
        else:
            signs = value if isinstance(value, dict) else {"$eq": value}
            yield from ((name, sign, operand) for sign, operand in signs.items())
