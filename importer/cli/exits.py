"""Exit codes (design.md section 4), and the one place where an error becomes advice."""

import enum
import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from importer.core.model import Document
from importer.core.person import is_needed_for


class Exit(enum.IntEnum):
    """What a verb ends with."""

    OK = 0
    FAULT = 1
    USAGE = 2
    NEEDS_PERSON = 3
    AGAIN_LATER = 4
    CREDENTIALS_REFUSED = 5
    ALREADY_RUNNING = 6
    LEDGER_NEEDS_PERSON = 7


class Stop(Exception):
    """Ends the verb with a code and a sentence."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


def code_for(documents: Iterable[Document]) -> Exit:
    """3 when some need a person, else 4 when some will be tried again, else 0."""
    documents = list(documents)
    if any(map(is_needed_for, documents)):
        return Exit.NEEDS_PERSON
    return Exit.AGAIN_LATER if any(document.state.is_on_its_way for document in documents) else Exit.OK


@contextmanager
def errors_as_advice() -> Iterator[None]:
    """Turns what can go wrong into a sentence on standard error and the right exit code.

    Anything unexpected passes through with its traceback: it is a fault of ours, and the operator's report needs it.
    """
    # Imported here because the command line must answer `--help` at once.
    from importer.adapters.archive import ArchiveError  # noqa: PLC0415
    from importer.adapters.ledger import LedgerBusy, LedgerError, LedgerNeedsPerson  # noqa: PLC0415
    from importer.adapters.probe import ProbeError  # noqa: PLC0415
    from importer.adapters.rules_file import RulesFileError  # noqa: PLC0415
    from importer.config import ConfigError  # noqa: PLC0415

    try:
        yield
    except Stop as stop:
        _end(stop.code, str(stop))
    except (ConfigError, RulesFileError) as error:
        _end(Exit.USAGE, str(error))
    except LedgerNeedsPerson as error:
        _end(Exit.LEDGER_NEEDS_PERSON, str(error))
    except LedgerBusy as error:
        _end(Exit.ALREADY_RUNNING, str(error))
    except (ArchiveError, LedgerError, ProbeError) as error:
        _end(Exit.FAULT, str(error))
    except BrokenPipeError:
        _end(Exit.OK, "")  # whoever read the output has seen enough
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "make room and start again" if is_full else "check the path, its owner and its rights"
        _end(Exit.FAULT, f"{place}{error.strerror}; {remedy}")


def _end(code: Exit, message: str) -> None:
    if message:
        click.echo(f"importer: {message}", err=True)
    raise SystemExit(int(code))
