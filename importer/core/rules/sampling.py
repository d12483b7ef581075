"""Texts that an expression matches, to try rules on: made from the expression itself, always the same ones.

It knows the part of RE2's syntax that names need. What it makes is only a proposal, which the caller proves with the
expression itself; where it does not know the syntax it makes nothing.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Make = Callable[["_Choices"], str]

_CLASSES = {
    "d": "0123456789",
    "w": "abcxyz019_",
    "s": " ",
    "L": "abmxyzäö",
    "N": "0123456789",
    "D": "a-_ ",
    "W": "- ",
    "S": "a1-",
    "P": "-_.",
}
_ANY = "abx17 -"
_NAMED = re.compile(r"[pP](?:\{\^?(?P<long>[A-Za-z_]+)\}|(?P<short>[A-Z]))")
_CODE = re.compile(r"x(?:\{(?P<long>[0-9A-Fa-f]{1,5}|10[0-9A-Fa-f]{4})\}|(?P<short>[0-9A-Fa-f]{2}))")
_GROUP = re.compile(r"\?(?:P?<[^>]*>|[a-zA-Z-]*:)")
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)")
_REPEAT = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<least>\d+)(?P<comma>,(?P<most>\d*))?\})[?+]?", re.ASCII)
_FURTHER = 2
"""How many more than the least number of repetitions are made."""


class Unknown(ValueError):
    """Syntax that is not known here."""


def samples(expression: str, count: int) -> Iterator[str]:
    """Up to `count` different texts that it should match; none where its syntax is not known."""
    try:
        make = _Parser(expression).parse()
    except (Unknown, IndexError):
        return
    seen: set[str] = set()
    for number in range(count * 4):
        text = make(_Choices(number))
        if text not in seen:
            seen.add(text)
            yield text
        if len(seen) == count:
            return


@dataclass(slots=True)
class _Choices:
    """A row of choices that a number stands for, well mixed (a linear congruential generator)."""

    state: int

    def among(self, number: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % number


def one_of(options: Sequence[str]) -> Make:
    return lambda choices: options[choices.among(len(options))]


class _Parser:
    def __init__(self, expression: str) -> None:
        self._text = _FLAGS.sub("", expression)
        self._at = 0

    def parse(self) -> Make:
        made = self._alternatives()
        if self._at < len(self._text):
            raise Unknown
        return made

    def _alternatives(self) -> Make:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return lambda choices: branches[choices.among(len(branches))](choices)

    def _sequence(self) -> Make:
        parts: list[Make] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return lambda choices: "".join(part(choices) for part in parts)

    def _repeated(self, make: Make) -> Make:
        found = _REPEAT.match(self._text, self._at)
        if not found:
            return make
        self._at = found.end()
        least = 1 if found["sign"] == "+" else int(found["least"] or 0)
        most = least + _FURTHER
        if found["sign"] == "?":
            most = 1
        elif found["least"]:
            most = min(most, int(found["most"] or most)) if found["comma"] else least
        return lambda choices: "".join(make(choices) for _ in range(least + choices.among(most - least + 1)))

    def _atom(self) -> Make:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return one_of(self._class())
        if character == "\\":
            return one_of(self._escaped())
        if character == ".":
            return one_of(_ANY)
        return one_of([""] if character in "^$" else character)

    def _group(self) -> Make:
        if found := _GROUP.match(self._text, self._at):
            self._at = found.end()
        made = self._alternatives()
        if not self._take(")"):
            raise Unknown
        return made

    def _escaped(self) -> Sequence[str]:
        if found := _NAMED.match(self._text, self._at):
            self._at = found.end()
            return _CLASSES.get((found["long"] or found["short"])[0]) or _unknown()
        if found := _CODE.match(self._text, self._at):
            self._at = found.end()
            return chr(int(found["long"] or found["short"], 16))
        character = self._next()
        if character in "bBAzZ":
            return [""]
        if character.isalnum() and character not in _CLASSES:
            raise Unknown
        return _CLASSES.get(character, character)

    def _class(self) -> Sequence[str]:
        negated = self._take("^")
        options: list[str] = [self._next()] if self._text[self._at] == "]" else []
        while not self._take("]"):
            if self._text.startswith("[:", self._at):
                raise Unknown
            options.extend(self._escaped() if self._take("\\") else self._range())
        if negated:
            return [character for character in _ANY + "zé_.," if character not in options] or _unknown()
        return options

    def _range(self) -> Sequence[str]:
        first = self._next()
        if self._text[self._at] == "-" and self._text[self._at + 1] not in "]\\":
            self._at += 1
            return [chr(code) for code in range(ord(first), min(ord(self._next()), ord(first) + 99) + 1)]
        return first

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _take(self, character: str) -> bool:
        taken = self._text.startswith(character, self._at)
        self._at += taken
        return taken


def _unknown() -> Sequence[str]:
    raise Unknown
