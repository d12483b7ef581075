"""Globs over folders: `*` and `?` within one name, `**` for any number of folders, none included."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FolderGlob:
    """Case matters, because it matters to the file system."""

    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "FolderGlob | None":
        """None when it would lead out of the inbox."""
        if text.startswith("/") or ".." in text.split("/"):
            return None
        return cls(tuple(_nfc(part) for part in text.split("/") if part not in ("", ".")))

    def matches(self, folder: tuple[str, ...]) -> bool:
        return _matches(self.parts, [_nfc(part) for part in folder], "**", _is_named)


def _is_named(pattern: str, name: str) -> bool:
    return _matches(pattern, name, "*", lambda wanted, character: wanted in ("?", character))


def _matches(pattern: Sequence[str], items: Sequence[str], many: str, fits: Callable[[str, str], bool]) -> bool:
    # All positions at once instead of one after the other: no pattern can take long.
    reached = {0}
    for wanted in pattern:
        if wanted == many:
            reached = set(range(min(reached, default=len(items) + 1), len(items) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(items) and fits(wanted, items[at])}
    return len(items) in reached


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
