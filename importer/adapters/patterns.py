"""Regular expressions on RE2: linear time, so nothing in a rules file can hang the importer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import re2  # type: ignore[import-untyped]  # google-re2 ships no types; nothing untyped leaves this module

from importer.core.rules import PatternError

_REMEDY = "write it without look-around and back-references; the syntax is at https://github.com/google/re2/wiki/Syntax"


@dataclass(frozen=True, slots=True)
class Re2Pattern:
    """An expression compiled twice: as a token takes the longest match, as a whole name goes by Perl's preferences."""

    expression: str
    group_names: tuple[str, ...]
    _longest: Any
    _whole: Any

    def match_longest(self, text: str, start: int) -> int | None:
        subject = _subject(text)
        found = self._longest.match(subject.encoded, subject.bytes_before[start])
        return subject.characters_before[found.end()] if found else None

    def search_longest(self, text: str, start: int) -> tuple[int, int] | None:
        subject = _subject(text)
        found = self._longest.search(subject.encoded, subject.bytes_before[start])
        if not found:
            return None
        first, last = found.span()
        return subject.characters_before[first], subject.characters_before[last]

    def fullmatch(self, text: str) -> Mapping[str, tuple[int, int]] | None:
        found = self._whole.fullmatch(text)
        if not found:
            return None
        spans = {name: found.span(name_index) for name, name_index in self._whole.groupindex.items()}
        return {name: (int(start), int(end)) for name, (start, end) in spans.items() if start >= 0}


class _Subject(NamedTuple):
    """A text as RE2 reads it, in bytes; so that they are counted once, and not for every expression."""

    encoded: bytes
    bytes_before: Sequence[int]
    """By character, the end included."""
    characters_before: Sequence[int]
    """By byte, the end included."""


@lru_cache(maxsize=16)  # all expressions are asked about one name before the next one comes
def _subject(text: str) -> _Subject:
    encoded = text.encode()
    if len(encoded) == len(text):
        same = range(len(text) + 1)
        return _Subject(encoded, same, same)
    lengths = [len(character.encode()) for character in text]
    characters_before = [0]
    for number, length in enumerate(lengths, start=1):
        characters_before += [number] * length
    return _Subject(encoded, [0, *accumulate(lengths)], characters_before)


def compile_pattern(expression: str) -> Re2Pattern:
    """An expression that takes upper and lower case as the same.

    Raises:
        PatternError: RE2 cannot compile it.
    """
    try:
        whole = re2.compile(expression, _options(longest=False))
        longest = re2.compile(expression, _options(longest=True))
    except (re2.error, UnicodeError) as error:
        raise PatternError(f"`{expression}` is not an expression that RE2 knows ({_text(error)})", _REMEDY) from error
    return Re2Pattern(expression, tuple(whole.groupindex), longest, whole)


def _options(*, longest: bool) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.longest_match = longest
    options.log_errors = False
    return options


def _text(error: Exception) -> str:
    problem = error.args[0] if error.args else error
    return problem.decode(errors="replace") if isinstance(problem, bytes) else str(problem)
