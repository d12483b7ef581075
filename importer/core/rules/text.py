"""File names as a person reads them: composed characters, nothing invisible, stem and extension apart."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# Unicode's default ignorables that turn up in file names: soft hyphen, zero widths, bidi marks, selectors, BOM.
_INVISIBLE_RANGES = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
)  # fmt: skip
_INVISIBLE = frozenset(chr(code) for first, last in _INVISIBLE_RANGES for code in range(first, last + 1))


@dataclass(frozen=True, slots=True)
class FileName:
    """Where a file lies below its inbox and what it is called; bytes that are not UTF-8 are surrogate escapes."""

    folder: tuple[str, ...]
    name: str

    @classmethod
    def parse(cls, path: str) -> "FileName":
        """From a path relative to the inbox, with `/` between the folders."""
        *folder, name = path.split("/")
        return cls(tuple(part for part in folder if part not in ("", ".")), name)

    @property
    def is_utf8(self) -> bool:
        return self.name.isascii() or not any(map(_is_surrogate, self.name))

    @property
    def shown(self) -> str:
        """The name for a message: nothing invisible, no control characters, foreign bytes in hexadecimal."""
        escaped = self.name if self.is_utf8 else "".join(map(_escaped, self.name))
        return printable(readable(escaped))

    @property
    def stem(self) -> str:
        return _halves(self.name)[0]

    @property
    def extension(self) -> str:
        """Without the dot, in lower case; empty when there is none."""
        return _halves(self.name)[1]


@lru_cache(maxsize=64)  # each rule asks for the same stem and extension again
def _halves(name: str) -> tuple[str, str]:
    name = readable(name)
    stem, dot, extension = name.rpartition(".")
    return (stem, extension.lower()) if stem and dot else (name, "")


@lru_cache(maxsize=64)
def readable(text: str) -> str:
    """NFC without invisible characters, every kind of blank as a plain one."""
    if text.isascii():
        return text
    visible = (character for character in text if character not in _INVISIBLE)
    blanks = "".join(" " if unicodedata.category(character) == "Zs" else character for character in visible)
    return unicodedata.normalize("NFC", blanks)


def has_controls(text: str) -> bool:
    return not text.isprintable() and any(map(_is_control, text))


def printable(text: str) -> str:
    """Control characters as blanks: a label or message is one line."""
    if text.isprintable():
        return text
    return "".join(" " if _is_control(character) else character for character in text)


def joints(text: str) -> Sequence[bool]:
    """For each place, the end included: whether a cut there would go through a number, a word or an accented letter."""
    return [False, *map(_belong_together, text, text[1:]), False]


@lru_cache(maxsize=8192)  # names are made of few characters, and every place of every name is asked about
def _belong_together(left: str, right: str) -> bool:
    return (left.isdigit() and right.isdigit()) or (_is_letter(left) and _is_letter(right)) or _is_mark(right)


def is_bare_number(text: str) -> bool:
    return text.isdigit()


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _escaped(character: str) -> str:
    # A surrogate escape stands for the byte in its lower eight bits.
    return f"\\x{ord(character) & 0xFF:02x}" if _is_surrogate(character) else character


def _is_letter(character: str) -> bool:
    return character.isalpha() or _is_mark(character)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _is_control(character: str) -> bool:
    # Line and paragraph separators break a line although Unicode does not count them as controls.
    return unicodedata.category(character) in ("Cc", "Zl", "Zp")
