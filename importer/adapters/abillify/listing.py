"""The documents of an invoice as Abillify lists them, all of them (abillify-api.md, "Read-back")."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from importer.adapters.abillify.answers import is_reference, is_unknown_invoice, parse_json, printable, read_failed
from importer.adapters.abillify.wire import Answer, NoReply
from importer.core.model import Absent, ReadFailed

Ask = Callable[[int], Answer]
"""Asks for the listing from an offset on."""


class Malformed(Exception):
    """The listing is not what is documented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Communication:
    """One document at Abillify. Its references are as they came, `file` and `voucher` empty where not given."""

    id: str
    file: str
    voucher: str
    kind: str
    label: str
    comment: str
    public_url: str | None
    created: str
    text: str
    """Everything in which a fingerprint may come back; which member carries it is unspecified."""
    names: frozenset[str]
    """Everything in which the label or the file's name may come back."""
    as_came: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False, repr=False)
    """All of it, also what nobody specifies."""

    def shown(self) -> dict[str, str]:
        """For a person who has to find it."""
        names = ("id", "file", "voucher", "kind", "label", "comment", "created")
        return {name: printable(getattr(self, name)) for name in names if getattr(self, name)}


@dataclass(frozen=True, slots=True)
class Listing:
    """Every communication of an invoice."""

    communications: tuple[Communication, ...]
    server_time: datetime | None
    """When it was begun to be read."""


@dataclass(frozen=True, slots=True)
class _Page:
    vouchers: tuple[str, ...]
    communications: tuple[Communication, ...]
    server_time: datetime | None


def read_listing(ask: Ask) -> Listing | Absent | ReadFailed:
    """The whole listing, also of a server that cuts it into pages although it is asked not to.

    Rows that move between two pages can hide one, so a listing of more than one page counts only when it is read
    twice with the same result.
    """
    pages = _pass(ask)
    listing = _joined(pages)
    if not isinstance(listing, Listing) or not isinstance(pages, list) or len(pages) == 1:
        return listing
    again = _joined(_pass(ask))
    if isinstance(again, Listing) and again.communications == listing.communications:
        return listing
    return again if isinstance(again, ReadFailed) else ReadFailed("the list of documents changed while it was read")


def _joined(pages: list[_Page] | Absent | ReadFailed) -> Listing | Absent | ReadFailed:
    if not isinstance(pages, list):
        return pages
    distinct = {entry.id: entry for page in pages for entry in page.communications}
    return Listing(tuple(distinct.values()), pages[0].server_time)


def _pass(ask: Ask) -> list[_Page] | Absent | ReadFailed:
    """The pages that brought anything new, or the first one."""
    pages: list[_Page] = []
    seen: set[tuple[str, str]] = set()
    offset = 0
    while True:
        page = _read_page(ask(offset), is_first=not pages)
        if not isinstance(page, _Page):
            return page
        # A voucher may come again with more of its communications: which of the two a page counts is unspecified.
        found = {("voucher", voucher) for voucher in page.vouchers}
        found |= {("communication", entry.id) for entry in page.communications}
        if pages and found <= seen:
            return pages
        pages.append(page)
        seen |= found
        offset += len(page.vouchers)


def _read_page(answer: Answer, *, is_first: bool) -> _Page | Absent | ReadFailed:
    if isinstance(answer, NoReply) or answer.status != 200:
        if is_first and not isinstance(answer, NoReply) and is_unknown_invoice(answer):
            return Absent(answer.server_time, unknown_invoice=True)
        return read_failed(answer)
    try:
        vouchers = _list_of_objects(parse_json(answer.body), "the list of documents")
        found = tuple(_communications(vouchers))
    except (Malformed, RecursionError) as error:
        return ReadFailed(f"the answer is not what Abillify lists: {error}", answer.status)
    return _Page(tuple(_reference(voucher.get("id")) for voucher in vouchers), found, answer.server_time)


def _communications(vouchers: list[dict[str, Any]]) -> Iterator[Communication]:
    for voucher in vouchers:
        # Null is an empty list; no list at all would make every document look absent.
        if "communications" not in voucher:
            raise Malformed("a voucher without communications")
        listed = voucher["communications"]
        for entry in _list_of_objects([] if listed is None else listed, "communications"):
            yield _communication(entry, _reference(voucher.get("id")))


def _communication(entry: Mapping[str, Any], voucher: str) -> Communication:
    identifier = _reference(entry.get("id"))
    if not identifier:
        raise Malformed("a communication without an id")
    label, comment, data = _string(entry.get("label")), _string(entry.get("comment")), entry.get("data")
    values = data.values() if isinstance(data, dict) else ()
    return Communication(
        id=identifier,
        file=_reference(entry.get("file")),
        voucher=voucher,
        kind=_string(entry.get("kind")),
        label=label,
        comment=comment,
        public_url=_string(entry.get("publicUrl")) or None,
        created=_string(entry.get("created")),
        text="\n".join((label, comment, json.dumps(data))),
        names=frozenset({label, comment, *filter(_string, values)}),
        as_came=entry,
    )


def _list_of_objects(value: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Malformed(f"{what} is not a list of objects")
    return value


def _reference(value: Any) -> str:
    """A number is taken too: the samples show texts, the type is unspecified."""
    text = str(value) if type(value) is int else value
    return text if is_reference(text) else ""


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
