"""Files that are fetched from elsewhere, under names that are safe here; nothing that exists is ever overwritten."""

import os
import re
import unicodedata
from contextlib import suppress
from pathlib import Path

from importer.core.naming import TEMPORARY, numbered

LONGEST = 120
"""Bytes of a name without its ending."""

_UNSAFE = re.compile(r"[^\w .()+-]|[\s]+")
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def safe_stem(text: str) -> str:
    """A name's stem that any file system takes, and that leads nowhere: no path, no hidden file, no device."""
    plain = unicodedata.normalize("NFC", text)
    plain = "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "_" for c in plain)
    plain = _UNSAFE.sub("_", plain).strip(" ._-")
    while len(plain.encode()) > LONGEST:
        plain = plain[:-1]
    plain = plain.rstrip(" .")
    return f"_{plain}" if _DEVICES.fullmatch(plain.partition(".")[0]) else plain or "document"


def extension_for(content: bytes) -> str:
    """By what the bytes are, whatever anybody calls them; `.eml` for all that is text, else `.bin`."""
    if b"%PDF-" in content[:1024]:
        return ".pdf"
    return ".eml" if re.match(rb"[!-9;-~]+:[ \t]", content) else ".bin"


def save_new(folder: Path, stem: str, content: bytes) -> Path:
    """Writes a new file, under another name where that one is taken; the same content is not saved twice.

    Raises:
        OSError: it cannot be written; nothing half written stays behind.
    """
    extension = extension_for(content)
    for name in numbered(f"{stem}{extension}"):
        path = folder / name
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
        except FileExistsError:
            if _holds(path, content):
                return path
            continue
        try:
            with os.fdopen(file, "wb") as opened:
                opened.write(content)
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
        return path
    raise AssertionError("the names never end")


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file that somebody has asked for by its name: whole, or not at all.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)  # a pipe, or /dev/stdout
        return
    fresh = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name[:100]}")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise


def _holds(path: Path, content: bytes) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    return path.stat().st_size == len(content) and path.read_bytes() == content
