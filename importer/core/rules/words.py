"""Kind words: how they are spelled, where they stand in a stem, and which kind they mean."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from importer.core.model import Kind
from importer.core.rules.text import is_joined, readable

_SEPARATORS = " _-."
_BEGINNING = 3
"""Words that begin with the same so many characters are looked for together."""
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


@dataclass(frozen=True, slots=True)
class KindWord:
    """A word of `[kinds]`, folded: its pieces may be joined by any run of ` `, `_`, `-`, `.` or by nothing."""

    pieces: tuple[str, ...]
    kind: Kind | None
    """None for a word that refuses."""
    open_start: bool = False
    """Written `*word`: it may be the end of a longer word."""
    open_end: bool = False
    """Written `word*`: it may be the beginning of a longer word."""

    @property
    def is_piece(self) -> bool:
        return self.open_start or self.open_end

    @property
    def key(self) -> str:
        """Words with the same key stand for the same text."""
        return f"{'*' * self.open_start}{''.join(self.pieces)}{'*' * self.open_end}"


@dataclass(frozen=True, slots=True)
class FoundWord:
    """A kind word as it stands in a stem."""

    start: int
    end: int
    kind: Kind | None


def fold(text: str) -> str:
    """Lower case, `ä` as `ae`, `ß` as `ss`."""
    return text.casefold().translate(_UMLAUTS)


@lru_cache(maxsize=1024)
def _fold_character(character: str) -> str:
    return fold(character)


def kind_word(text: str, kind: Kind | None) -> KindWord:
    folded = fold(readable(text)).strip()
    inner = folded.removeprefix("*").removesuffix("*")
    for separator in _SEPARATORS:
        inner = inner.replace(separator, " ")
    return KindWord(tuple(inner.split()), kind, folded.startswith("*"), folded.endswith("*"))


class KindWords:
    """All words of `[kinds]`."""

    def __init__(self, words: tuple[KindWord, ...]) -> None:
        self.all = words
        self._pieces = _by_beginning(word for word in words if word.is_piece)
        self._whole = _by_beginning(word for word in words if not word.is_piece)

    def find(self, stem: str) -> Mapping[int, FoundWord]:
        """By where it starts, the longest word; one that lies within a longer one says nothing of its own."""
        text = _Folded(stem)
        found: dict[tuple[int, int], FoundWord] = {}
        every = range(len(stem))
        free = [start for start in every if not is_joined(stem, start)]
        # Pieces first: a whole word overwrites the piece that is found in the same place.
        for words, starts in ((self._pieces, every), (self._whole, free)):
            for start in starts:
                for beginning in text.beginnings(start):
                    if beginning in words:
                        for place in _at(text, start, words[beginning]):
                            found[place.start, place.end] = place
        places = found.values()
        return {place.start: place for place in places if not any(_lies_within(place, other) for other in places)}

    def exactly(self, text: str) -> FoundWord | None:
        """The word that the whole text is."""
        found = self.find(text).get(0)
        return found if found and found.end == len(text) else None


def _by_beginning(words: Iterable[KindWord]) -> Mapping[str, Sequence[KindWord]]:
    found: dict[str, list[KindWord]] = {}
    for word in words:
        found.setdefault(word.pieces[0][:_BEGINNING], []).append(word)
    return found


def _at(text: "_Folded", start: int, words: Sequence[KindWord]) -> Iterator[FoundWord]:
    inside = is_joined(text.stem, start)
    for word in words:
        if word.open_start or not inside:
            for end in text.ends(word, start):
                yield FoundWord(*_widened(text.stem, start, end), word.kind)


class _Folded:
    """A stem beside its folded form, in which one character can have become two."""

    def __init__(self, stem: str) -> None:
        self.stem = stem
        folded = list(map(_fold_character, stem))
        self._text = "".join(folded)
        self._starts = [0, *accumulate(map(len, folded))]
        self._originals = {position: original for original, position in enumerate(self._starts)}

    def beginnings(self, start: int) -> tuple[str, str, str]:
        """By what a word at this place can be looked up."""
        at = self._starts[start]
        return self._text[at], self._text[at : at + 2], self._text[at : at + _BEGINNING]

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
        if end is not None and (word.open_end or not is_joined(self.stem, end)):
            yield end

    def _after_separators(self, position: int) -> int:
        while position < len(self._text) and self._text[position] in _SEPARATORS:
            position += 1
        return position


def _widened(stem: str, start: int, end: int) -> tuple[int, int]:
    """The whole of the word that a piece was found in; a word that is whole already stays as it is."""
    while is_joined(stem, start):
        start -= 1
    while is_joined(stem, end):
        end += 1
    return start, end


def _lies_within(word: FoundWord, other: FoundWord) -> bool:
    return word is not other and other.start <= word.start and word.end <= other.end
