"""What would happen to a file, and why: the pipeline's own examination and admission, with nothing written or sent."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from importer.adapters.ledger import LedgerReader, printable
from importer.adapters.reading import FileVanished, ReadError, Reading, read
from importer.core.admission import AdmissionPolicy, admit
from importer.core.model import Document, Reason, State, digest_of
from importer.core.rules import RuleAccount
from importer.examination import Examination, Examiner
from importer.report import document_as_json

DECISIONS = {
    State.PENDING: "import",
    State.DUPLICATE: "duplicate",
    State.HELD: "hold",
    State.REJECTED: "reject",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer for one file. Without an examination the file is none of our business, or cannot be read."""

    path: str
    decision: str
    document: Document | None = None
    reason: Reason | None = None
    examination: Examination | None = None
    known: Document | None = None
    """What the ledger holds of the same bytes or the same place."""
    request: dict[str, Any] | None = None

    @property
    def accounts(self) -> tuple[RuleAccount, ...]:
        return self.examination.inference.accounts if self.examination else ()

    @property
    def inferred(self) -> Document | None:
        """The document, if the rules gave it exactly one reference and kind."""
        return self.document if self.document and self.document.identity else None

    def as_json(self) -> dict[str, Any]:
        """design.md section 4, `explain`."""
        inferred, reason, facts = self.inferred, self.reason, self.examination and self.examination.facts
        return {
            "path": printable(self.path),
            "decision": self.decision,
            "invoice_reference": inferred and inferred.invoice_reference,
            "kind": inferred and inferred.kind,
            "label": (inferred and inferred.label) or None,
            "filename": self.document and printable(self.document.filename),
            "rule": inferred and inferred.rule,
            "reason": reason and {"code": reason.code, "message": reason.message, "details": dict(reason.details)},
            "rules": [account.as_json() for account in self.accounts],
            "facts": facts.as_json() if facts else None,
            "ledger": document_as_json(self.known) if self.known else None,
            "request": self.request,
        }


class Explainer:
    """Explains files one by one; each by itself, as if it came alone."""

    def __init__(
        self, examiner: Examiner, ledger: LedgerReader | None, policy: AdmissionPolicy, preview: Any, now: datetime
    ) -> None:
        self._examiner = examiner
        self._ledger = ledger
        self._policy = policy
        self._preview = preview
        self._now = now

    def explain(self, path: Path, relative: str, inbox: Path) -> Explanation:
        """A file that exists, or only a name: then the bytes are taken for granted."""
        try:
            reading = read(path, self._examiner.max_size)
        except FileVanished:
            return self._explain_name(path, relative, inbox)
        except ReadError as error:
            return Explanation(relative, "ignore", reason=Reason("file_unreadable", str(error)))
        newcomer = self._examiner.newcomer(path, relative, inbox, reading, self._now)
        return self._judged(relative, self._examiner.examine(newcomer, reading.content))

    def _explain_name(self, path: Path, relative: str, inbox: Path) -> Explanation:
        nothing = Reading(b"", digest_of(b""), 0, 0, 0)
        newcomer = self._examiner.newcomer(path, relative, inbox, nothing, self._now)
        return self._judged(relative, self._examiner.examine_name(newcomer))

    def _judged(self, relative: str, examination: Examination) -> Explanation:
        known = self._ledger.neighbours(examination.candidate) if self._ledger and examination.facts else []
        document = admit(examination.candidate, known, self._policy)
        request = self._preview(document) if document.state is State.PENDING else None
        nearest = next((d for d in known if d.sha256 == document.sha256), known[0] if known else None)
        return Explanation(
            relative, DECISIONS[document.state], document, document.reason, examination, nearest, request
        )


def ignored(relative: str, why: str) -> Explanation:
    """A file that no scan would take."""
    return Explanation(relative, "ignore", reason=Reason("ignored", why))
