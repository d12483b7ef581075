"""One rule's pattern or regular expression against one stem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from importer.core.model import Kind
from importer.core.rules.outcome import RuleResult
from importer.core.rules.reading import Reading, Remark
from importer.core.rules.spec import Pattern, Span
from importer.core.rules.walk import Layer, Step, complete, first_way, layers, only_way
from importer.core.rules.words import FoundWord, KindWords


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How far a matcher got; the fields are those of RuleAccount."""

    result: RuleResult
    message: str = ""
    captures: Mapping[str, str] | None = None
    kind: Kind | None = None
    position: int | None = None
    expected: str = ""


class Matcher(Protocol):
    """A rule's `pattern` or `regex`, compiled."""

    def attempt(self, reading: Reading) -> Attempt: ...


@dataclass(frozen=True, slots=True)
class TemplateMatcher:
    """A `pattern`. Its kind is `kind` where the rule names one, and the kind word's otherwise."""

    steps: tuple[Step, ...]
    kind: Kind | None

    def attempt(self, reading: Reading) -> Attempt:
        if spans := only_way(self.steps, reading):
            return self._matched(reading, spans)
        strict = complete(layers(self.steps, reading, strict=True), len(reading.stem))
        if strict:
            return self._choice(reading, strict)
        found = layers(self.steps, reading, strict=False)
        loose = complete(found, len(reading.stem))
        return self._blocked(reading, loose) if loose else self._mismatch(found)

    def _choice(self, reading: Reading, kept: Sequence[Layer]) -> Attempt:
        for step, layer in zip(self.steps, kept, strict=True):
            values = _meanings(step, layer, reading)
            if len(values) > 1:
                choices = " or ".join(f"`{value}`" for value in sorted(values))
                return Attempt(result=RuleResult.AMBIGUOUS, message=f"{step.part} could be {choices}")
        return self._matched(reading, first_way(kept))

    def _matched(self, reading: Reading, spans: Sequence[Span]) -> Attempt:
        kind = self.kind or next(word.kind for word in self._words(reading, spans))
        return Attempt(result=RuleResult.MATCHED, captures=self._captures(reading, spans), kind=kind)

    def _blocked(self, reading: Reading, kept: Sequence[Layer]) -> Attempt:
        spans = first_way(kept)
        remarks = [
            remark
            for step, span in zip(self.steps, spans, strict=True)
            if step.hidden(reading, span)
            for remark in reading.remarks_in(span, step.name)
        ]
        refused = [Remark(word.start, word.end, None, word) for word in self._words(reading, spans) if not word.kind]
        captures = self._captures(reading, spans)
        return Attempt(result=RuleResult.BLOCKED, message=blocked_by(reading.stem, refused, remarks), captures=captures)

    def _mismatch(self, found: Sequence[Layer]) -> Attempt:
        index = next((index for index, layer in enumerate(found) if not layer), len(found))
        position = _reached(found, index)
        expected = self.steps[index].expected if index < len(self.steps) else "the end of the name"
        # Free text reaches everywhere, so what stopped is told from where the free text began.
        if index and self.steps[index - 1].name == "any":
            position, expected = _reached(found, index - 1), f"{{any}} and then {expected}"
        return Attempt(result=RuleResult.MISMATCH, position=position, expected=expected)

    def _captures(self, reading: Reading, spans: Sequence[Span]) -> dict[str, str]:
        named = zip(self.steps, spans, strict=True)
        return {step.capture: reading.stem[span[0] : span[1]] for step, span in named if step.capture}

    def _words(self, reading: Reading, spans: Sequence[Span]) -> list[FoundWord]:
        return [reading.words[span[0]] for step, span in zip(self.steps, spans, strict=True) if step.name == "kind"]


