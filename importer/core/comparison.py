"""The documents of one invoice, as the ledger has them and as Abillify lists them, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from importer.core.model import Digest, Document, ReadFailed, References, State


class Mark(StrEnum):
    """How the two sides stand to one another, as `rclone check` marks it."""

    ALIKE = "="
    ONLY_THERE = "+"
    """At Abillify; we did not import it."""
    ONLY_HERE = "-"
    """Imported, says the ledger; Abillify does not have it."""
    DIFFERENT = "*"
    UNCHECKED = "!"

    @property
    def is_discrepancy(self) -> bool:
        return self in (Mark.ONLY_THERE, Mark.ONLY_HERE, Mark.DIFFERENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One document as Abillify lists it: all as it came, empty where not given."""

    communication: str
    file: str
    voucher: str
    kind: str
    label: str = ""
    created: str = ""
    content: Digest | ReadFailed | None = None
    """The hash of its bytes, or why they cannot be had; None when nobody asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check says of one document."""

    mark: Mark
    invoice_reference: str
    kind: str
    """Empty where Abillify does not tell."""
    document: Document | None
    """None for what only Abillify has."""
    communication_reference: str
    """Empty where nobody has given one."""
    detail: str = ""

    @property
    def needs_person(self) -> bool:
        return self.mark.is_discrepancy or (self.document is not None and self.document.state.needs_person)


def compare(documents: Sequence[Document], listed: Sequence[Listed], reference: str = "") -> list[Finding]:
    """Every document that is imported or listed, once.

    Args:
        documents: all that the ledger has for the invoice, in whatever state.
        listed: all that Abillify has for it.
        reference: the invoice's; it may be left out where the ledger has any document for it.
    """
    reference = reference or (documents[0].invoice_reference or "" if documents else "")
    imported = [document for document in documents if document.state is State.IMPORTED]
    there = {bare(entry.communication): entry for entry in listed}
    here: dict[str, Document] = {}
    findings = []
    for document in imported:
        communication = bare(references_of(document).communication)
        findings.append(_judge(document, there.get(communication), here.setdefault(communication, document)))
    strangers = [entry for entry in listed if bare(entry.communication) not in here]
    return findings + [_stranger(entry, documents, reference) for entry in strangers]


def about(document: Document, mark: Mark, detail: str = "") -> Finding:
    """A finding about a document of the ledger."""
    return Finding(
        mark=mark,
        invoice_reference=document.invoice_reference or "",
        kind=document.kind or "",
        document=document,
        communication_reference=document.references.communication if document.references else "",
        detail=detail,
    )


def bare(reference: str) -> str:
    """Whether references come back with the leading `_` of the import's reply is unspecified."""
    return reference.removeprefix("_")


def references_of(document: Document) -> References:
    assert document.references is not None, "an imported document has its references"
    return document.references


def _judge(document: Document, entry: Listed | None, first: Document) -> Finding:
    if entry is None:
        return about(document, Mark.ONLY_HERE, "Abillify does not list it among the documents of its invoice")
    differences = list(_differences(document, entry))
    if first is not document:
        differences.append(f"the ledger gives D{first.id} the same communication reference")
    if differences:
        return about(document, Mark.DIFFERENT, "; ".join(differences))
    if isinstance(entry.content, ReadFailed):
        return about(document, Mark.UNCHECKED, entry.content.cause)
    return about(document, Mark.ALIKE)


def _differences(document: Document, entry: Listed) -> list[str]:
    """What Abillify does not tell is no difference."""
    references = references_of(document)
    sides = {
        "kind": (document.kind or "", entry.kind),
        "voucher reference": (bare(references.voucher), bare(entry.voucher)),
        "file reference": (bare(references.file), bare(entry.file)),
        "SHA-256": (document.sha256, "" if isinstance(entry.content, ReadFailed) else entry.content or ""),
    }
    return [
        f"{name} is {theirs} at Abillify, {ours} in the ledger"
        for name, (ours, theirs) in sides.items()
        if theirs and theirs != ours
    ]


def _stranger(entry: Listed, documents: Sequence[Document], reference: str) -> Finding:
    """Not ours, unless it is one whose upload is under way or in doubt."""
    perhaps = [d for d in documents if _may_have_arrived(d) and entry.kind in ("", d.kind)]
    told = " ".join(part for part in (f"{entry.label!r}" if entry.label else "", entry.created) if part)
    maybe = ", ".join(f"D{document.id}, which is {document.state}" for document in perhaps)
    return Finding(
        mark=Mark.UNCHECKED if perhaps else Mark.ONLY_THERE,
        invoice_reference=reference,
        kind=entry.kind,
        document=None,
        communication_reference=entry.communication,
        detail=f"{told} may be {maybe}".strip() if maybe else told,
    )


def _may_have_arrived(document: Document) -> bool:
    is_open = document.state.is_on_its_way or document.state is State.HELD
    return document.state is State.SENDING or (is_open and document.key.in_doubt)
