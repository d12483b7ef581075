"""Documents about which one decision may be made together: exactly those on the visitor's page, as they were there."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from importer.core.model import Document, State
from importer.core.person import Decision, offered
from importer.dashboard.views import look_of

LISTED = 200
"""Documents that are named, and so decided about, at once."""

_SEEN = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one form is about."""

    batch: str
    """Empty: all of one reason."""
    documents: Sequence[Document]
    decisions: tuple[Decision, ...]

    @property
    def seen(self) -> str:
        """For the form: which documents, and what each of them was to its visitor."""
        return " ".join(f"{document.id}:{look_of(document)}" for document in self.documents)


def bundles_of(state: State, documents: Iterable[Document]) -> list[Bundle]:
    """The bundles among the documents with one reason: of each batch, or all that may be tried again."""
    batches: dict[str, list[Document]] = {}
    alike: list[Document] = []
    for document in documents:
        batch = document.reason.details.get("batch") if document.reason else None
        if batch is not None:
            batches.setdefault(str(batch), []).append(document)
        elif Decision.RETRY in offered(document, datetime.now(UTC)):
            alike.append(document)
    if state is State.REJECTED and len(alike) > 1:
        return [Bundle("", alike, (Decision.RETRY,))]
    return [Bundle(name, batches[name], (Decision.ACCEPT, Decision.DISMISS)) for name in sorted(batches)]


def read_seen(text: str) -> dict[int, str]:
    """What `Bundle.seen` said: the look of each document, by its id. Raises: ValueError: it never said that."""
    found = [_SEEN.fullmatch(each) for each in text.split()]
    if not all(found) or not 0 < len(found) <= LISTED:
        raise ValueError("a form of ours names between one document and as many as are listed")
    return {int(match[1]): match[2] for match in found if match}
