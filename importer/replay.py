"""Other rules over everything that is known: what would be classified differently. Writes nothing, sends nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.adapters.inbox import FoundFile
from importer.adapters.ledger import printable
from importer.adapters.probe import Probe
from importer.adapters.reading import FileVanished, ReadError, read
from importer.core.facts import Facts
from importer.core.model import Document, Kind, Reason, ReferencesFrom
from importer.core.person import DISMISSED
from importer.core.rules import FileName, Inference, Match, NoMatch, Rules, Source


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name was, or would be, taken for."""

    reference: str | None = None
    kind: Kind | None = None
    rule: str | None = None
    reason: Reason | None = None
    """Why it has no reference and kind."""

    @classmethod
    def of_inference(cls, inference: Inference) -> "Answer":
        if isinstance(inference, Match):
            return cls(inference.reference, inference.kind, inference.rule)
        return cls(reason=inference.reason)

    @classmethod
    def of_document(cls, document: Document) -> "Answer":
        if document.invoice_reference is None or document.kind is None:
            return cls(reason=document.reason)
        return cls(document.invoice_reference, document.kind, document.rule)

    def says_the_same(self, other: "Answer") -> bool:
        return (self.reference, self.kind) == (other.reference, other.kind)

    def as_json(self) -> dict[str, Any]:
        return {
            "invoice_reference": self.reference,
            "kind": self.kind,
            "rule": self.rule,
            "reason": self.reason.as_json() if self.reason else None,
        }

    def __str__(self) -> str:
        if self.reference is not None:
            return f"{self.reference} {self.kind}"
        return f"refused [{self.reason.code}]" if self.reason else "refused"


@dataclass(frozen=True, slots=True)
class Difference:
    """A document, or a file in the inbox that is none yet, of which the other rules say something else."""

    path: str
    document: Document | None
    old: Answer
    new: Answer

    @property
    def is_by_person(self) -> bool:
        """Whether a person has decided about the document, so that its state does not come from the rules alone."""
        return self.document is not None and is_decided_by_person(self.document)

    def as_json(self) -> dict[str, Any]:
        document = self.document
        return {
            "id": f"D{document.id}" if document else None,
            "path": printable(self.path),
            "state": document.state if document else None,
            "by_person": self.is_by_person,
            "old": self.old.as_json(),
            "new": self.new.as_json(),
        }


class Reader:
    """What rules say of a file; its bytes are read only for rules that look into e-mails."""

    def __init__(self, rules: Rules, probe: Probe, max_size: int) -> None:
        self._rules = rules
        self._reads_mail = any(rule.source is not Source.FILENAME for rule in rules.rules)
        self._probe = probe
        self._max_size = max_size

    def read(self, path: str, location: Path) -> Answer:
        """By its path relative to the inbox. A file that is gone or unreadable is taken by its name alone."""
        name = FileName.parse(path)
        inference = self._rules.infer(name)
        if self._reads_mail and isinstance(inference, NoMatch) and name.extension == "eml":
            inference = self._rules.infer(name, self._facts(location))
        return Answer.of_inference(inference)

    def _facts(self, location: Path) -> Facts | None:
        try:
            content = read(location, self._max_size).content
        except (FileVanished, ReadError):
            return None
        return self._probe.probe(content, "eml") if content is not None else None


@dataclass(slots=True)
class Replay:
    """One pass over ledger and inbox, and what it has counted so far."""

    old: Reader
    new: Reader
    documents: int = 0
    files: int = 0
    different: int = 0
    by_person: int = 0

    def differences(self, documents: Iterable[Document], files: Iterable[FoundFile]) -> Iterator[Difference]:
        """One at a time: a ledger may be larger than memory.

        Args:
            documents: all of the ledger; each is compared with what the ledger says of it.
            files: what lies in the inbox. One that no document was made of is compared by the two rules files.

        Raises:
            ProbeError: e-mails have to be looked into, and nothing can.
        """
        unknown = {file.path: file.relative for file in files}
        for document in documents:
            self.documents += 1
            location = Path(document.location)
            unknown.pop(location, None)
            new = self.new.read(document.path, location)
            yield from self._compared(document.path, document, Answer.of_document(document), new)
        for path, relative in unknown.items():
            self.files += 1
            yield from self._compared(relative, None, self.old.read(relative, path), self.new.read(relative, path))

    def _compared(self, path: str, document: Document | None, old: Answer, new: Answer) -> Iterator[Difference]:
        if not old.says_the_same(new):
            difference = Difference(path, document, old, new)
            self.different += 1
            self.by_person += difference.is_by_person
            yield difference


def is_decided_by_person(document: Document) -> bool:
    """Accepted, dismissed, or found at Abillify by a person."""
    return (
        bool(document.accepted)
        or (document.references is not None and document.references.source is ReferencesFrom.PERSON)
        or (document.reason is not None and document.reason.code == DISMISSED)
    )
