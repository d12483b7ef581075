"""What copying programs add to a name: ` (1)`, ` - Kopie (2)`, `_copy`, `Kopie von `. It says nothing of the document.

Whether two files are the same is decided by their bytes; so a mark is taken off before any rule looks. Only whole marks
at an end of the name count, and a number in brackets only where it cannot be the level of a reminder.
"""

import re

from importer.core.rules.words import KindWords

_COPY = "(?:Kopie|Copy)"
_COUNT = r"[1-9]\d?"
_FLAGS = re.ASCII | re.IGNORECASE

_BEHIND = re.compile(
    "(?:"
    + "|".join(
        (
            rf"[ _]?\((?P<number>{_COUNT}|00[1-9])\)",  # browsers and Windows; Outlook's (002)
            rf"[ _](?:-[ _])?{_COPY}(?:[ _]?{_COUNT})?",  # ` - Kopie`, `_kopie`, macOS's ` copy 2`
            rf"-{_COPY}(?:-?{_COUNT})?",
            rf"[ _]\((?:(?:weitere|another) )?{_COPY}(?: {_COUNT})?\)",  # the file managers of Linux
            rf"[ _]\({_COUNT}(?:\.|st|nd|rd|th) {_COPY}\)",
            rf"~{_COUNT}",  # the importer itself, in its folders for people
        )
    )
    + r")\Z",
    _FLAGS,
)
_BEFORE = re.compile(rf"(?:Kopie(?: \({_COUNT}\))? von|Copy(?: \({_COUNT}\))? of)[ _]", _FLAGS)


def without_copy_marks(stem: str, words: KindWords) -> tuple[str, tuple[str, ...]]:
    """The stem without its copy marks, and the marks in the order in which they were taken off."""
    marks: list[str] = []
    while found := _BEFORE.match(stem) or _mark_behind(stem, words):
        rest = stem[: found.start()] + stem[found.end() :]
        if not rest.strip():
            break
        marks.append(found[0])
        stem = rest
    return stem, tuple(marks)


def _mark_behind(stem: str, words: KindWords) -> re.Match[str] | None:
    # From left to right the longest mark is found first: ` (2)` behind ` - Kopie` is a mark of its own.
    found = _BEHIND.search(stem)
    if found is None or (found["number"] and _could_be_level(stem[: found.start()], int(found["number"]), words)):
        return None
    return found


def _could_be_level(rest: str, number: int, words: KindWords) -> bool:
    """Whether the number would lengthen the kind word before it, as in `Mahnung (2)`; not so in `1. Mahnung (2)`.

    Where the second of something has a word of its own, so could the seventh; only a first one may be a plain one.
    """
    without = _last_word_starts(rest, words)
    starts = [_last_word_starts(f"{rest} {level}", words) for level in {number, min(number, 2)}]
    return any(start is not None and (without is None or start <= without) for start in starts)


def _last_word_starts(text: str, words: KindWords) -> int | None:
    return min((word.start for word in words.find(text).values() if word.end == len(text)), default=None)
