"""Kind words: how they are spelled, where they stand in a stem, and which kind they mean."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from importer.core.model import Kind
from importer.core.rules.spec import Span
from importer.core.rules.text import joints, readable

_SEPARATORS = " _-."
_GAP = f"[{re.escape(_SEPARATORS)}]*+"
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
    for separator in _SEPARATORS:
        inner = inner.replace(separator, " ")
    return KindWord(tuple(inner.split()), kind, folded.startswith("*"), folded.endswith("*"))


class KindWords:
    """All words of `[kinds]`."""

    def __init__(self, words: tuple[KindWord, ...]) -> None:
        self.all = words
        self._pieces = _WordTree([word for word in words if word.is_piece])
        self._whole = _WordTree([word for word in words if not word.is_piece])

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


@dataclass(slots=True)
class _Pieces:
    """What may stand at a place: by its first letter, each piece with what it makes complete and what may follow."""

    by_letter: dict[str, dict[str, "_Pieces"]] = field(default_factory=dict)
    words: list[KindWord] = field(default_factory=list)
    """Those that are complete before this place."""

    def behind(self, piece: str) -> "_Pieces":
        return self.by_letter.setdefault(piece[0], {}).setdefault(piece, _Pieces())

    def words_from(self, text: str, position: int) -> Iterator[tuple[KindWord, int]]:
        """All words that the text goes on with, and where they end."""
        for piece, behind in self.by_letter.get(text[position : position + 1], _NO_PIECES).items():
            if text.startswith(piece, position):
                end = position + len(piece)
                for word in behind.words:
                    yield word, end
                if behind.by_letter:
                    yield from behind.words_from(text, _after_separators(text, end))


_NO_PIECES: Mapping[str, _Pieces] = {}


class _WordTree:
    """Words read once, piece by piece, so that those that begin alike are looked for together."""

    def __init__(self, words: Sequence[KindWord]) -> None:
        self._first = _Pieces()
        for word in words:
            pieces = self._first
            for piece in word.pieces:
                pieces = pieces.behind(piece)
            pieces.words.append(word)
        self._beginning = re.compile(f"(?={_any_of({' '.join(word.pieces) for word in words})})")
        self.inside = any(word.open_start for word in words)
        """Whether any of them may begin inside a longer word."""

    def beginnings(self, text: str) -> list[int]:
        """Where in a folded text a word stands, whatever is around it."""
        return [found.start() for found in self._beginning.finditer(text)]

    def standing_at(self, text: str, start: int) -> Iterator[tuple[KindWord, int]]:
        """Each word that stands there, with its end."""
        return self._first.words_from(text, start)


def _any_of(words: Collection[str]) -> str:
    """An expression for what begins with one of these words; letter by letter, which is fastest."""
    if "" in words:
        return ""
    rests: dict[str, set[str]] = {}
    for word in sorted(words):
        rests.setdefault(word[0], set()).add(word[1:])
    ways = (_GAP if first == " " else re.escape(first) for first in rests)
    return f"(?:{'|'.join(way + _any_of(rest) for way, rest in zip(ways, rests.values(), strict=True))})"


def _after_separators(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SEPARATORS:
        position += 1
    return position


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
