"""The tables `[[expect]]`: which sources should deliver, on which days and by when."""

import re
from datetime import time

from importer.config.units import MalformedError
from importer.core.model import Kind
from importer.core.rules.folder import FolderGlob

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS_FORM = 'write it like "mon-fri" or ["mon", "wed"]'
TIME_FORM = 'write it like "18:00"'


def parse_days(value: object) -> frozenset[int]:
    """`"mon-fri"`, `"mon, wed"` or a list of such; 0 is Monday. A span may go over the week's end: `"sat-mon"`.

    Raises:
        MalformedError: anything else, or no day at all.
    """
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str)]
    if not texts or len(texts) < len(values):
        raise MalformedError("must name days of the week", DAYS_FORM)
    return frozenset(day for text in texts for part in text.split(",") for day in _span(part.strip().lower()))


def _span(text: str) -> list[int]:
    first, dash, last = (part.strip() for part in text.partition("-"))
    if first not in DAYS or (dash and last not in DAYS):
        raise MalformedError(f"{text!r} is no day of the week, and no span of days", DAYS_FORM)
    begin = DAYS.index(first)
    length = (DAYS.index(last) - begin) % 7 if dash else 0
    return [(begin + ahead) % 7 for ahead in range(length + 1)]


def parse_time_of_day(value: object) -> time:
    """`"18:00"`, on the machine's own clock.

    Raises:
        MalformedError: anything else.
    """
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", value) if isinstance(value, str) else None
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise MalformedError("is not a time of the day, from 0:00 to 23:59", TIME_FORM)
    return time(int(found[1]), int(found[2]))


def parse_source_name(value: object) -> str:
    """A name that stands in messages and labels.

    Raises:
        MalformedError: nothing to be read, or more than a line.
    """
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > 80:
        raise MalformedError("must be a name, on one line of at most 80 characters", 'write it like "dunning run"')
    return value.strip()


def parse_expected_folder(value: object) -> FolderGlob | None:
    """Where in the inbox, as in a rule; None for anywhere.

    Raises:
        MalformedError: no text, or a place outside of the inbox.
    """
    if value == "":
        return None
    folder = FolderGlob.parse(value) if isinstance(value, str) else None
    if folder is None:
        raise MalformedError("is no folder inside the inbox", 'write it relative to the inbox, like "Mahnungen/**"')
    return folder


def parse_expected_kind(value: object) -> Kind | None:
    """A kind of document; None for any.

    Raises:
        MalformedError: anything else.
    """
    if value == "":
        return None
    if not isinstance(value, str) or value not in list(Kind):
        raise MalformedError("is no kind of document", f"write one of {', '.join(Kind)}")
    return Kind(value)
