"""Exit codes (design.md section 4), and the one place where an error becomes advice."""

import enum
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import click


class Exit(enum.IntEnum):
    """What a verb ends with, and what that means."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """A number to the shell, with its meaning beside it."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "all well"
    FAULT = 1, "a fault of ours, of the disk or of the ledger file; the message says what to do"
    USAGE = 2, "wrong usage or configuration"
    NEEDS_PERSON = 3, "finished, but some documents need a person; `status` also when a source is silent"
    AGAIN_LATER = 4, "finished, but some will be tried again later"
    CREDENTIALS_REFUSED = 5, "stopped: credentials refused (`run` goes on probing instead)"
    ALREADY_RUNNING = 6, "stopped: another importer runs on this inbox or ledger"
    LEDGER_NEEDS_PERSON = 7, "stopped: the ledger needs a person"


class Stop(Exception):
    """Ends the verb with a code and a sentence."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def errors_as_advice() -> Iterator[None]:
    """Turns what can go wrong into a sentence on standard error and the right exit code.

    Anything unexpected passes through with its traceback: it is a fault of ours, and the operator's report needs it.
    """
    try:
        yield
    except Stop as stop:
        _end(stop.code, str(stop))
    except BrokenPipeError:
        _end(Exit.OK, "")  # whoever read the output has seen enough
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "make room and start again" if is_full else "check the path, its owner and its rights"
        _end(Exit.FAULT, f"{place}{error.strerror}; {remedy}")
    except Exception as error:
        code = code_of(error)
        if code is None:
            raise
        _end(code, str(error))


def code_of(error: Exception) -> Exit | None:
    """The code for an error of one of our parts; None for one that nobody expects."""
    # Imported only where something went wrong: the command line must answer `--help` at once.
    from importer.adapters.archive import ArchiveError  # noqa: PLC0415
    from importer.adapters.ledger import LedgerBusy, LedgerError, LedgerMisplaced, LedgerNeedsPerson  # noqa: PLC0415
    from importer.adapters.probe import ProbeError  # noqa: PLC0415
    from importer.adapters.rules_file import RulesFileError  # noqa: PLC0415
    from importer.config import ConfigError  # noqa: PLC0415

    match error:
        case ConfigError() | RulesFileError() | LedgerMisplaced():
            return Exit.USAGE
        case LedgerNeedsPerson():
            return Exit.LEDGER_NEEDS_PERSON
        case LedgerBusy():
            return Exit.ALREADY_RUNNING
        case ArchiveError() | LedgerError() | ProbeError():
            return Exit.FAULT
    return None


def _end(code: Exit, message: str) -> None:
    if message:
        click.echo(f"importer: {message}", err=True)
    _drop_what_cannot_be_written()
    raise SystemExit(int(code))


def _drop_what_cannot_be_written() -> None:
    """Or Python would try once more at its end, and complain with an exit code of its own."""
    if (output := sys.__stdout__) is None:
        return  # there never was one
    try:
        output.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
