"""File names: which are left alone, which mark another one as done, and how a name makes room for its like.

Names are `str` as `os.fsdecode` gives them: a byte that is not UTF-8 is a lone surrogate.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from itertools import count
from pathlib import PurePosixPath
from typing import Self

from importer.core.verdict import MAX_NAME_BYTES

RECEIPT = ".receipt.json"
REASON = ".reason.txt"
SIDECARS = (RECEIPT, REASON)
"""What is appended to a document's name for the files that lie beside it."""

TEMPORARY = ".importer-"
"""How the names of our unfinished files begin; nobody imports them, whatever the settings say."""

_LONGEST_EXTENSION = 16
_ROOM = MAX_NAME_BYTES - max(len(ending) for ending in SIDECARS)


class IgnoredNames:
    """The setting `inbox.ignore`: glob patterns for one component of a path, whatever its case and composition."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._pattern = re.compile("|".join(translate(_folded(pattern)) for pattern in patterns) or r"(?!)")

    def __contains__(self, name: str) -> bool:
        return name.startswith(TEMPORARY) or self._pattern.match(_folded(name)) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@dataclass(frozen=True, slots=True)
class DoneFile:
    """The setting `inbox.done_file`: how the marker is called that says "this file is complete"."""

    before: str
    placeholder: str
    after: str

    @classmethod
    def parse(cls, template: str) -> Self | None:
        """`{name}.done`, `{stem}.done`, or only an ending, which is put behind the whole name; None when empty."""
        if not template:
            return None
        for placeholder in ("{name}", "{stem}"):
            before, found, after = template.partition(placeholder)
            if found:
                return cls(before, placeholder, after)
        return cls("", "{name}", template)

    def marker_of(self, name: str) -> str:
        """The name of the marker for the file `name`."""
        part = name if self.placeholder == "{name}" else PurePosixPath(name).stem
        return f"{self.before}{part}{self.after}"

    def is_marker(self, name: str) -> bool:
        """Whether `name` is a marker, for whatever file."""
        long_enough = len(name) > len(self.before) + len(self.after)
        return long_enough and name.startswith(self.before) and name.endswith(self.after)


def numbered(filename: str) -> Iterator[str]:
    """`RE12345.pdf`, `RE12345~2.pdf`, and so on; each so short that its sidecars' names fit a file system too."""
    suffix = PurePosixPath(filename).suffix
    if _length(suffix) > _LONGEST_EXTENSION:
        suffix = ""
    stem = filename.removesuffix(suffix)
    yield _fitting(stem, suffix)
    for number in count(2):
        yield _fitting(stem, f"~{number}{suffix}")


def _fitting(stem: str, ending: str) -> str:
    while _length(stem + ending) > _ROOM:
        stem = stem[:-1]
    return stem + ending


def _length(name: str) -> int:
    return len(name.encode("utf-8", "surrogateescape"))


def temporary_prefix(*parts: str) -> str:
    """How our unfinished files for this purpose begin: the same after a crash, and different for another purpose."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{TEMPORARY}{digest[:24]}-"


def shown(path: object) -> str:
    """A path for a message: on one line, and printable whatever bytes its name has."""
    text = str(path)
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
