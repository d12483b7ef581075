"""What a rules file says, before anything is checked, and what can be wrong with it."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

REFUSE = "refuse"
"""The value in `[kinds]` of a word that none of the nine kinds fits, or whose dunning level cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """One `[[rule]]` as written (design.md section 5, "Rules")."""

    name: str
    source: str = "filename"
    """The key `from`."""
    pattern: str | None = None
    regex: str | None = None
    folder: str | None = None
    extension: str | None = None
    kind: str | None = None
    reference: str | None = None
    label: str = ""
    description: str = ""
    resend: bool = False
    fallback: bool = False
    examples: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesSpec:
    """A whole rules file as written."""

    tokens: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[RuleSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleFault:
    """One thing that is wrong with the rules, and what the operator can do about it."""

    where: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}; {self.remedy}"


class RulesError(Exception):
    """The rules cannot be used; every fault at once."""

    def __init__(self, faults: Iterable[RuleFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


Span = tuple[int, int]
"""Where something begins and ends in a stem, in characters."""


class Pattern(Protocol):
    """A compiled regular expression that takes linear time, whatever the case of letters."""

    @property
    def expression(self) -> str:
        """As it was written."""

    @property
    def group_names(self) -> tuple[str, ...]: ...

    def match_longest(self, text: str, start: int) -> int | None:
        """The end of the longest match that begins at `start`."""

    def search_longest(self, text: str, start: int) -> Span | None:
        """The first place at or behind `start` where a match begins, and the end of the longest one there."""

    def fullmatch(self, text: str) -> Mapping[str, Span] | None:
        """Where the named groups lie if the whole text matches; a group that took no part is left out."""


class PatternError(ValueError):
    """The expression cannot be compiled."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


CompilePattern = Callable[[str], Pattern]
"""Raises PatternError."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for a word that is not one of the known: the nearest one, or all of them."""
    choices = sorted(known)
    nearest = difflib.get_close_matches(word.lower(), choices, n=1)
    return f"did you mean `{nearest[0]}`?" if nearest else f"known are {', '.join(choices) or 'none'}"
