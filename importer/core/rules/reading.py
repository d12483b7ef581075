"""What can be recognised in one stem, worked out once and asked by every rule."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

from importer.core.rules.copies import without_copy_marks
from importer.core.rules.spec import Pattern, Span
from importer.core.rules.text import is_bare_number, joints
from importer.core.rules.words import FoundWord, KindWords

_DATE = re.compile(
    r"(?P<y1>\d{4})(?P<by>[-_]?)(?P<m1>\d\d)(?P=by)(?P<d1>\d\d)|(?P<d2>\d\d)\.(?P<m2>\d\d)\.(?P<y2>\d{4})", re.ASCII
)


class Remark(NamedTuple):
    """Something in a stem that says which invoice or which kind, wherever it stands."""

    start: int
    end: int
    token: str | None
    """The token that it looks like; None for a kind word."""
    word: FoundWord | None = None

    def overlaps(self, span: Span) -> bool:
        return self.start < span[1] and span[0] < self.end

    def describe(self, stem: str) -> str:
        text = f"`{stem[self.start : self.end]}`"
        if self.token is not None:
            return f"{text}, which looks like {{{self.token}}}"
        if self.word is not None and self.word.kind is None:
            return f"the word {text}, which [kinds] refuses"
        return f"the kind word {text}"


MatchLongest = Callable[[str, int], int | None]
"""The end of the longest match in a text that begins at a place."""


class Ends(dict[tuple[str, int], int | None]):
    """The end by token and start; looked for only where it is asked about."""

    def __init__(self, stem: str, joined: Sequence[bool], asked: Mapping[str, MatchLongest]) -> None:
        """Of a token that is not among those to be asked, all that there are have to be put in."""
        super().__init__()
        self._stem = stem
        self._joined = joined
        self._asked = asked

    def __missing__(self, place: tuple[str, int]) -> int | None:
        token, start = place
        match_longest = self._asked.get(token)
        # A start inside a number or word is no start; this also spares most calls of the expressions.
        if match_longest is None or start == len(self._stem) or self._joined[start]:
            return None
        end = match_longest(self._stem, start)
        self[place] = end = None if end is None or end == start or self._joined[end] else end
        return end


@dataclass(frozen=True)
class Vocabulary:
    """The tokens and kind words of a rules file."""

    tokens: Mapping[str, Pattern]
    words: KindWords
    reference_tokens: frozenset[str]
    """Those that some rule uses in its reference."""

    @cached_property
    def _asked(self) -> Mapping[str, MatchLongest]:
        """What is looked for only where a rule asks; references are looked for everywhere."""
        others = self.tokens.keys() - self.reference_tokens
        return {name: self.tokens[name].match_longest for name in others} | {"date": _date_end}

    @cached_property
    def _references(self) -> Sequence[tuple[str, Pattern]]:
        return [(name, self.tokens[name]) for name in sorted(self.reference_tokens)]

    def read(self, stem: str) -> "Reading":
        """What a stem says once the marks of copying programs are off."""
        stem, copy_marks = without_copy_marks(stem, self.words)
        joined = joints(stem)
        words = self.words.find(stem, joined)
        remarks = [Remark(word.start, word.end, None, word) for word in words.values()]
        ends = Ends(stem, joined, self._asked)
        for name, token in self._references:
            for start, end in _all_ends(stem, joined, token):
                ends[name, start] = end
                if not is_bare_number(stem[start:end]):
                    remarks.append(Remark(start, end, name))
        return Reading(stem, joined, words, ends, tuple(remarks), copy_marks)


@dataclass(frozen=True, slots=True)
class Reading:
    """A stem and everything recognised in it; for each start there is at most one end, the longest."""

    stem: str
    """Without the marks of copying programs."""
    joined: Sequence[bool]
    """For each place: whether a cut there would go through a number or word."""
    words: Mapping[int, FoundWord]
    ends: Ends
    """Of each token, and of `date`."""
    remarks: tuple[Remark, ...]
    copy_marks: tuple[str, ...] = ()

    @property
    def outermost(self) -> tuple[Remark, ...]:
        """The remarks from left to right, without those that are only a piece of a longer one."""
        spans = [(remark.start, remark.end) for remark in self.remarks]
        return tuple(
            sorted(
                (
                    remark
                    for remark, span in zip(self.remarks, spans, strict=True)
                    if not any(other != span and other[0] <= span[0] and span[1] <= other[1] for other in spans)
                ),
                key=lambda remark: remark.start,
            )
        )

    def remarks_in(self, span: Span, token: str | None = None) -> Sequence[Remark]:
        """What free text at this place would hide; a token does not hide itself."""
        first, last = span
        return [
            remark
            for remark in self.remarks
            if remark.start < last
            and first < remark.end
            and (remark.token is None or remark.token != token or (remark.start, remark.end) != span)
        ]

    def free_until(self, start: int) -> int:
        """How far free text can go from here before it would hide something; `start` itself when not at all."""
        ahead = (max(remark.start, start) for remark in self.remarks if remark.end > start)
        return min(ahead, default=len(self.stem))


def _all_ends(stem: str, joined: Sequence[bool], pattern: Pattern) -> Iterator[Span]:
    place = 0
    while place < len(stem) and (span := pattern.search_longest(stem, place)):
        start, end = span
        if end > start and not joined[start] and not joined[end]:
            yield span
        place = joined.index(False, min(start + 1, len(stem)))


def _date_end(stem: str, start: int) -> int | None:
    found = _DATE.match(stem, start)
    return found.end() if found and _is_calendar_date(found) else None


def _is_calendar_date(found: re.Match[str]) -> bool:
    year, month, day = (int(found[f"{part}1"] or found[f"{part}2"]) for part in "ymd")
    # A number such as 10101010 is a date only to a calendar, not to a business.
    if not 1900 <= year < 2100:
        return False
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
