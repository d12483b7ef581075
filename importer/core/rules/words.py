"""Kind words: how they are spelled, where they stand in a stem, and which kind they mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from importer.core.model import Kind
from importer.core.rules.text import is_joined, readable

_SEPARATORS = " _-."
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


@dataclass(frozen=True, slots=True)
class KindWord:
    """A word of `[kinds]`, folded: its pieces may be joined by any run of ` `, `_`, `-`, `.` or by nothing."""

    pieces: tuple[str, ...]
    kind: Kind | None
    """None for a word that refuses."""

    @property
    def key(self) -> str:
        """Words with the same key stand for the same text."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class FoundWord:
    """A kind word as it stands in a stem."""

    start: int
    end: int
    kind: Kind | None


def fold(text: str) -> str:
    """Lower case, `ä` as `ae`, `ß` as `ss`."""
    return text.casefold().translate(_UMLAUTS)


def kind_word(text: str, kind: Kind | None) -> KindWord:
    folded = fold(readable(text))
    for separator in _SEPARATORS:
        folded = folded.replace(separator, " ")
    return KindWord(tuple(folded.split()), kind)


class KindWords:
    """All words of `[kinds]`."""

    def __init__(self, words: tuple[KindWord, ...]) -> None:
        self._by_first: dict[str, list[KindWord]] = {}
        for word in words:
            self._by_first.setdefault(word.key[0], []).append(word)

    def find(self, stem: str) -> Mapping[int, FoundWord]:
        """By where it starts, the longest word; one that lies within a longer one says nothing of its own."""
        text = _Folded(stem)
        found = [word for start in range(len(stem)) if (word := self._longest(text, start))]
        return {word.start: word for word in found if not any(_lies_within(word, other) for other in found)}

    def exactly(self, text: str) -> FoundWord | None:
        """The word that the whole text is."""
        found = self.find(text).get(0)
        return found if found and found.end == len(text) else None

    def _longest(self, text: "_Folded", start: int) -> FoundWord | None:
        if is_joined(text.stem, start):
            return None
        candidates = self._by_first.get(text.character(start), ())
        found = (FoundWord(start, end, word.kind) for word in candidates for end in text.ends(word, start))
        return max(found, key=lambda word: word.end, default=None)


class _Folded:
    """A stem beside its folded form, in which one character can have become two."""

    def __init__(self, stem: str) -> None:
        self.stem = stem
        folded = [fold(character) for character in stem]
        self._text = "".join(folded)
        self._starts: list[int] = []
        self._originals: dict[int, int] = {}
        position = 0
        for original, piece in enumerate(folded):
            self._starts.append(position)
            self._originals[position] = original
            position += len(piece)
        self._originals[position] = len(stem)

    def character(self, start: int) -> str:
        return self._text[self._starts[start] : self._starts[start] + 1]

    def ends(self, word: KindWord, start: int) -> Iterator[int]:
        """Where in the stem the word ends if it stands at `start`: one place or none."""
        position = self._starts[start]
        for index, piece in enumerate(word.pieces):
            if index:
                position = self._after_separators(position)
            if not self._text.startswith(piece, position):
                return
            position += len(piece)
        end = self._originals.get(position)
        if end is not None and not is_joined(self.stem, end):
            yield end

    def _after_separators(self, position: int) -> int:
        while position < len(self._text) and self._text[position] in _SEPARATORS:
            position += 1
        return position


def _lies_within(word: FoundWord, other: FoundWord) -> bool:
    return word is not other and other.start <= word.start and word.end <= other.end
