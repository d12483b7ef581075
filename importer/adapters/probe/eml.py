"""An e-mail's bytes -> EmlFacts. What can be read in two ways is told as damage, never settled."""

import re
from collections.abc import Iterable, Iterator, Sequence

from importer.adapters.probe.guard import Malformed, attempt, clean, parsing
from importer.adapters.probe.header_text import date_of, decode_words, guessed
from importer.adapters.probe.mime import MAX_HEADER, Headers, Part, is_utf16, parts_of, read_headers, with_plain_lines
from importer.adapters.probe.transfer import fault, unpacked
from importer.core.facts import EmlFacts, is_program

_HEADERS_WITHIN = 1024 * 1024
"""Bytes in which a header that every e-mail may have is looked for; long lists of recipients can come first."""
_KNOWN_HEADERS = frozenset(
    {"from", "to", "date", "subject", "received", "return-path", "delivered-to", "message-id", "mime-version"}
)
_ONCE = ("from", "subject", "date")
_MAX_NAMES = 100

# The envelope of an mbox and a header below it, in the middle of the text.
_ANOTHER_MESSAGE = re.compile(rb"\nFrom [^\n]{1,200}\d\d:\d\d[^\n]{0,40}\d{4}[^\n]{0,20}\n>?[!-9;-~]{1,200}[ \t]{0,4}:")
_PGP = b"-----BEGIN PGP MESSAGE-----"
_SMIME = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")
_ELSEWHERE = {
    "message/partial": "it is one of several pieces",
    "message/external-body": "a part of it lies elsewhere",
}


def looks_like_eml(content: bytes) -> bool:
    """Whether the bytes start with a block of headers, one of which every e-mail may have."""
    return bool(_KNOWN_HEADERS & {name for name, _ in _top(content).fields})


def is_single_message(content: bytes) -> bool:
    """Whether bytes that begin like an mbox hold one e-mail and no second one."""
    return looks_like_eml(content) and not _ANOTHER_MESSAGE.search(with_plain_lines(content))


def inspect_eml(content: bytes) -> EmlFacts:
    """The facts of bytes that start like an e-mail.

    Raises:
        MemoryError, RecursionError: it takes too much, as deeply nested parts do.
    """
    try:
        with parsing():
            plain = with_plain_lines(content)
            parts = list(parts_of(plain))
            return _facts(parts, list(_damage(plain, parts, rewritten=is_utf16(content))))
    except Malformed as error:
        return EmlFacts(unreadable=str(error))


def _top(content: bytes) -> Headers:
    start = with_plain_lines(content[:_HEADERS_WITHIN])
    return read_headers(start, 0, len(start))[0]


def _facts(parts: Sequence[Part], damage: Iterable[str]) -> EmlFacts:
    whole = parts[0]
    names = [name for part in parts for name in _attachment_names(part)]
    return EmlFacts(
        sender=_header(whole, "from"),
        recipients=_header(whole, "to"),
        subject=_header(whole, "subject"),
        date=attempt(lambda: date_of(_header(whole, "date")), ""),
        has_body=any(map(_is_body, parts)),
        attachments=tuple(names[:_MAX_NAMES]),
        names_left_out=max(0, len(names) - _MAX_NAMES),
        parts=len(parts),
        report=_report(whole),
        signed=any(map(_is_signed, parts)),
        encrypted=_is_encrypted(whole),
        damage=clean("; ".join(dict.fromkeys(damage))),
        doubled=tuple(_doubled(whole)),
        defects=tuple(sorted({clean(oddity) for part in parts for oddity in _oddities(part)}))[:_MAX_NAMES],
        active=tuple(f"the attached program {name}" for name in names if is_program(name))[:_MAX_NAMES],
    )


def _header(part: Part, name: str) -> str:
    return _text(part.headers.first(name))


def _text(raw: bytes) -> str:
    """What a person sees; marked as cut where that is not all of it."""
    text = decode_words(guessed(raw[:MAX_HEADER]).replace("\n", ""))
    return clean(f"{text}…" if len(raw) > MAX_HEADER else text)


def _doubled(whole: Part) -> Iterator[str]:
    return (name for name in _ONCE if len({_text(raw) for raw in whole.headers.every(name)}) > 1)


def _damage(plain: bytes, parts: Sequence[Part], *, rewritten: bool) -> Iterator[str]:
    if rewritten:
        yield "it was saved as UTF-16, which no mail program opens"
    yield from (f"the header {name.title()} says two different things" for name in _doubled(parts[0]))
    for part in parts:
        yield from part.damage
        if part.media_type in _ELSEWHERE:
            yield _ELSEWHERE[part.media_type]
        if (problem := _encoding_fault(part)) and _is_serious(part):
            yield f"a part is in {problem}"
        if _is_sealed(part) and not _is_encrypted(parts[0]):
            yield "a part is sealed (S/MIME or PGP), so nobody has looked into it"
    if _ANOTHER_MESSAGE.search(plain):
        yield "another message follows"


def _oddities(part: Part) -> Iterator[str]:
    yield from part.oddities
    if part.depth == 0 and part.headers.first("content-type") and not part.headers.first("mime-version"):
        yield "no MIME-Version"
    if part.media_type in _TNEF or "winmail.dat" in map(str.lower, _attachment_names(part)):
        yield "an attachment that only Outlook opens (winmail.dat)"
    if not _is_serious(part):
        yield from filter(None, [_encoding_fault(part)])


def _encoding_fault(part: Part) -> str:
    return "" if part.has_parts else fault(part.body, part.encoding)


def _is_serious(part: Part) -> bool:
    """Whether a fault in the encoding loses something: readers show text with a stray sign all the same."""
    return part.encoding == "base64" or bool(_attachment_names(part))


def _report(whole: Part) -> str:
    if whole.media_type != "multipart/report":
        return ""
    return clean(whole.headers.parameter("content-type", "report-type").lower()) or "unknown"


def _is_signed(part: Part) -> bool:
    return part.media_type == "multipart/signed" or (part.media_type in _SMIME and _smime_type(part) == "signed-data")


def _is_sealed(part: Part) -> bool:
    """Whether its content is wrapped up in a way that takes more than a mail parser to read."""
    if part.media_type in _SMIME:
        return _smime_type(part) != "certs-only"
    return part.media_type == "multipart/encrypted" or (part.media_type == "text/plain" and _PGP in part.body[:4096])


def _is_encrypted(part: Part) -> bool:
    return _is_sealed(part) and (part.media_type not in _SMIME or "enveloped" in _smime_type(part))


def _smime_type(part: Part) -> str:
    return part.headers.parameter("content-type", "smime-type").lower()


def _attachment_names(part: Part) -> tuple[str, ...]:
    """The name of an attachment, its media type where it has none; nothing for a body or a container.

    It can have one name in its type and another in its disposition; programs differ in which they show.
    """
    if part.is_container:
        return ()
    written = (("content-disposition", "filename"), ("content-type", "name"))
    names = (clean(decode_words(part.headers.parameter(header, name))) for header, name in written)
    found = tuple(dict.fromkeys(filter(None, names)))
    is_attached = part.headers.value("content-disposition") == "attachment"
    if not found and (is_attached or not part.media_type.startswith("text/")):
        return (clean(part.media_type),)
    return found


def _is_body(part: Part) -> bool:
    """Whether it is text, for reading and not blank."""
    is_text = part.media_type.startswith("text/") and not _attachment_names(part)
    return is_text and bool(unpacked(part.body, part.encoding).strip())
