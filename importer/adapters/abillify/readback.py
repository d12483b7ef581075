"""Whether a document is among those that Abillify lists.

A false "absent" sends a debtor the same document twice; a false "unclear" costs a person a look. So absence needs a
reason, and every doubt is unclear.
"""

from collections.abc import Callable, Sequence

from importer.adapters.abillify.listing import Communication, Listing
from importer.adapters.abillify.request import MARK, identity_of, mark_of
from importer.core.model import (
    Absent,
    Digest,
    Document,
    Found,
    ReadbackOutcome,
    ReadFailed,
    References,
    ReferencesFrom,
    Unclear,
)

Fetch = Callable[[str | None], Digest | ReadFailed | None]
"""The hash of the bytes at a `publicUrl`; None when they cannot be had, ReadFailed when they may be had later."""


def match(document: Document, listing: Listing, *, fingerprint: bool, fetch: Fetch) -> ReadbackOutcome:
    """Looks by references, then by fingerprint, then by bytes.

    Args:
        document: what is looked for.
        listing: everything that Abillify has for its invoice.
        fingerprint: whether our sends carry one.
        fetch: reads the bytes of one candidate.
    """
    known = [entry for entry in listing.communications if _has_references(entry, document.references)]
    if known:
        return _found(known, "references", listing)
    mark = mark_of(identity_of(document)).strip("[]")
    marked = [entry for entry in listing.communications if mark in entry.text]
    if marked:
        return _found(marked, "fingerprint", listing)
    return _match_bytes(document, listing, fingerprint=fingerprint, fetch=fetch)


def _match_bytes(document: Document, listing: Listing, *, fingerprint: bool, fetch: Fetch) -> ReadbackOutcome:
    # Where fingerprints come back, a document without ours was not sent by us: only its name makes it worth a look.
    marks_return = fingerprint and any(MARK.search(entry.text) for entry in listing.communications)
    same: list[Communication] = []
    doubtful: list[Communication] = []
    for entry in listing.communications:
        if entry.kind not in ("", document.kind) or (marks_return and not _is_named_like(entry, document)):
            continue
        sha256 = fetch(entry.public_url)
        if isinstance(sha256, ReadFailed):
            return sha256
        if sha256 == document.sha256:
            same.append(entry)
        elif not marks_return and _may_be(entry, document, unread=sha256 is None):
            doubtful.append(entry)
    if same:
        return _found(same, "bytes", listing)
    if doubtful:
        return Unclear("documents that look like it, but whose content differs or cannot be read", _shown(doubtful))
    return Absent(listing.server_time)


def _has_references(entry: Communication, references: References | None) -> bool:
    """Whether they come back with the leading `_` of the import's reply is unspecified."""
    if references is None:
        return False
    return _bare(entry.id) == _bare(references.communication) or (
        bool(entry.file) and _bare(entry.file) == _bare(references.file)
    )


def _bare(reference: str) -> str:
    return reference.removeprefix("_")


def _is_named_like(entry: Communication, document: Document) -> bool:
    return bool({document.label, document.filename} - {""} & entry.names)


def _may_be(entry: Communication, document: Document, *, unread: bool) -> bool:
    """Whether a candidate whose bytes are not the document's could still be it.

    Under its name with other bytes, a server may have rewritten them (assumption A3). Without any text to tell it by,
    only bytes that were not seen leave a doubt.
    """
    if MARK.search(entry.text):
        return False
    return _is_named_like(entry, document) or (unread and not entry.label and not entry.comment)


def _found(entries: Sequence[Communication], matched_by: str, listing: Listing) -> Found | Unclear:
    """One is it. Of two, a person must hear: Abillify has it twice."""
    if len(entries) > 1:
        return Unclear(f"Abillify has it {len(entries)} times", _shown(entries), is_there=True)
    entry = entries[0]
    if not entry.file or not entry.voucher:
        cause = "it is listed, but without the references of its file and voucher"
        return Unclear(cause, _shown(entries), is_there=True)
    references = References(entry.id, entry.file, entry.voucher, ReferencesFrom.READBACK)
    return Found(references, matched_by, listing.server_time)


def _shown(entries: Sequence[Communication]) -> tuple[dict[str, str], ...]:
    return tuple(entry.shown() for entry in entries)
