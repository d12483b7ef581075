"""An e-mail's bytes -> EmlFacts, by the standard library; broken headers are told, not raised."""

import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

from importer.adapters.probe.guard import Malformed, attempt, clean, parsing
from importer.core.facts import EmlFacts, is_program

_HEADER = re.compile(rb"[!-9;-~]{1,76}[ \t]{0,4}:")
_KNOWN_HEADER = re.compile(
    rb"^(?:from|to|date|subject|received|return-path|delivered-to|message-id|mime-version)[ \t]{0,4}:",
    re.IGNORECASE | re.MULTILINE,
)
_HEADERS_WITHIN = 64 * 1024
_CUT_SIGNS = frozenset({"CloseBoundaryNotFoundDefect", "StartBoundaryNotFoundDefect"})
_MAX_NAMES = 100


def looks_like_eml(content: bytes) -> bool:
    """Whether the bytes start with a block of headers, one of which every e-mail may have."""
    start = _without_preamble(content[:_HEADERS_WITHIN])
    block = re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0]
    return _HEADER.match(block) is not None and _KNOWN_HEADER.search(block) is not None


def inspect_eml(content: bytes) -> EmlFacts:
    """The facts of bytes that start like an e-mail.

    Raises:
        MemoryError, RecursionError: it takes too much, as deeply nested parts do.
    """
    try:
        with parsing():
            message = email.message_from_bytes(_without_preamble(content), EmailMessage, policy=email.policy.default)
            return _facts(message)
    except Malformed as error:
        return EmlFacts(unreadable=str(error))


def _without_preamble(content: bytes) -> bytes:
    """Without the byte order mark and the blank lines that some exports put before the first header."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")


def _facts(message: EmailMessage) -> EmlFacts:
    parts = list(message.walk())
    attachments = tuple(name for part in parts if (name := _attachment_name(part)))[:_MAX_NAMES]
    defects = sorted({type(defect).__name__ for part in parts for defect in part.defects})
    return EmlFacts(
        sender=_header(message, "From"),
        recipients=_header(message, "To"),
        subject=_header(message, "Subject"),
        date=_date(message),
        has_body=any(map(_is_body, parts)),
        attachments=attachments,
        parts=len(parts),
        damage="the end of a part is missing" if _CUT_SIGNS & set(defects) else "",
        defects=tuple(defects),
        active=tuple(f"the attached program {name}" for name in attachments if is_program(name)),
    )


def _header(message: EmailMessage, name: str) -> str:
    """The decoded header; as it stands where the library cannot decode it, empty where there is none."""
    raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
    return attempt(lambda: clean(message[name] or ""), clean(raw))


def _date(message: EmailMessage) -> str:
    return attempt(lambda: _rfc3339(parsedate_to_datetime(_header(message, "Date"))), "")


def _rfc3339(date: datetime) -> str:
    # "-0000" means UTC by a clock of unknown place (RFC 5322, 3.3).
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).isoformat()


def _attachment_name(part: EmailMessage) -> str:
    """The name of an attachment, its media type where it has none; empty for a body or a container."""
    media_type = attempt(part.get_content_type, "application/octet-stream")
    if media_type.startswith("multipart/"):
        return ""
    named = attempt(part.get_filename, None)
    attached = attempt(part.get_content_disposition, None) == "attachment"
    if named or attached or not media_type.startswith("text/"):
        return clean(named or media_type)
    return ""


def _is_body(part: EmailMessage) -> bool:
    """Whether it is text, for reading and not blank."""
    if attempt(part.get_content_maintype, "") != "text" or _attachment_name(part):
        return False
    payload = attempt(lambda: part.get_payload(decode=True), None)
    return isinstance(payload, bytes) and bool(payload.strip())
