"""What is wrong with a configuration, told so that the operator can mend it: where, what, and what to do."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from importer.core.errors import ImporterError

ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend. No part of it ever holds a password."""

    file: str
    """The file's path, or `environment`."""
    key: str
    """`section.key`, the variable's name, or empty where the file as a whole is at fault."""
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.file, self.key) if part)
        return f"{place}: {self.problem}\n    -> {self.remedy}"


class ConfigError(ImporterError):
    """The configuration cannot be used; all of its faults are told at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else None
