"""What an invoice at Abillify should have and lacks, and where it and the ledger do not agree. Pure functions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from importer.core.comparison import Finding, Listed, Mark, compare
from importer.core.model import Document, Kind

DUNNING = (Kind.DUNNING1, Kind.DUNNING2, Kind.DUNNING3, Kind.DUNNING4)


class Gap(StrEnum):
    """What is wrong."""

    NO_ORIGINAL = "no_original"
    """The invoice has no document of the kind `invoice`."""
    DUNNING_SKIPPED = "dunning_skipped"
    """A dunning level is there without the one before."""
    NOT_IN_LEDGER = "not_in_ledger"
    """At Abillify; the ledger does not know it."""
    NOT_AT_ABILLIFY = "not_at_abillify"
    """Imported, says the ledger; Abillify does not show it."""
    DIFFERENT = "different"
    """In both, but with another kind or other references."""
    UNCHECKED = "unchecked"
    """It could not be told."""


GAPS = {
    Mark.ONLY_THERE: Gap.NOT_IN_LEDGER,
    Mark.ONLY_HERE: Gap.NOT_AT_ABILLIFY,
    Mark.DIFFERENT: Gap.DIFFERENT,
    Mark.UNCHECKED: Gap.UNCHECKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """One thing that is wrong with one invoice; all texts, empty where there is nothing to tell."""

    gap: Gap
    invoice_reference: str
    kind: str = ""
    document: str = ""
    """As in `D17`."""
    communication_reference: str = ""
    detail: str = ""


def audit_invoice(reference: str, documents: Sequence[Document], listed: Sequence[Listed]) -> list[AuditFinding]:
    """All that is wrong with an invoice.

    Args:
        reference: the invoice's.
        documents: all that the ledger has for it, in whatever state.
        listed: all that Abillify has for it.
    """
    found = [*_lacking(reference, documents, listed), *_skipped(reference, listed)]
    compared = compare(documents, listed, reference)
    return found + [from_comparison(finding) for finding in compared if finding.mark in GAPS]


def from_comparison(finding: Finding) -> AuditFinding:
    """In the words of the audit. Of what is alike there is nothing to say."""
    return AuditFinding(
        gap=GAPS[finding.mark],
        invoice_reference=finding.invoice_reference,
        kind=finding.kind,
        document=f"D{finding.document.id}" if finding.document else "",
        communication_reference=finding.communication_reference,
        detail=finding.detail,
    )


def _lacking(reference: str, documents: Sequence[Document], listed: Sequence[Listed]) -> Iterator[AuditFinding]:
    """A document whose kind Abillify does not tell may be the original."""
    if any(entry.kind == Kind.INVOICE for entry in listed):
        return
    untold = [entry for entry in listed if not entry.kind]
    coming = [d for d in documents if d.kind is Kind.INVOICE and (d.state.is_on_its_way or d.state.needs_person)]
    detail = "Abillify does not tell the kind of its documents" if untold else "the original invoice is missing"
    if coming:
        detail += "; " + ", ".join(f"D{document.id} is {document.state}" for document in coming)
    gap = Gap.UNCHECKED if untold else Gap.NO_ORIGINAL
    document = f"D{coming[0].id}" if coming else ""
    yield AuditFinding(gap=gap, invoice_reference=reference, kind=Kind.INVOICE, document=document, detail=detail)


def _skipped(reference: str, listed: Sequence[Listed]) -> Iterator[AuditFinding]:
    there = {entry.kind: entry for entry in listed}
    for before, level in pairwise(DUNNING):
        if level in there and before not in there:
            yield AuditFinding(
                gap=Gap.DUNNING_SKIPPED,
                invoice_reference=reference,
                kind=level,
                communication_reference=there[level].communication,
                detail=f"{level} is there, {before} is not",
            )
