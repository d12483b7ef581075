"""Reads a file once, into memory: what is hashed is what is probed is what is uploaded."""

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from importer.core.errors import ImporterError
from importer.core.model import Digest

CHUNK = 1 << 20
SMALL = 1 << 16


class ReadError(ImporterError):
    """A file could not be read; it stays where it is."""


class NotReady(ReadError):
    """It is not complete, or not there: the next scan tells."""


class FileVanished(NotReady):
    """It is no longer there: moved or deleted by somebody else."""


class FileChanging(NotReady):
    """It was written to while it was read: it is not complete yet."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's bytes at one moment."""

    content: bytes | None
    """None when the file is larger than the limit: then only its hash was taken."""
    sha256: Digest
    size: int
    mtime_ns: int
    inode: int


def read(path: Path, limit: int) -> Reading:
    """The bytes of a regular file, whole and unchanged.

    Args:
        path: never followed if it is a symbolic link.
        limit: bytes; a larger file is hashed but not kept in memory.

    Raises:
        FileVanished: it is not there.
        FileChanging: it changed under our hands.
        ReadError: it cannot be read, or is not a regular file; the message says what to do.
    """
    try:
        # Without O_NONBLOCK, a FIFO that takes the file's place would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileVanished(f"{path} is no longer there") from None
    except OSError as error:
        raise _read_error(path, error) from error
    try:
        return _read(path, descriptor, limit)
    except OSError as error:
        raise _read_error(path, error) from error
    finally:
        os.close(descriptor)


def _read(path: Path, descriptor: int, limit: int) -> Reading:
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise ReadError(f"{path} is not a regular file; only regular files are imported")
    chunks, digest, size = [], hashlib.sha256(), 0
    wanted = min(CHUNK, max(before.st_size + 1, SMALL))  # more than there is, so that the end shows at once
    while chunk := os.read(descriptor, wanted):
        digest.update(chunk)
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        if len(chunk) < wanted and size == before.st_size:
            break  # less alone is not the end: a network may bring it in pieces, and a disk fail only afterwards
    after = os.fstat(descriptor)
    if size != after.st_size or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise FileChanging(f"{path} is still being written")
    content = b"".join(chunks) if size <= limit else None
    return Reading(content, Digest(digest.hexdigest()), size, after.st_mtime_ns, after.st_ino)


def _read_error(path: Path, error: OSError) -> ReadError:
    advice = {
        errno.EACCES: "give the importer's user the right to read it",
        errno.ELOOP: "it is a symbolic link, and links are not followed; put the file itself there",
        errno.EIO: "the disk or the network share reports an error; check it",
        errno.ESTALE: "the network share was lost; mount it again",
    }.get(error.errno or 0, "check the file and its folder")
    return ReadError(f"{path} cannot be read ({error.strerror}): {advice}")
