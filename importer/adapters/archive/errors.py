"""What can go wrong with our files, each with what the operator can do. After any of them the act may be repeated."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.core.errors import ImporterError
from importer.core.naming import shown

_REMEDIES = {
    errno.ENOSPC: "make room on that file system",
    errno.EDQUOT: "raise the quota of the importer's user, or make room",
    errno.EACCES: "give the importer's user the right to read and write there",
    errno.EPERM: "give the importer's user the right to read and write there",
    errno.EROFS: "mount that file system writable",
    errno.EIO: "the disk or the network share reports an error; check it",
    errno.ESTALE: "the network share was lost; mount it again",
    errno.ENOTDIR: "a file stands where a folder should be; move it away",
    errno.ENAMETOOLONG: "shorten the names of the folders",
    errno.EMFILE: "raise the limit of open files (LimitNOFILE)",
}


class ArchiveError(ImporterError):
    """An act on a file failed; nothing is lost, and the act can be repeated."""

    def __init__(self, operation: str, path: Path, problem: str, remedy: str) -> None:
        super().__init__(operation, path, problem, remedy)
        self.operation = operation
        self.path = path
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{shown(self.path)}: cannot {self.operation}: {self.problem}; {self.remedy}"


class FileGone(ArchiveError):
    """The document's bytes are neither at the source nor at the target, nor in memory."""


class TargetTaken(ArchiveError):
    """Another file lies where this one is to go; it stays untouched."""


class NotDurable(ArchiveError):
    """The system could not say that bytes are on disk. Never asked again: it would answer yes the second time."""


class ReceiptDamaged(ArchiveError):
    """A receipt is not as it was written."""


@contextmanager
def explained(operation: str, path: Path) -> Iterator[None]:
    """Turns every error of the system into an `ArchiveError`."""
    try:
        yield
    except OSError as error:
        # Of two names, the second one is where something was to be made.
        named = error.filename2 or error.filename
        culprit = Path(named) if isinstance(named, str | Path) else path
        remedy = _REMEDIES.get(error.errno or 0, "check the file and its folder")
        raise ArchiveError(operation, culprit, error.strerror or str(error), remedy) from error
