"""What every inspection needs against hostile bytes: one kind of error, and text that is fit to be shown."""

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")

MAX_TEXT = 300
"""Characters of one fact; no mail program shows more of a subject or a name."""


class Malformed(Exception):
    """A parser gave up on the bytes; the text says why, for a person."""


@contextmanager
def parsing() -> Iterator[None]:
    """Parsers raise whatever their code runs into, so every error but exhaustion becomes one.

    Raises:
        Malformed: in the place of any other exception.
        MemoryError, RecursionError: as they are; the document takes too much.
    """
    try:
        yield
    except (Malformed, MemoryError, RecursionError):
        raise
    except Exception as error:
        raise Malformed(clean(f"{type(error).__name__}: {error}")) from error


def attempt(read: Callable[[], T], otherwise: T) -> T:
    """One fact among many: what cannot be read does not spoil the others."""
    with suppress(Malformed), parsing():
        return read()
    return otherwise


def clean(text: object) -> str:
    """One line of printable text of bounded length, whatever the parser made of the bytes; `…` ends what is cut."""
    whole = str(text)
    characters = (" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in whole[: 2 * MAX_TEXT])
    line = " ".join("".join(characters).split()).encode(errors="replace").decode()
    is_all = len(whole) <= 2 * MAX_TEXT and len(line) <= MAX_TEXT
    return line if is_all else line[: MAX_TEXT - 1] + "…"
