"""Which documents are wanted in a list, and in which order. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from importer.core.model import Document, Kind, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An empty set does not narrow; all others must hold together."""

    states: frozenset[State] = frozenset()
    kinds: frozenset[Kind] = frozenset()
    references: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    """Codes."""
    since: datetime | None = None
    """First seen then or later."""
    until: datetime | None = None
    """First seen earlier."""

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for more than state and beginning."""
        return bool(self.kinds or self.references or self.reasons or self.until)

    def accepts(self, document: Document) -> bool:
        reason = document.reason.code if document.reason else None
        return (
            (not self.states or document.state in self.states)
            and (not self.kinds or document.kind in self.kinds)
            and (not self.references or document.invoice_reference in self.references)
            and (not self.reasons or reason in self.reasons)
            and (self.since is None or document.first_seen_at >= self.since)
            and (self.until is None or document.first_seen_at < self.until)
        )


def ordered(documents: Sequence[Document], field: str | None) -> list[Document]:
    """By one of the JSON fields, `-` for descending; what has none comes last either way."""
    if field is None:
        return list(documents)
    name, is_descending = field.removeprefix("-"), field.startswith("-")
    keyed = [(value_of(document, name), document) for document in documents]
    there = [(value, document) for value, document in keyed if value is not None]
    there.sort(key=lambda pair: pair[0], reverse=is_descending)
    return [document for _, document in there] + [document for value, document in keyed if value is None]


def value_of(document: Document, field: str) -> Any:
    """What a document has in a JSON field, in a form that can be compared; None where it is unset."""
    references = document.references
    match field:
        case "communication_reference" | "file_reference" | "voucher_reference":
            return references and getattr(references, field.removesuffix("_reference"))
        case "references_from":
            return references and references.source.value
        case "reason":
            return document.reason and document.reason.code
        case "label":
            return document.label or None
    return getattr(document, field)
