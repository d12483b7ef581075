"""Every way in which a template fits a stem, without ever trying them one by one.

Layer by layer: which ends can each part reach from the starts that the parts before it reach. What leads nowhere is
then pruned from the back. The effort is bounded by parts times the square of the stem's length, whatever the template.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from importer.core.model import Kind
from importer.core.rules.reading import Reading
from importer.core.rules.spec import Span
from importer.core.rules.template import Literal, OneOf, Part

Layer = Mapping[int, Sequence[int]]
"""For one part: the ends by start."""


@dataclass(frozen=True, slots=True)
class Step:
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

    def ends(self, reading: Reading, start: int, *, strict: bool) -> Sequence[int]:
        """Where it can end. Strict leaves out what hides something recognisable, and words that refuse."""
        if isinstance(self.part, Literal):
            return _literal_end(self.part.text, reading.stem, start)
        if isinstance(self.part, OneOf):
            return _one_of_end(self.part.characters, reading.stem, start)
        if self.name == "any":
            return range(start + 1, (reading.free_until(start) if strict else len(reading.stem)) + 1)
        if self.name == "kind":
            return self._kind_end(reading, start, strict=strict)
        end = reading.ends[self.name][start]
        if end is None or (strict and self.hidden(reading, (start, end))):
            return ()
        return (end,)

    def loose_ends(self, reading: Reading, starts: Collection[int]) -> Collection[int]:
        """Where it can end that begins at one of several places, where nothing is strict."""
        if self.name == "any":
            return range(min(starts) + 1, len(reading.stem) + 1)
        return {end for start in starts for end in self.ends(reading, start, strict=False)}

    def hidden(self, reading: Reading, span: Span) -> bool:
        """Whether free text at this place says something about invoice or kind."""
        if self.name in ("", "date", "kind") or self.decides:
            return False
        return bool(reading.remarks_in(span, self.name))

    def _kind_end(self, reading: Reading, start: int, *, strict: bool) -> Sequence[int]:
        word = reading.words.get(start)
        if word is None or (self.kind is not None and word.kind is not self.kind) or (strict and word.kind is None):
            return ()
        return (word.end,)


def layers(steps: Sequence[Step], reading: Reading, *, strict: bool) -> list[Layer]:
    """One for each step; fewer where a step cannot follow, and then the last one is empty."""
    reached: Iterable[int] = (0,)
    found: list[Layer] = []
    for step in steps:
        layer = {start: ends for start in reached if (ends := step.ends(reading, start, strict=strict))}
        found.append(layer)
        if not layer:
            break
        reached = sorted({end for ends in layer.values() for end in ends})
    return found


def complete(found: Sequence[Layer], length: int) -> list[Layer]:
    """Only what belongs to a way through the whole stem; nothing if there is none."""
    if not found or not any(length in ends for ends in found[-1].values()):
        return []
    good = {length}
    kept: list[Layer] = []
    for layer in reversed(found):
        alive = {start: [end for end in ends if end in good] for start, ends in layer.items()}
        kept.append({start: ends for start, ends in alive.items() if ends})
        good = set(kept[-1])
    return kept[::-1]


def first_way(kept: Sequence[Layer]) -> list[Span]:
    """One span for each part, free text as short as it can be."""
    spans: list[Span] = []
    for layer in kept:
        start = spans[-1][1] if spans else 0
        spans.append((start, min(layer[start])))
    return spans


def _literal_end(text: str, stem: str, start: int) -> Sequence[int]:
    end = start + len(text)
    fits = end <= len(stem) and all(map(_same, text, stem[start:end]))
    return (end,) if fits else ()


def _one_of_end(characters: str, stem: str, start: int) -> Sequence[int]:
    fits = start < len(stem) and any(_same(character, stem[start]) for character in characters)
    return (start + 1,) if fits else ()


def _same(left: str, right: str) -> bool:
    return left == right or left.casefold() == right.casefold()
