"""What a PDF carries besides its pages: actions that run by themselves, and embedded files."""

from collections.abc import Iterator
from dataclasses import dataclass

from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, PdfObject

from importer.adapters.probe.guard import Malformed, clean, parsing
from importer.core.facts import is_program

_PASSIVE = frozenset(
    {"/AP", "/Contents", "/DR", "/Metadata", "/P", "/Parent", "/Resources", "/StructTreeRoot", "/Thumb"}
)
"""Entries under which no action can stand, and most of a file's objects do."""

_MAX_NAMES = 100
"""More tell a person nothing, and a hostile file could fill the ledger with them."""

_ACTIONS = {"/JavaScript": "JavaScript", "/Launch": "an action that starts a program"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    active: tuple[str, ...]
    embedded: tuple[str, ...]
    specifications: tuple[DictionaryObject, ...]
    """Of the embedded files (ISO 32000-1, 7.11.3); several may have the same name."""
    fault: str
    """What could not be looked into; empty when everything could."""


def survey(catalog: DictionaryObject) -> Survey:
    """Look through everything that a reader could act on, from the catalog downwards."""
    active: set[str] = set()
    specifications: list[DictionaryObject] = []
    unread = 0
    for node in _reachable(catalog):
        if isinstance(node, Malformed):
            unread += 1
            continue
        active.update(_actions_of(node))
        if "/EF" in node:
            specifications.append(node)
    embedded = tuple(dict.fromkeys(name_of(specification) for specification in specifications))
    active.update(f"the embedded program {name}" for name in embedded if is_program(name))
    return Survey(
        active=tuple(sorted(active))[:_MAX_NAMES],
        embedded=embedded[:_MAX_NAMES],
        specifications=tuple(specifications),
        fault=f"{unread} objects cannot be read" if unread else "",
    )


def _reachable(catalog: DictionaryObject) -> Iterator[DictionaryObject | Malformed]:
    seen: set[tuple[int, int]] = set()
    stack: list[PdfObject | None] = [catalog]
    while stack:
        node = stack.pop()
        if isinstance(node, IndirectObject):
            if (node.idnum, node.generation) in seen:
                continue
            seen.add((node.idnum, node.generation))
            try:
                with parsing():
                    node = node.get_object()
            except Malformed as error:
                yield error
                continue
        if isinstance(node, DictionaryObject):
            yield node
            stack.extend(value for key, value in node.items() if key not in _PASSIVE)
        elif isinstance(node, ArrayObject):
            stack.extend(node)


def _actions_of(node: DictionaryObject) -> Iterator[str]:
    kind = node.get("/S")
    if isinstance(kind, str) and kind in _ACTIONS:
        yield _ACTIONS[kind]
    if "/JS" in node or "/JavaScript" in node:
        yield _ACTIONS["/JavaScript"]


def name_of(specification: DictionaryObject) -> str:
    """The embedded file's name; the Unicode one first (ISO 32000-1, 7.11.3)."""
    return clean(specification.get("/UF") or specification.get("/F") or "without a name")
