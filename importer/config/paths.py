"""Where the configuration's paths lead: never relative to the working directory."""

import os.path
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from importer.config.faults import did_you_mean
from importer.config.units import MalformedError

SYSTEM = Path("/etc/importer")
SYSTEM_ROOT = Path("/var/lib/importer")
PLACEHOLDERS = ("year", "month", "day")


@dataclass(frozen=True, slots=True)
class DatedFolder:
    """A folder whose name may depend on the day: `root`, then `pattern` with `{year}`, `{month}`, `{day}`."""

    root: Path
    """The fixed part, absolute: the last folder before the first placeholder."""
    pattern: str
    """Relative to `root`; empty when there is no placeholder."""

    def at(self, day: date) -> Path:
        """The folder of a day, or of a moment by its own time zone's calendar."""
        return self.root / self.pattern.format(year=f"{day.year:04}", month=f"{day.month:02}", day=f"{day.day:02}")

    def __str__(self) -> str:
        return os.path.join(self.root, self.pattern) if self.pattern else str(self.root)  # noqa: PTH118 - not a path yet


def root_of(file: Path) -> Path:
    """Where relative paths start from: the folder that holds `config/`; `/var/lib/importer` under `/etc/importer`."""
    if file.is_relative_to(SYSTEM):
        return SYSTEM_ROOT
    return file.parent.parent if file.parent.name == "config" else file.parent


def parse_path(value: object, root: Path) -> Path:
    """An absolute path without `..`; a relative one starts from `root`.

    Raises:
        MalformedError: no text, an empty one, or one that starts with `~`, which is not expanded: a service's home
            folder is seldom the one that was meant.
    """
    if not isinstance(value, str):
        raise MalformedError("must be a path, in quotes", 'write it like "folder/subfolder"')
    if not value.strip() or "\0" in value:
        raise MalformedError("is empty" if not value.strip() else "holds a NUL character", "write a path")
    if value.startswith("~"):
        raise MalformedError(f"{value!r}: ~ is not expanded", "write the path in full, from / on")
    # As `cd` does: the link's own parent, not the one of the folder it points to.
    return Path(os.path.normpath(root / value))


def parse_folder(value: object, root: Path) -> Path:
    """A folder that is the same on every day.

    Raises:
        MalformedError: as `parse_path`, or it has a placeholder.
    """
    if isinstance(value, str) and re.search("[{}]", value):
        raise MalformedError(
            f"{value!r} has a placeholder", "write a fixed path; only archive.imported depends on the day"
        )
    return parse_path(value, root)


def parse_dated_folder(value: object, root: Path) -> DatedFolder:
    """A folder that may depend on the day of the import.

    Raises:
        MalformedError: as `parse_path`, an unknown placeholder, a lone brace, or `..` behind a placeholder.
    """
    whole = parse_path(value, root)
    if not isinstance(value, str) or not re.search("[{}]", value):
        return DatedFolder(whole, "")
    _check_placeholders(value)
    parts = value.split("/")
    first = next(index for index, part in enumerate(parts) if "{" in part)
    if ".." in parts[first:]:
        raise MalformedError(f"{value!r} has .. behind a placeholder", 'write it like "archive/{year}/{month}"')
    fixed = "/".join(parts[:first]) or ("/" if value.startswith("/") else ".")
    return DatedFolder(parse_path(fixed, root), "/".join(parts[first:]))


def _check_placeholders(value: str) -> None:
    for name in re.findall(r"\{([^{}]*)\}", value):
        if name not in PLACEHOLDERS:
            meant = did_you_mean(name, PLACEHOLDERS)
            hint = f"write {{{meant}}}" if meant else "use {year}, {month} and {day} only"
            raise MalformedError(f"{value!r} has the unknown placeholder {{{name}}}", hint)
    if re.search("[{}]", re.sub(r"\{[^{}]*\}", "", value)):
        raise MalformedError(f"{value!r} has a brace without its partner", 'write it like "archive/{year}/{month}"')


def parse_rules(value: object, file: Path, root: Path) -> Path:
    """The rules' file: a bare name lies beside the configuration `file`, a longer path starts from `root`.

    Raises:
        MalformedError: as `parse_path`.
    """
    is_bare = isinstance(value, str) and "/" not in value
    return parse_path(value, file.parent if is_bare else root)
