"""Kind words: how they are spelled, where they stand in a stem, and which kind they mean."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from importer.core.model import Kind
from importer.core.rules.spec import Span
from importer.core.rules.text import joints, readable
from importer.core.rules.word_tree import SEPARATORS, KindWord, WordTree

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


class FoundWord(NamedTuple):
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
    for separator in SEPARATORS:
        inner = inner.replace(separator, " ")
    return KindWord(tuple(inner.split()), kind, folded.startswith("*"), folded.endswith("*"))


class KindWords:
    """All words of `[kinds]`."""

    def __init__(self, words: tuple[KindWord, ...]) -> None:
        self.all = words
        self._pieces = WordTree([word for word in words if word.is_piece])
        self._whole = WordTree([word for word in words if not word.is_piece])

    def find(self, stem: str, joined: Sequence[bool] | None = None) -> Mapping[int, FoundWord]:
        """By where it starts, the longest word; one that lies within a longer one says nothing of its own.

        Args:
            stem: where words are looked for.
            joined: its joints, where they are known already.
        """
        joined = joints(stem) if joined is None else joined
        text, places = _folded(stem)
        found: dict[Span, Kind | None] = {}
        # Pieces first: a whole word overwrites the piece that is found in the same place.
        for words in (self._pieces, self._whole):
            for first in words.beginnings(text):
                start = places[first]
                if start is None or (joined[start] and not words.inside):
                    continue
                for word, last in words.standing_at(text, first):
                    end = places[last]
                    if end is not None and _is_bounded(word, start, end, joined):
                        found[_widened(joined, start, end)] = word.kind
        outermost = _outermost(found)
        return {span[0]: FoundWord(*span, kind) for span, kind in found.items() if span in outermost}

    def exactly(self, text: str) -> FoundWord | None:
        """The word that the whole text is."""
        found = self.find(text).get(0)
        return found if found and found.end == len(text) else None


def _folded(stem: str) -> tuple[str, Sequence[int | None]]:
    """The folded stem, and for each of its places that in the stem; None within a character that has become two."""
    if stem.isascii():
        return stem.lower(), range(len(stem) + 1)
    folded = list(map(_fold_character, stem))
    places: list[int | None] = []
    for place, characters in enumerate(folded):
        places += [place, *[None] * (len(characters) - 1)]
    return "".join(folded), [*places, len(stem)]


def _is_bounded(word: KindWord, start: int, end: int, joined: Sequence[bool]) -> bool:
    """Whether the word ends where the text does so too, or may be a piece of a longer one."""
    return (word.open_start or not joined[start]) and (word.open_end or not joined[end])


def _widened(joined: Sequence[bool], start: int, end: int) -> Span:
    """The whole of the word that a piece was found in; a word that is whole already stays as it is."""
    while joined[start]:
        start -= 1
    while joined[end]:
        end += 1
    return start, end


def _outermost(spans: Iterable[Span]) -> set[Span]:
    """Those that do not lie within another one."""
    kept: set[Span] = set()
    reached = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if end > reached:
            kept.add((start, end))
            reached = end
    return kept
