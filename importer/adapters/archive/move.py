"""Moves a document's file so that its bytes are on disk under a good name at every moment.

The new name is made first, durably, and only then the old one removed. A hard link makes it: unlike a rename it never
overwrites, and unlike a copy it is there at once and whole. What is found at each step decides what is left to do, so
the move can be repeated after a crash at any point.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from importer.adapters.archive.durable import Act, Open, fill, open_folder, sweep, temporary, try_link
from importer.adapters.archive.errors import FileGone, TargetTaken, explained
from importer.adapters.archive.places import make_folder
from importer.core.model import Digest
from importer.core.naming import temporary_prefix
from importer.core.settle import Signature

CHUNK = 1 << 20

# Without O_NONBLOCK, a pipe that takes the file's place would hold us for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class How(StrEnum):
    """How the file came to lie where it should."""

    LINKED = "linked"
    COPIED = "copied"
    """From the source or from memory: another file system, no hard links, or another file at the source by now."""
    ALREADY = "already"


@dataclass(frozen=True, slots=True)
class Moved:
    """The document's bytes lie at the target, on disk."""

    target: Path
    how: How
    source_remains: bool
    """Whether a file still lies at the source: another one, which has come in the meantime."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file held open: whatever becomes of the name, these are its bytes."""

    descriptor: int
    """-1 for what is not a regular file: it is never opened."""
    status: os.stat_result

    def holds(self, sha256: Digest, *, expected: Signature | None = None, content: bytes | None = None) -> bool:
        """Whether it has the document's bytes. To compare them takes much less than to hash them."""
        if not stat.S_ISREG(self.status.st_mode):
            return False
        if Signature.of(self.status) == expected or (content is not None and self._equals(content)):
            return True
        return _hash(_chunks(self.descriptor)) == sha256

    def _equals(self, content: bytes) -> bool:
        position = 0
        for chunk in _chunks(self.descriptor):
            if chunk != content[position : position + len(chunk)]:
                return False
            position += len(chunk)
        return position == len(content)

    def is_still(self, there: os.stat_result | None) -> bool:
        """Whether what was found under a name now is this file, unchanged since it was opened."""
        if there is None or not os.path.samestat(there, self.status):
            return False
        # The change time is left out: our own link changes it.
        return (there.st_size, there.st_mtime_ns) == (self.status.st_size, self.status.st_mtime_ns)


def move(
    source: Path,
    target: Path,
    *,
    content: bytes | None,
    sha256: Digest,
    expected: Signature | None = None,
) -> Act[Moved]:
    """Brings a document's file from `source` to `target`; missing folders are made.

    Args:
        source: where it lies. When other bytes lie there by now, they stay untouched.
        target: promised to this document alone (the ledger's reservation).
        content: its bytes, where they are still in memory, as they were hashed.
        sha256: the hash of its bytes.
        expected: the file's signature when it was read; spares reading it once more.

    Raises:
        FileGone: its bytes are nowhere.
        TargetTaken: another file lies at the target.
        NotDurable: the system could not say that it is on disk.
        ArchiveError: anything else: no space, no permission, ...
    """
    make_folder(target.parent)
    with explained("move it to the archive", source), _opened(source) as found:
        is_ours = found is not None and found.holds(sha256, expected=expected, content=content)
        original = found if is_ours else None
        how = yield from _place(source, target, original, content, sha256)
        with open_folder(target.parent) as folder:
            # The bytes as well: whoever wrote them may not have cared.
            placed = [Open(original.descriptor, source)] if original is not None and how is How.LINKED else []
            yield [*placed, folder]
        return Moved(target, how, _remains(source, target, original))


@contextmanager
def _opened(path: Path) -> Iterator[_File | None]:
    """What lies at `path`, in one look; None where there is nothing."""
    there = _status(path)
    if there is None or not stat.S_ISREG(there.st_mode):
        yield None if there is None else _File(-1, there)
        return
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        yield None
        return
    try:
        yield _File(descriptor, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _place(source: Path, target: Path, original: _File | None, content: bytes | None, sha256: Digest) -> Act[How]:
    prefix = temporary_prefix(target.name, sha256)
    try:
        if (yield from _is_placed(target, sha256)):
            how = How.ALREADY
        elif original is not None and _link(source, target, original):
            return How.LINKED
        else:
            yield from _copy(target, prefix, _bytes_of(source, original, content), sha256)
            how = How.COPIED
    except (FileExistsError, FileNotFoundError):
        # Another worker was faster with the same document, and has swept our copy away; or a stranger with his own.
        if not (yield from _is_placed(target, sha256)):
            raise
        how = How.ALREADY
    sweep(target.parent, prefix)
    return how


def _is_placed(target: Path, sha256: Digest) -> Act[bool]:
    with _opened(target) as there:
        if there is None:
            return False
        if not there.holds(sha256):
            problem, remedy = "another file has that name", "move that file away; nothing is lost"
            raise TargetTaken("put the document there", target, problem, remedy)
        yield [Open(there.descriptor, target)]
        return True


def _link(source: Path, target: Path, original: _File) -> bool:
    """Links the source to the target; False when it has to be copied instead."""
    try:
        linked = try_link(source, target)
    except FileNotFoundError:
        return False  # the name is gone, the open file is not
    if linked and not original.is_still(_status(target)):
        target.unlink()  # another file had taken the source's name since we looked; it keeps that one
        return False
    return linked


def _bytes_of(source: Path, original: _File | None, content: bytes | None) -> Iterable[bytes]:
    if content is not None:
        return [content]
    if original is None:
        raise FileGone(
            "archive it",
            source,
            "the document's file is no longer there, or has other content by now",
            "look for it in a backup and put it into the inbox once more",
        )
    return _chunks(original.descriptor)


def _copy(target: Path, prefix: str, chunks: Iterable[bytes], sha256: Digest) -> Act[None]:
    with temporary(target.parent, prefix) as copy:
        path = copy.path
        yield from fill(copy, chunks)
        if _hash_of(path) != sha256:
            raise FileGone(
                "copy it to the archive", path, "the bytes changed on the way", "check the disk and who writes the file"
            )
        if not try_link(path, target):
            # No hard links here. The name is promised to us, so only a stranger who writes into our archive in this
            # very moment could be overwritten.
            if os.path.lexists(target):
                raise FileExistsError(target)
            path.rename(target)


def _remains(source: Path, target: Path, original: _File | None) -> bool:
    """Removes the source, if it still is the file that now lies at the target.

    Nobody waits for that: should a power failure bring the name back, the ledger knows the bytes, and nothing is sent.

    No system call removes a name only while it leads to a given file, so a file that takes the place between our look
    and the removal, within microseconds, would go as well. Nothing shorter is to be had.
    """
    placed, there = target.lstat(), _status(source)
    if there is None or original is None or not original.is_still(there):
        return there is not None
    if there.st_nlink == 1 and os.path.samestat(there, placed):
        return True  # one name only: source and target are the same place by two paths
    source.unlink(missing_ok=True)
    return False


def _hash_of(path: Path) -> str:
    descriptor = os.open(path, _READ)
    try:
        return _hash(_chunks(descriptor))
    finally:
        os.close(descriptor)


def _hash(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(descriptor: int) -> Iterator[bytes]:
    """The whole file from its beginning, as often as it is asked for."""
    position = 0
    while chunk := os.pread(descriptor, CHUNK, position):
        position += len(chunk)
        yield chunk
