"""Near misses: which small change would make a rule match a name that it does not, as a sentence for a person.

The changes that people and scanners make by mistake are undone one at a time, and the rule itself is asked whether it
matches then. It is a hint and no more: nothing is ever imported by a corrected name.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from importer.core.rules.engine import Rules
from importer.core.rules.outcome import Inference, Match, RuleAccount, RuleResult, Source
from importer.core.rules.text import FileName, printable
from importer.core.rules.words import KindWords, fold


@dataclass(frozen=True, slots=True)
class _Sort:
    """Characters that are taken for others of the other sort."""

    has: str
    wants: str
    table: Mapping[str, str]
    is_wanted: Callable[[str], bool]


_FOR_DIGITS = _Sort("letter", "digit", dict(zip("lI|iOoSsBZz", "11110055822", strict=True)), str.isdigit)
_FOR_LETTERS = _Sort("digit", "letter", dict(zip("10582", "IOSBZ", strict=True)), str.isalpha)
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")
_RUN = re.compile(r"[^ _,;+]+")
_NUMBER = re.compile(r"\d+", re.ASCII)
_WORD = re.compile(r"[^\W\d_]{4,}")

_MOST_DIGITS_OFF = 3
_MOST_CHANGES = 100
"""How many changes are tried on one name: a name can have 255 characters, and every rule is asked about each change."""
_ALIKE = 0.8
"""How much of a word has to be right, as `difflib` measures it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A stem with one mistake undone."""

    stem: str
    told: str
    """The mistake."""


def with_near_misses(rules: Rules, name: FileName, inference: Inference) -> tuple[RuleAccount, ...]:
    """The accounts of an inference by `Rules.explain`, with each rule's near miss.

    A name that is understood has none.
    """
    if isinstance(inference, Match) or not name.is_utf8:
        return inference.accounts
    open_rules = {account.rule for account in inference.accounts if _is_open(account)}
    misses: dict[str, str] = {}
    stem = rules.vocabulary.read(name.stem).stem
    for change in islice(changes(stem, rules.vocabulary.words), _MOST_CHANGES):
        reading = rules.vocabulary.read(change.stem)
        for rule in rules.fitting(name, reading):
            if rule.name in open_rules - misses.keys() and rule.judge(name, reading).matched:
                misses[rule.name] = printable(change.told)
    return tuple(replace(account, near_miss=misses.get(account.rule)) for account in inference.accounts)


def _is_open(account: RuleAccount) -> bool:
    return account.result is RuleResult.MISMATCH and account.source is Source.FILENAME


def changes(stem: str, words: KindWords) -> Iterator[Change]:
    """Each mistake that may be in a stem, undone by itself; the likeliest first."""
    seen = {stem}
    for change in _all_changes(stem, words):
        if change.stem not in seen:
            seen.add(change.stem)
            yield change


def _all_changes(stem: str, words: KindWords) -> Iterator[Change]:
    yield from _dashes(stem)
    runs = list(_RUN.finditer(stem))
    for run in runs:
        yield from _lookalikes(stem, run, _FOR_DIGITS)
        yield from _lookalikes(stem, run, _FOR_LETTERS)
    yield from _misspelt(stem, words)
    for run in runs:
        for number in _NUMBER.finditer(stem, run.start(), run.end()):
            yield from _digit_counts(stem, run[0], number)


def _dashes(stem: str) -> Iterator[Change]:
    wrong = [character for character in stem if character in _DASHES]
    if wrong:
        right = "".join("-" if character in _DASHES else character for character in stem)
        run = next(run[0] for run in _RUN.finditer(stem) if wrong[0] in run[0])
        yield Change(right, f"`{run}` has `{wrong[0]}` ({_name_of(wrong[0])}) where a plain `-` is expected")


def _name_of(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()


def _lookalikes(stem: str, run: re.Match[str], sort: "_Sort") -> Iterator[Change]:
    """One look-alike by itself, then all of them together."""
    places = _beside(run[0], sort.table, sort.is_wanted)
    for chosen in [*([place] for place in places), *([places] if len(places) > 1 else [])]:
        changed = "".join(sort.table[c] if at in chosen else c for at, c in enumerate(run[0]))
        found = " and ".join(dict.fromkeys(f"`{run[0][at]}`" for at in chosen))
        noun = sort.has if len(chosen) == 1 else f"{sort.has}s"
        told = f"`{run[0]}` has the {noun} {found} where a {sort.wants} is expected"
        yield Change(f"{stem[: run.start()]}{changed}{stem[run.end() :]}", told)


def _beside(text: str, table: Mapping[str, str], is_wanted: Callable[[str], bool]) -> list[int]:
    """Where a look-alike has a neighbour of the wanted sort, or one that is a look-alike in such a place itself."""
    found: set[int] = set()
    for order in (range(len(text)), reversed(range(len(text)))):
        for at in order:
            neighbours = (other for other in (at - 1, at + 1) if 0 <= other < len(text))
            if text[at] in table and any(other in found or is_wanted(text[other]) for other in neighbours):
                found.add(at)
    return sorted(found)


def _misspelt(stem: str, words: KindWords) -> Iterator[Change]:
    spellings = {piece for word in words.all if word.kind and not word.is_piece for piece in word.pieces}
    for run in _WORD.finditer(stem):
        folded = fold(run[0])
        for near in difflib.get_close_matches(folded, spellings - {folded}, n=1, cutoff=_ALIKE):
            word = near.capitalize() if run[0][0].isupper() else near
            told = f"`{run[0]}` is nearly the word `{word}`"
            yield Change(f"{stem[: run.start()]}{word}{stem[run.end() :]}", told)


def _digit_counts(stem: str, run: str, number: re.Match[str]) -> Iterator[Change]:
    for off in range(1, _MOST_DIGITS_OFF + 1):
        told = f"`{run}` has {off} digit{'s' if off > 1 else ''}"
        # A 7 makes no date and no month of a number.
        yield Change(f"{stem[: number.end()]}{'7' * off}{stem[number.end() :]}", f"{told} too few")
        if len(number[0]) > off:
            yield Change(f"{stem[: number.end() - off]}{stem[number.end() :]}", f"{told} too many")
