"""What rules may read of an e-mail beside its file's name: the subject and the names of the attachments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from importer.core.facts import EmlFacts, Facts
from importer.core.rules.outcome import Source
from importer.core.rules.text import FileName, printable, readable

MAX_VALUE = 120
"""Characters of the subject or the sender in a label; a list at Abillify shows no more."""

_NO_MAIL: Mapping[str, str] = dict.fromkeys(("subject", "sender", "date"), "")

# What mail programs put before the subject of an answer or of a forwarded message, in English and in German.
_PREFIXES = re.compile(r"\A(?:(?:re|fwd?|aw|wg|antwort|antw)(?:\[\d{1,3}\])?[ ]?:[ ]*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """A text that rules read."""

    source: Source
    text: str
    """Normalised: a stem, or a subject without `Re:` and the like."""
    shown: str
    """As the operator knows it, fit for a message."""
    is_certain: bool = True
    """Whether this is all of it, and read in the only way."""

    @property
    def told(self) -> str:
        return f"{self.source.word} “{self.shown}”"


def name_line(name: FileName) -> Line:
    return Line(Source.FILENAME, name.stem, name.shown)


def mail_lines(eml: EmlFacts) -> tuple[Line, ...]:
    """The subject, and each attachment's stem once."""
    subject = readable(eml.subject)
    text = _PREFIXES.sub("", subject)
    is_certain = _is_whole(eml.subject) and "subject" not in eml.doubled
    attachments = (
        Line(Source.ATTACHMENT, FileName((), name).stem, printable(readable(name)), _is_whole(name))
        for name in dict.fromkeys(eml.attachments)
    )
    more = (
        [Line(Source.ATTACHMENT, "", f"and {eml.names_left_out} more", is_certain=False)] if eml.names_left_out else []
    )
    return (Line(Source.SUBJECT, text.strip(), printable(subject), is_certain), *attachments, *more)


def why_not_read(name: FileName, facts: Facts | None) -> str:
    """Why nothing but the name can be read; empty for an e-mail."""
    if facts is None:
        return "only the file itself tells, not its name" if name.extension in ("eml", "") else "only e-mails have"
    if facts.eml is None or facts.eml.unreadable:
        return "only e-mails have"
    if facts.eml.report:
        return "in a mail system's report speaks of another message"
    return ""


def mail_values(facts: Facts | None) -> Mapping[str, str]:
    """For `{subject}`, `{sender}` and `{date}` in labels; the day is the sender's, as the message shows it."""
    if facts is None or facts.eml is None:
        return _NO_MAIL
    eml = facts.eml
    return {"subject": _short(eml.subject), "sender": _short(eml.sender), "date": eml.date[:10]}


def _short(text: str) -> str:
    line = " ".join(printable(readable(text)).split())
    return line if len(line) <= MAX_VALUE else f"{line[: MAX_VALUE - 1].rstrip()}…"


def _is_whole(text: str) -> bool:
    # As EmlFacts tells it: what is cut, what no charset fits, and encoded words that cannot be decoded.
    return not text.endswith("…") and "\ufffd" not in text and "=?" not in text
