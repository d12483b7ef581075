"""Every way in which a template fits a stem, without ever trying them one by one.

Layer by layer: which ends can each part reach from the starts that the parts before it reach. What leads nowhere is
then pruned from the back. The effort is bounded by parts times the square of the stem's length, whatever the template.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from importer.core.model import Kind
from importer.core.rules.reading import Reading
from importer.core.rules.spec import Span
from importer.core.rules.template import Literal, OneOf, Part

Layer = Mapping[int, Sequence[int]]
"""For one part: the ends by start."""


@dataclass(frozen=True, slots=True)
class Step(ABC):
    """One part of a template, ready to be tried at a place."""

    part: Part
    capture: str = ""
    """Under which name its text is kept; empty for literal text."""
    name: str = ""
    """The token's name, `date`, `kind` or `any`; empty for literal text."""
    kind: Kind | None = None
    """For `{kind}`: the only kind wanted; None for any."""
    decides: bool = False
    """Whether its text makes up the reference; any other token is free text by another name."""

    def goes_like(self, other: "Step") -> bool:
        """Whether it has the same ends as another one where nothing is strict."""
        return (self.part, self.name, self.kind) == (other.part, other.name, other.kind)

    @property
    def expected(self) -> str:
        return f"{self.part} for {self.kind.value}" if self.kind else str(self.part)

    @property
    def is_free_text(self) -> bool:
        """Whether what it stands for must not say anything about invoice or kind."""
        return False

    @abstractmethod
    def ends(self, reading: Reading, start: int) -> Sequence[int]:
        """Where it can end."""

    def strict_ends(self, reading: Reading, start: int) -> Sequence[int]:
        """The same without what hides something recognisable, and without words that refuse."""
        return self.ends(reading, start)

    def all_ends(self, reading: Reading, starts: Collection[int]) -> Collection[int]:
        """Where it can end that begins at one of several places."""
        return {end for start in starts for end in self.ends(reading, start)}

    def hidden(self, reading: Reading, span: Span) -> bool:
        """Whether free text at this place says something about invoice or kind."""
        return self.is_free_text and bool(reading.remarks_in(span, self.name))


class _Literal(Step):
    """Text that stands there as it is, whatever the case of letters."""

    __slots__ = ()
    part: Literal

    def ends(self, reading: Reading, start: int) -> Sequence[int]:
        text = self.part.text
        found = reading.stem[start : start + len(text)]
        # Nearly nothing fits, and the whole tells so sooner than its characters; `ß` alone is not `ss`, though.
        if len(found) < len(text) or found.casefold() != text.casefold():
            return ()
        return (start + len(text),) if all(map(_same, text, found)) else ()


class _OneOf(Step):
    """One character of several."""

    __slots__ = ()
    part: OneOf

    def ends(self, reading: Reading, start: int) -> Sequence[int]:
        found = reading.stem[start : start + 1]
        characters = self.part.characters
        fits = found and (found in characters or any(_same(character, found) for character in characters))
        return (start + 1,) if fits else ()


class _Any(Step):
    """Free text of any length: `{any}`."""

    __slots__ = ()

    @property
    def is_free_text(self) -> bool:
        return True

    def ends(self, reading: Reading, start: int) -> Sequence[int]:
        return range(start + 1, len(reading.stem) + 1)

    def strict_ends(self, reading: Reading, start: int) -> Sequence[int]:
        return range(start + 1, reading.free_until(start) + 1)

    def all_ends(self, reading: Reading, starts: Collection[int]) -> Collection[int]:
        return self.ends(reading, min(starts))


class _KindWord(Step):
    """A word of `[kinds]`: `{kind}`."""

    __slots__ = ()

    def ends(self, reading: Reading, start: int) -> Sequence[int]:
        word = reading.words.get(start)
        return (word.end,) if word and (self.kind is None or word.kind is self.kind) else ()

    def strict_ends(self, reading: Reading, start: int) -> Sequence[int]:
        word = reading.words.get(start)
        return self.ends(reading, start) if word and word.kind else ()


class _Token(Step):
    """A token of the rules file, or `{date}`."""

    __slots__ = ()

    @property
    def is_free_text(self) -> bool:
        return not self.decides and self.name != "date"

    def ends(self, reading: Reading, start: int) -> Sequence[int]:
        end = reading.ends[self.name, start]
        return () if end is None else (end,)

    def strict_ends(self, reading: Reading, start: int) -> Sequence[int]:
        ends = self.ends(reading, start)
        return () if ends and self.hidden(reading, (start, ends[0])) else ends


_NAMED: Mapping[str, type[Step]] = {"any": _Any, "kind": _KindWord}
"""The placeholders that are no tokens."""


def step(part: Part, capture: str, kind: Kind | None, deciding: frozenset[str]) -> Step:
    """One part of a template.

    Args:
        part: as it is written.
        capture: under which name its text is kept.
        kind: the only one that the template is for; None for any.
        deciding: the captures that make up the reference.
    """
    match part:
        case Literal():
            return _Literal(part, capture)
        case OneOf():
            return _OneOf(part, capture)
    sort = _NAMED.get(part.name, _Token)
    return sort(part, capture, part.name, kind if part.name == "kind" else None, capture in deciding)


def only_way(steps: Sequence[Step], reading: Reading) -> list[Span]:
    """One strict span for each part where no part leaves a choice, as in most names that fit; nothing otherwise."""
    spans: list[Span] = []
    start = 0
    for step in steps:
        ends = step.strict_ends(reading, start)
        if len(ends) != 1:
            return []
        spans.append((start, ends[0]))
        start = ends[0]
    return spans if start == len(reading.stem) else []


def layers(steps: Sequence[Step], reading: Reading, *, strict: bool) -> list[Layer]:
    """One for each step; fewer where a step cannot follow, and then the last one is empty."""
    reached: Sequence[int] = (0,)
    found: list[Layer] = []
    for step in steps:
        layer = {
            start: ends for start in reached if (ends := (step.strict_ends if strict else step.ends)(reading, start))
        }
        found.append(layer)
        if not layer:
            break
        reached = _ends_of(layer)
    return found


def _ends_of(layer: Layer) -> Sequence[int]:
    """Each place that any of its ways ends at, from left to right."""
    if len(layer) == 1:
        return next(iter(layer.values()))
    return sorted({end for ends in layer.values() for end in ends})


def complete(found: Sequence[Layer], length: int) -> list[Layer]:
    """Only what belongs to a way through the whole stem; nothing if there is none."""
    good: Collection[int] = (length,)
    kept: list[Layer] = []
    for layer in reversed(found):
        alive = {
            start: good_ends for start, ends in layer.items() if (good_ends := [end for end in ends if end in good])
        }
        if not alive:
            return []
        kept.append(alive)
        good = alive.keys()
    return kept[::-1]


def first_way(kept: Sequence[Layer]) -> list[Span]:
    """One span for each part, free text as short as it can be."""
    spans: list[Span] = []
    for layer in kept:
        start = spans[-1][1] if spans else 0
        spans.append((start, min(layer[start])))
    return spans


def _same(left: str, right: str) -> bool:
    return left == right or left.casefold() == right.casefold()
