"""What `doctor` says about one thing that it has looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from importer.adapters.ledger import LedgerError
from importer.adapters.rules_file import RulesFileError
from importer.cli.exits import Exit, code_of
from importer.config import ConfigError


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as well as it could, or not for long."""
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    check: str
    message: str
    level: Level = Level.OK
    remedy: str = ""
    exit: Exit = Exit.OK
    """With what a fault ends `doctor`: the code with which `run` would end, or stop sending."""

    @property
    def is_fault(self) -> bool:
        return self.level is Level.FAULT

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "ok": not self.is_fault,
            "message": self.message,
            "remedy": self.remedy or None,
            "level": self.level,
        }


def warning(check: str, message: str, remedy: str) -> Finding:
    return Finding(check, message, Level.WARNING, remedy)


def fault(check: str, message: str, remedy: str, exit: Exit = Exit.USAGE) -> Finding:  # noqa: A002 - what it is called
    return Finding(check, message, Level.FAULT, remedy, exit)


def checked(check: str, look: Callable[[], Finding | str], remedy: str) -> Finding:
    """What `look` finds; what it fails with is the finding."""
    try:
        found = look()
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return fault(check, f"{place}{error.strerror}", remedy, Exit.FAULT)
    except (ConfigError, RulesFileError, LedgerError) as error:
        return fault(check, str(error), remedy, code_of(error) or Exit.FAULT)
    return found if isinstance(found, Finding) else Finding(check, found)
