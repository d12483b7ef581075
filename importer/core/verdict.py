"""Facts and the operator's policy -> accepted, held or refused, with every reason at once.

What a file is is decided by its bytes; its name must agree. A wrong document reaches a real debtor, so a doubt is never
settled in the document's favour.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from importer.core.admission import Treatment
from importer.core.einvoice import Named, contradiction
from importer.core.facts import EmlFacts, Encryption, Facts, Failure, Format, PdfFacts
from importer.core.model import Reason
from importer.core.reference import contains_reference

MAX_NAME_BYTES = 255
"""What file systems take, in UTF-8."""

_CODE_BY_FORMAT = {Format.MSG: "outlook_message", Format.MBOX: "mailbox"}
_CODE_BY_EXTENSION = {"pdf": "not_a_pdf", "eml": "not_an_email"}

REASONS: Mapping[str, str] = {
    # the name
    "name_not_utf8": "The file's name is not valid UTF-8: rename it.",
    "name_control_characters": "The file's name contains control characters ({found}): rename it without them.",
    "name_direction_override": "The file's name contains characters that turn the direction of writing ({found}), so "
    "that it reads other than it is: rename it without them.",
    "name_path_separator": "The file's name contains a path separator (/ or \\): rename it without one.",
    "name_too_long": "The file's name has {bytes} bytes in UTF-8, more than {max_bytes}: shorten it.",
    "name_empty_stem": "The file's name has nothing before its extension: name it after its kind and invoice.",
    # the file
    "empty_file": "The file is empty (0 bytes): export it again.",
    "too_large": "The file has {size} bytes, more than the {max_size} that [documents] max_size allows: send a smaller "
    "one or raise the limit.",
    "unsupported_type": "Only PDF (.pdf) and e-mail (.eml) can be imported; the extension is {extension} and the "
    "content is {found}: export it as a PDF.",
    "extension_mismatch": "The content is {found}, but the name's extension is {extension}: rename the file to end "
    "in .{expected}.",
    "not_a_pdf": "The name ends in .pdf, but the content is {found}: export it as a PDF, or correct the name.",
    "not_an_email": "The name ends in .eml, but the content is {found}: save it as an e-mail, or correct the name.",
    "outlook_message": "This is a message in Outlook's own format (.msg): save it as an e-mail (.eml) or as a PDF.",
    "mailbox": "This is a mailbox (mbox), which can hold several messages: save the one message as .eml.",
    "probe_crashed": "The inspection of the file crashed twice, so its content is malformed or hostile: export it "
    "again, and open it with care.",
    "too_complex": "The inspection of the file took too much time or memory, so its content is malformed or hostile: "
    "export it again, or print it to a new PDF.",
    # PDF
    "truncated": "The end of the PDF is missing, so this is not the whole document: copy or export it again.",
    "unreadable_pdf": "The PDF cannot be opened ({detail}): export it again.",
    "no_pages": "The PDF has no pages: export it again.",
    "encrypted": "The content cannot be read without a password or a key: export it without encryption.",
    "einvoice_mismatch": "The e-invoice in the PDF ({name}) says number {number}, type {type_code} ({type}), but the "
    "file's name says {reference}, {kind}: look which of the two is right, then accept it, or correct the name.",
    "einvoice_unreadable": "The e-invoice in the PDF ({name}) does not say which invoice it is ({detail}): look "
    "whether it is that of {reference}, then accept it, or export it again.",
    "reference_not_in_text": "The text of the PDF does not contain {reference}, which the file's name says: look whose "
    "document it is, then accept it, or correct the name.",
    "no_text_layer": "The PDF has no text, so it is a scan or a picture, and nobody knows whether it is that of "
    "{reference}: look at it, then accept it, or export it with text.",
    # e-mail
    "unreadable_email": "The e-mail cannot be read ({detail}): save it again as .eml.",
    "no_sender": "The e-mail has no sender (From), so it is a draft or a part: save the message as it was sent.",
    "no_date": "The e-mail has no readable date (Date), so it is a draft or a part: save the message as it was sent.",
    "no_content": "The e-mail has neither text nor an attachment: save the whole message again.",
    # both
    "damaged": "The file is damaged but can be repaired by a reader ({detail}): look whether it is complete, then "
    "accept it, or export it again.",
    "active_content": "The file contains what could run by itself ({found}): look where it comes from, then accept it, "
    "or print it to a new PDF.",
}
"""Every code that `judge` and `judge_name` give: what happened and what to do, `{...}` filled in from the details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPolicy:
    """The section `[documents]`, as far as the bytes decide (design.md section 5)."""

    max_size: int = 20 * 1024 * 1024
    """Bytes."""
    encrypted: Treatment = Treatment.REJECT
    """For a PDF that needs a password and an e-mail that needs a key; a PDF that opens without is like every other."""
    damaged: Treatment = Treatment.HOLD
    active_content: Treatment = Treatment.HOLD
    einvoice_mismatch: Treatment = Treatment.HOLD
    """For an e-invoice that cannot be read too."""
    text_must_contain_reference: Treatment = Treatment.ALLOW
    """For a PDF without the reference in its text, and for one without any text."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Nothing speaks against sending it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It must not be sent as it is; the first reason is the gravest."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A person must decide; each reason can be accepted."""

    reasons: tuple[Reason, ...]


