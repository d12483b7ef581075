"""Where in a folded stem any of many words stands, without looking for each of them.

One expression says where one begins, in a single pass; only there a tree of the words' pieces says which.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from importer.core.model import Kind

SEPARATORS = " _-."
"""What may stand between the pieces of a word, any number of times."""
_GAP = f"[{re.escape(SEPARATORS)}]*+"


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


class WordTree:
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
    while position < len(text) and text[position] in SEPARATORS:
        position += 1
    return position