@dataclass(frozen=True, slots=True)
class RegexMatcher:
    """A `regex`: the named groups are the captures, everything outside them is free text."""

    pattern: Pattern
    words: KindWords
    reference_names: frozenset[str]
    kind: Kind | None

    def attempt(self, reading: Reading) -> Attempt:
        spans = self.pattern.fullmatch(reading.stem)
        if spans is None:
            return Attempt(result=RuleResult.MISMATCH, message="the regular expression does not match the whole name")
        captures = {name: reading.stem[start:end] for name, (start, end) in spans.items()}
        problem = self._cut(reading, spans)
        if problem:
            return Attempt(result=RuleResult.MISMATCH, message=problem, captures=captures)
        if "kind" in captures:
            return self._with_word(reading, spans, captures)
        if self.kind is None:
            return Attempt(result=RuleResult.MISMATCH, message="its group `kind` took no part", captures=captures)
        return self._unless_blocked(reading, spans, captures, self.kind)

    def _with_word(self, reading: Reading, spans: Mapping[str, Span], captures: Mapping[str, str]) -> Attempt:
        word = self.words.exactly(captures["kind"])
        if word is None or (self.kind is not None and word.kind is not self.kind):
            problem = f"`{captures['kind']}` is no word of [kinds]" + (f" for {self.kind.value}" if self.kind else "")
            return Attempt(result=RuleResult.MISMATCH, message=problem, captures=captures)
        if word.kind is None:
            refused = Remark(*spans["kind"], None, word)
            message = blocked_by(reading.stem, [refused], [])
            return Attempt(result=RuleResult.BLOCKED, message=message, captures=captures)
        return self._unless_blocked(reading, spans, captures, word.kind)

    def _unless_blocked(
        self, reading: Reading, spans: Mapping[str, Span], captures: Mapping[str, str], kind: Kind
    ) -> Attempt:
        deciding = [span for name, span in spans.items() if name == "kind" or name in self.reference_names]
        remarks = [
            remark
            for gap in _gaps(deciding, len(reading.stem))
            for remark in reading.remarks_in(gap)
            if not _is_meant(remark, deciding, kind)
        ]
        if remarks:
            message = blocked_by(reading.stem, [], remarks)
            return Attempt(result=RuleResult.BLOCKED, message=message, captures=captures)
        return Attempt(result=RuleResult.MATCHED, captures=captures, kind=kind)

    def _cut(self, reading: Reading, spans: Mapping[str, Span]) -> str:
        """Why a deciding group is a piece of something longer; empty when it is not."""
        for name in self.reference_names & spans.keys():
            neighbours = {edge for other, span in spans.items() if other != name for edge in span}
            if any(reading.joined[edge] for edge in set(spans[name]) - neighbours):
                return f"the group `{name}` is cut out of a longer number or word"
        return ""


def blocked_by(stem: str, refused: Sequence[Remark], remarks: Sequence[Remark]) -> str:
    """Why a rule that fits is not followed."""
    if refused:
        return f"the name holds {refused[0].describe(stem)}"
    held = dict.fromkeys(remark.describe(stem) for remark in remarks)
    return f"the free text holds {', '.join(held)}"


def _is_meant(remark: Remark, deciding: Sequence[Span], kind: Kind) -> bool:
    """Whether what the expression spells out around its groups agrees with them, as in `RE(?P<number>...)`."""
    if remark.word is not None:
        return remark.word.kind is kind
    return any(remark.overlaps(span) for span in deciding)


def _meanings(step: Step, layer: Layer, reading: Reading) -> set[str]:
    """What this part can say about reference or kind; one value where every way through agrees."""
    if step.name == "kind":
        return {word.kind.value for start in layer if (word := reading.words[start]).kind}
    if not step.decides:
        return set()
    return {reading.stem[start:end] for start, ends in layer.items() for end in ends}


def _reached(found: Sequence[Layer], index: int) -> int:
    if index == 0:
        return 0
    return max(end for ends in found[index - 1].values() for end in ends)


def _gaps(spans: Sequence[Span], length: int) -> list[Span]:
    """What the spans leave uncovered."""
    gaps: list[Span] = []
    position = 0
    for start, end in sorted(spans):
        if start > position:
            gaps.append((position, start))
        position = max(position, end)
    return [*gaps, (position, length)] if position < length else gaps
