"""Templates as parts: literal text, `[...]` for one of these characters, `{name}` for a placeholder."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from importer.core.rules.text import readable


class TemplateError(ValueError):
    """The template cannot be read."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Literal:
    text: str

    def __str__(self) -> str:
        return f"`{self.text}`"


@dataclass(frozen=True, slots=True)
class OneOf:
    characters: str

    def __str__(self) -> str:
        return f"one of `{self.characters}`"


@dataclass(frozen=True, slots=True)
class Placeholder:
    name: str

    def __str__(self) -> str:
        return f"{{{self.name}}}"


Part = Literal | OneOf | Placeholder

# `[[]` and `[]]` are the brackets themselves, as in shell patterns.
_PART = re.compile(
    r"(?P<brace>\{\{|\}\})|\{(?P<name>[A-Za-z_]\w*)\}|\[(?P<characters>\]?[^\]]*)\]|(?P<text>[^\[\]{}]+)|(?P<stray>.)",
    re.ASCII | re.DOTALL,
)
_RANGE = re.compile(r"\w-\w|^\^")


@dataclass(frozen=True)
class OutputText:
    """A template that is filled in: `reference`, `label`, `description`."""

    parts: tuple[Literal | Placeholder, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(part.name for part in self.parts if isinstance(part, Placeholder))

    def fill(self, values: Mapping[str, str]) -> str:
        return "".join([part.text if isinstance(part, Literal) else values.get(part.name, "") for part in self.parts])


def parse_pattern(text: str) -> tuple[Part, ...]:
    """A template for a whole stem.

    Raises:
        TemplateError: it is empty, a bracket is left open, or `[...]` is used as a range.
    """
    parts = tuple(_parts(readable(text)))
    if not parts:
        raise TemplateError("it is empty", "write a template for the whole name without its extension")
    return parts


def parse_output(text: str) -> OutputText:
    """A template to fill in, in which square brackets are plain text.

    Raises:
        TemplateError: a brace is left open.
    """
    # Doubled on the way in, so that one grammar serves both kinds of template.
    shielded = text.translate({ord("["): "[[]", ord("]"): "[]]"})
    parts = (Literal(part.characters) if isinstance(part, OneOf) else part for part in _parts(shielded))
    return OutputText(tuple(parts))


def _parts(text: str) -> Iterator[Part]:
    for found in _PART.finditer(text):
        match found.lastgroup:
            case "brace":
                yield Literal(found[0][0])
            case "name":
                yield Placeholder(found["name"])
            case "text":
                yield Literal(found[0])
            case "characters":
                yield _one_of(found["characters"])
            case _:
                raise TemplateError(
                    f"`{found[0]}` at position {found.start() + 1} is left open or closes nothing",
                    "close it, or write `{{`, `}}`, `[[]`, `[]]` for the character itself",
                )


def _one_of(characters: str) -> OneOf:
    if not characters:
        raise TemplateError("`[]` allows no character", "list the characters that may stand there, as in `[_- ]`")
    if _RANGE.search(characters):
        raise TemplateError(
            f"`[{characters}]` is read as one of these very characters, not as a range or its opposite",
            "put `-` or `^` last if you mean the character, or define a token for it",
        )
    return OneOf(characters)
