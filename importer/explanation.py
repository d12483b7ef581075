"""What would happen to a file, and why: the pipeline's own examination and admission, with nothing written or sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from importer.adapters.ledger import LedgerReader, printable
from importer.adapters.reading import FileVanished, ReadError, Reading, read
from importer.core import person
from importer.core.admission import AdmissionPolicy, admit
from importer.core.facts import Format, extension_of
from importer.core.model import REPEATABLE, Document, Reason, State, digest_of
from importer.core.naming import shown
from importer.core.resending import Resend
from importer.core.rules import FileName, RuleAccount, with_near_misses
from importer.core.verdict import judge_name
from importer.examination import Examination, Examiner
from importer.invoice_report import resend_as_json
from importer.report import document_as_json, local, timestamp

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
    """What the ledger holds of this very file, or the document that the reason speaks of."""
    request: dict[str, Any] | None = None
    name: dict[str, Any] | None = None
    """What the rules look at: `stem`, `copy_marks`, and whether it `differs` from the name without its extension."""
    accounts: tuple[RuleAccount, ...] = ()
    same_invoice: Sequence[Document] = ()
    """The other documents that the ledger holds of the same invoice."""
    resend: bool = False
    """Whether the rule wants the invoice's e-mail sent again after the import."""
    resends: Sequence[Resend] = ()
    """What the ledger holds of the invoice being sent again."""

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
            "reason": reason.as_json() if reason else None,
            "rules": [account.as_json() for account in self.accounts],
            "facts": facts.as_json() if facts else None,
            "ledger": document_as_json(self.known) if self.known else None,
            "request": self.request,
            "name": self.name,
            "same_invoice": [document_as_json(document) for document in self.same_invoice],
            "resend": self.resend,
            "resends": [resend_as_json(resend) for resend in self.resends],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a file lies, or would lie."""

    path: Path
    """Absolute."""
    root: Path
    """The inbox, or the folder that stands for it."""
    told: str
    """How the answer names it."""
    marker: Path | None = None
    """The done file without which no scan takes it."""

    @property
    def relative(self) -> str:
        return self.path.relative_to(self.root).as_posix()


class Preview(Protocol):
    """The request that would be sent; the fingerprint can be left out."""

    def __call__(self, document: Document, *, fingerprint: bool = ...) -> dict[str, Any]: ...


class Explainer:
    """Explains files one by one; each by itself, as if it came alone."""

    def __init__(
        self, examiner: Examiner, ledger: LedgerReader | None, policy: AdmissionPolicy, preview: Preview, now: datetime
    ) -> None:
        self._examiner = examiner
        self._ledger = ledger
        self._policy = policy
        self._preview = preview
        self._now = now

    def forget_ledger(self) -> None:
        """Goes on without it: it cannot be read."""
        self._ledger = None

    def explain(self, place: Place) -> Explanation:
        """A file that exists, or only a name: then the bytes are taken for granted.

        Raises:
            LedgerError: the ledger cannot be asked.
        """
        return self._completed(self._explained(place))

    def _explained(self, place: Place) -> Explanation:
        try:
            reading = read(place.path, self._examiner.max_size)
        except FileVanished:
            return self._explain_name(place)
        except ReadError as error:
            return Explanation(place.told, "ignore", reason=Reason("file_unreadable", str(error)))
        mine = self._document_at(place.path, reading)
        if mine is not None:
            return self._explain_known(place, mine, reading)
        if place.marker is not None and not place.marker.exists():
            return ignored(place.told, f"it waits for {shown(place.marker.name)} (inbox.done_file)")
        newcomer = self._examiner.newcomer(place.path, place.relative, place.root, reading, self._now)
        return self._judged(place, self._examiner.examine(newcomer, reading.content))

    def _completed(self, explanation: Explanation) -> Explanation:
        """With what a person wants to know beside the answer: the name as it was read, near misses, the invoice."""
        if explanation.examination is None or explanation.document is None:
            return explanation
        name, rules = FileName.parse(explanation.document.path), self._examiner.rules
        reading = rules.vocabulary.read(name.stem)
        return replace(
            explanation,
            name={
                "stem": reading.stem,
                "copy_marks": list(reading.copy_marks),
                "differs": reading.stem != PurePosixPath(name.name).stem,
            },
            accounts=with_near_misses(rules, name, rules.explain(name, explanation.examination.facts)),
            same_invoice=self._same_invoice(explanation),
            resend=explanation.decision == "import" and explanation.document.rule in self._examiner.resending_rules,
            resends=self._resends(explanation),
        )

    def _same_invoice(self, explanation: Explanation) -> list[Document]:
        reference = explanation.inferred.invoice_reference if explanation.inferred else None
        if self._ledger is None or reference is None:
            return []
        told = explanation.known.id if explanation.known else 0
        return [document for document in self._ledger.with_reference(reference) if document.id != told]

    def _resends(self, explanation: Explanation) -> list[Resend]:
        reference = explanation.inferred.invoice_reference if explanation.inferred else None
        return self._ledger.resends_of(reference) if self._ledger and reference else []

    def _document_at(self, path: Path, reading: Reading) -> Document | None:
        """The document whose file this is; of several, one that is more than a copy of another."""
        found = self._ledger.with_path(str(path)) if self._ledger else []
        mine = [d for d in found if (d.location, d.sha256) == (str(path), reading.sha256)]
        return max(mine, key=lambda d: (d.state is not State.DUPLICATE, d.id), default=None)

    def _explain_known(self, place: Place, mine: Document, reading: Reading) -> Explanation:
        """By its own path and what a person accepted, not by the name that it has in one of our folders."""
        if _is_judged_anew(mine):
            examination = self._examiner.examine(_retried(mine, self._now), reading.content)
            return self._judged(place, examination, mine)
        decision, reason = _standing(mine)
        sends = mine.state in (State.PENDING, State.DEFERRED, State.WAITING)
        request = self._preview(mine) if sends else None
        examination = self._examiner.examine(mine, reading.content)
        return Explanation(place.told, decision, mine, reason, examination, mine, request)

    def _judged(self, place: Place, examination: Examination, mine: Document | None = None) -> Explanation:
        known = self._ledger.neighbours(examination.candidate) if self._ledger else []
        document = admit(examination.candidate, known, self._policy)
        request = self._preview(document) if document.state is State.PENDING else None
        nearest = _meant(document, known) or mine or _same_bytes(document, known)
        return Explanation(
            place.told, DECISIONS[document.state], document, document.reason, examination, nearest, request
        )

    def _explain_name(self, place: Place) -> Explanation:
        nothing = Reading(b"", digest_of(b""), 0, 0, 0)
        newcomer = self._examiner.newcomer(place.path, place.relative, place.root, nothing, self._now)
        examination = self._examiner.examine_name(newcomer)
        document = _by_extension(examination.candidate)
        is_sent = document.state is State.PENDING
        request = _without_bytes(self._preview(document, fingerprint=False)) if is_sent else None
        return Explanation(place.told, DECISIONS[document.state], document, document.reason, examination, None, request)


def ignored(told: str, why: str) -> Explanation:
    """A file that no scan would take."""
    return Explanation(told, "ignore", reason=Reason("ignored", why))


def _is_judged_anew(document: Document) -> bool:
    return document.unjudged or (document.state is State.REJECTED and person.is_needed_for(document))


def _retried(document: Document, now: datetime) -> Document:
    """As `retry` would send it on its way."""
    retried = document if document.unjudged else person.retry(document, now)
    return document if isinstance(retried, str) else retried


def _standing(document: Document) -> tuple[str, Reason | None]:
    """What the ledger says of the file itself."""
    if document.state.is_on_its_way:
        return "import", _on_its_way(document)
    if document.state is State.IMPORTED:
        message = f"This file was imported as D{document.id} at {local(document.imported_at)}; nothing would be sent."
        return "duplicate", Reason("duplicate", message, {"first": f"D{document.id}"})
    return DECISIONS[document.state], document.reason


def _on_its_way(document: Document) -> Reason:
    why = f": {document.reason.message}" if document.reason else ""
    at = f", next attempt {local(document.next_attempt_at)}" if document.next_attempt_at else ""
    return Reason(
        "on_its_way",
        f"This file is on its way as D{document.id} ({document.state}{why}){at}",
        {
            "document": f"D{document.id}",
            "state": document.state.value,
            "next_attempt_at": timestamp(document.next_attempt_at),
        },
    )


def _meant(document: Document, known: Sequence[Document]) -> Document | None:
    """The document that the reason speaks of."""
    details: Mapping[str, Any] = document.reason.details if document.reason else {}
    names = {details.get("first"), details.get("other")}
    return next((d for d in known if d.id == document.duplicate_of or f"D{d.id}" in names), None)


def _same_bytes(document: Document, known: Sequence[Document]) -> Document | None:
    return next((d for d in known if d.sha256 == document.sha256 and d.state not in REPEATABLE), None)


def _by_extension(document: Document) -> Document:
    """A name can promise at best what its extension is; only these two can be imported."""
    extension = extension_of(document.filename)
    if extension in (Format.PDF, Format.EML) or judge_name(document.filename):
        return document
    given = f"the extension is .{shown(extension)}" if extension else "there is no extension"
    message = f"Only PDF (.pdf) and e-mail (.eml) can be imported; {given}: export it as a PDF."
    return document.evolve(state=State.REJECTED, reason=Reason("unsupported_type", message))


def _without_bytes(request: Mapping[str, Any]) -> dict[str, Any]:
    """What follows from bytes that nobody has seen is left out, not made up."""
    headers = {name: value for name, value in request["headers"].items() if name != "Idempotency-Key"}
    file = {**request["parts"]["file"], "size": None, "sha256": None}
    return {**request, "headers": headers, "parts": {**request["parts"], "file": file}}