Verdict = Accepted | Refused | Held
Fault = tuple[Treatment, Reason]


def judge(facts: Facts, policy: DocumentPolicy, named: Named | None = None) -> Verdict:
    """What is to become of a file with these facts, by the operator's settings.

    Args:
        facts: with the text layer, where the policy wants the reference in it.
        policy: the settings.
        named: what the file's name says, to be held against its content; None where it says nothing.
    """
    faults = tuple(_faults(facts, policy, named))
    refusals = tuple(reason for treatment, reason in faults if treatment is Treatment.REJECT)
    holds = tuple(reason for treatment, reason in faults if treatment is Treatment.HOLD)
    if refusals:
        return Refused(refusals + holds)
    return Held(holds) if holds else Accepted()


def judge_name(filename: str) -> tuple[Reason, ...]:
    """Why no debtor may see this name; empty when nothing speaks against it.

    Args:
        filename: the last component of the path, as `os.fsdecode` gives it.
    """
    return tuple(_name_faults(filename))


def _name_faults(name: str) -> Iterator[Reason]:
    if any("\ud800" <= character <= "\udfff" for character in name):
        yield _reason("name_not_utf8")
    if controls := [c for c in name if unicodedata.category(c) in ("Cc", "Zl", "Zp")]:
        yield _reason("name_control_characters", found=_code_points(controls))
    if overrides := [c for c in name if "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"]:
        yield _reason("name_direction_override", found=_code_points(overrides))
    if "/" in name or "\\" in name:
        yield _reason("name_path_separator")
    # A byte that is not UTF-8 is one surrogate here, and "replace" makes one byte of it again.
    if (length := len(name.encode(errors="replace"))) > MAX_NAME_BYTES:
        yield _reason("name_too_long", bytes=length, max_bytes=MAX_NAME_BYTES)
    stem = name.rpartition(".")[0] if "." in name else name
    if all(c == "." or unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Zs") for c in stem):
        yield _reason("name_empty_stem")


def _code_points(characters: list[str]) -> str:
    return ", ".join(f"U+{ord(character):04X}" for character in sorted(set(characters)))


def _faults(facts: Facts, policy: DocumentPolicy, named: Named | None) -> Iterator[Fault]:
    if facts.format is Format.EMPTY:
        yield Treatment.REJECT, _reason("empty_file")
        return
    if facts.size > policy.max_size:
        # Whether or not anybody looked into it: nothing else counts before it is smaller.
        yield Treatment.REJECT, _reason("too_large", size=facts.size, max_size=policy.max_size)
        return
    if (failure := facts.failure or _gap(facts)) is not None:
        yield Treatment.REJECT, _reason(failure.value)
        return
    if (mismatch := _type_fault(facts)) is not None:
        yield Treatment.REJECT, mismatch
    if facts.pdf is not None:
        yield from chain(_pdf_refusals(facts.pdf), _pdf_doubts(facts.pdf, policy))
        if named is not None:
            yield from chain(_einvoice_doubts(facts.pdf, policy, named), _text_doubts(facts.pdf, policy, named))
    if facts.eml is not None:
        yield from chain(_eml_refusals(facts.eml), _eml_doubts(facts.eml, policy))


def _gap(facts: Facts) -> Failure | None:
    """A PDF or an e-mail of which nothing more is known was not inspected, and that is no reason to accept it."""
    missing = (facts.format is Format.PDF and facts.pdf is None) or (facts.format is Format.EML and facts.eml is None)
    return Failure.CRASHED if missing else None


def _type_fault(facts: Facts) -> Reason | None:
    """Whether the name's extension and the content agree, and are of a type that can be imported."""
    importable = facts.format in (Format.PDF, Format.EML)
    if importable and facts.extension == facts.format:
        return None
    code = _CODE_BY_FORMAT.get(facts.format) or _CODE_BY_EXTENSION.get(facts.extension)
    return _reason(
        code or ("extension_mismatch" if importable else "unsupported_type"),
        extension=f".{_printable(facts.extension)}" if facts.extension else "none",
        found=facts.format.words,
        expected=facts.format.value,
    )


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _pdf_refusals(pdf: PdfFacts) -> Iterator[Fault]:
    if pdf.truncated:
        yield Treatment.REJECT, _reason("truncated")
    elif pdf.unreadable:
        yield Treatment.REJECT, _reason("unreadable_pdf", detail=pdf.unreadable)
    elif not pdf.pages and pdf.encryption is not Encryption.PASSWORD:
        yield Treatment.REJECT, _reason("no_pages")


def _pdf_doubts(pdf: PdfFacts, policy: DocumentPolicy) -> Iterator[Fault]:
    if pdf.encryption is Encryption.PASSWORD:
        yield policy.encrypted, _reason("encrypted")
    yield from _doubts(pdf.damage, pdf.active, policy)


def _einvoice_doubts(pdf: PdfFacts, policy: DocumentPolicy, named: Named) -> Iterator[Fault]:
    for einvoice in pdf.einvoices:
        if einvoice.unreadable:
            unreadable = {"name": einvoice.name, "detail": einvoice.unreadable, "reference": named.reference}
            yield policy.einvoice_mismatch, _reason("einvoice_unreadable", **unreadable)
        elif details := contradiction(einvoice, named):
            yield policy.einvoice_mismatch, _reason("einvoice_mismatch", **details)


def _text_doubts(pdf: PdfFacts, policy: DocumentPolicy, named: Named) -> Iterator[Fault]:
    treatment = policy.text_must_contain_reference
    if treatment is Treatment.ALLOW or pdf.truncated or pdf.unreadable or contains_reference(pdf.text, named.reference):
        return
    code = "reference_not_in_text" if pdf.text.strip() else "no_text_layer"
    yield treatment, _reason(code, reference=named.reference)


def _eml_refusals(eml: EmlFacts) -> Iterator[Fault]:
    if eml.unreadable:
        yield Treatment.REJECT, _reason("unreadable_email", detail=eml.unreadable)
        return
    if not eml.sender:
        yield Treatment.REJECT, _reason("no_sender")
    if not eml.date:
        yield Treatment.REJECT, _reason("no_date")
    if not (eml.has_body or eml.attachments):
        yield Treatment.REJECT, _reason("no_content")


def _eml_doubts(eml: EmlFacts, policy: DocumentPolicy) -> Iterator[Fault]:
    if eml.encrypted:
        yield policy.encrypted, _reason("encrypted")
    yield from _doubts(eml.damage, eml.active, policy)


def _doubts(damage: str, active: tuple[str, ...], policy: DocumentPolicy) -> Iterator[Fault]:
    if damage:
        yield policy.damaged, _reason("damaged", detail=damage)
    if active:
        yield policy.active_content, _reason("active_content", found=", ".join(active))


def _reason(code: str, **details: Any) -> Reason:
    return Reason(code, REASONS[code].format_map(details), details)
