"""The types that settings have: how each value of the file becomes a typed one, or a `MalformedError`."""

import re
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo

from importer.config.expected import (
    parse_days,
    parse_expected_folder,
    parse_expected_kind,
    parse_source_name,
    parse_time_of_day,
)
from importer.config.paths import DatedFolder, parse_dated_folder, parse_folder, parse_path, parse_rules
from importer.config.units import (
    BackoffRange,
    MalformedError,
    Rate,
    parse_duration,
    parse_range,
    parse_rate,
    parse_size,
)
from importer.config.urls import LedgerUrl, ListenAddress, parse_base_url, parse_ledger_url, parse_listen, parse_metrics
from importer.core.admission import Treatment
from importer.core.model import Kind
from importer.core.rules.folder import FolderGlob


class Origin(NamedTuple):
    """Where the values come from, as far as their meaning depends on it."""

    file: Path
    root: Path
    from_environment: frozenset[str]
    """The keys that a variable has overridden."""


class Written(NamedTuple):
    """Beside a type: how its values are written, for the reference."""

    form: str


def _with_origin(parse: Callable[[object, Origin], object]) -> PlainValidator:
    def validate(value: object, info: ValidationInfo) -> object:
        return parse(value, cast("Origin", info.context))

    return PlainValidator(validate)


def _from_root(parse: Callable[[object, Path], object]) -> PlainValidator:
    return _with_origin(lambda value, origin: parse(value, origin.root))


def _optional_path(value: object, root: Path) -> Path | None:
    return None if value == "" else parse_path(value, root)


def _ledger_url(value: object, origin: Origin) -> LedgerUrl:
    return parse_ledger_url(value, origin.root, may_hold_password="ledger.url" in origin.from_environment)


def _some_time(value: object) -> timedelta:
    duration = parse_duration(value)
    if not duration:
        raise MalformedError("is 0, which would end every request before it begins", 'write it like "10s"')
    return duration


def _key_lifetime(value: object) -> timedelta:
    lifetime = parse_duration(value)
    if lifetime > timedelta(hours=23):
        # The vendor forgets a key 24 hours after its first request; an hour is left for a request on its way.
        raise MalformedError(f"{value!r} is too long: Abillify forgets a key after 24 hours", 'write "23h" or less')
    return lifetime


def _concurrency(value: object) -> int:
    if type(value) is not int or not 1 <= value <= 64:
        raise MalformedError("must be a whole number from 1 to 64, without quotes", "write it like 8")
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise MalformedError("must be a whole number of 0 or more, without quotes", "write it like 25")
    return value


def _share(value: object) -> float:
    match = re.fullmatch(r"(\d{1,3}) ?%", value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 100:
        raise MalformedError("must be a share from 0% to 100%", 'write it like "50%"')
    return int(match[1]) / 100


def _some_size(value: object) -> int:
    size = parse_size(value)
    if not size:
        raise MalformedError("is 0, which no document could keep to", 'write it like "20MiB"')
    return size


def _patterns(value: object) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise MalformedError("must be a list of texts", 'write it like ["*.tmp", "Thumbs.db"]')
    if "" in value:
        raise MalformedError("holds an empty pattern", "remove it")
    return tuple(value)


def _command(value: object, root: Path) -> tuple[str, ...]:
    """A program and its arguments; a relative path with a folder in it starts from `root`."""
    example = 'write it like ["/usr/local/bin/tell-somebody", "--quietly"]'
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise MalformedError("must be a list of texts: the program, then its arguments", example)
    if any("\0" in part for part in value) or (value and not value[0].strip()):
        raise MalformedError("names no program, or holds a NUL character", example)
    if value and "/" in value[0]:
        return (str(parse_path(value[0], root)), *value[1:])
    return tuple(value)


def as_tables(value: object) -> tuple[Any, ...]:
    """A list of tables; each of them is looked at by itself."""
    if not isinstance(value, (list, tuple)):
        raise MalformedError("must be a list of tables", "write [[...]] on a line of its own, and its settings below")
    return tuple(value)


Share = Annotated[float, PlainValidator(_share), Written("a share, `0%` to `100%`")]
Count = Annotated[int, PlainValidator(_count), Written("a whole number of 0 or more")]
Duration = Annotated[
    timedelta, PlainValidator(parse_duration), Written("a duration: a whole number with `ms`, `s`, `m`, `h` or `d`")
]
SomeTime = Annotated[timedelta, PlainValidator(_some_time), Written("a duration of more than 0")]
KeyLifetime = Annotated[timedelta, PlainValidator(_key_lifetime), Written("a duration, at most `23h`")]
Range = Annotated[BackoffRange, PlainValidator(parse_range), Written("two durations, `a..b`")]
RequestRate = Annotated[Rate, PlainValidator(parse_rate), Written("a rate: a whole number with `/s`, `/m` or `/h`")]
Concurrency = Annotated[int, PlainValidator(_concurrency), Written("a whole number, 1 to 64")]
Size = Annotated[
    int,
    PlainValidator(_some_size),
    Written("a size: bytes, or a number with `kB`, `MB`, `GB` (thousands) or `KiB`, `MiB`, `GiB` (1024)"),
]
Patterns = Annotated[tuple[str, ...], BeforeValidator(_patterns), Written("a list of patterns")]
Treated = Annotated[Treatment, Field(strict=False)]

SomePath = Annotated[Path, _from_root(parse_path), Written("a path")]
CommandLine = Annotated[tuple[str, ...], _from_root(_command), Written("a list: a program and its arguments")]
OptionalPath = Annotated[Path | None, _from_root(_optional_path), Written("a path, or empty")]
Folder = Annotated[Path, _from_root(parse_folder), Written("a path")]
Dated = Annotated[DatedFolder, _from_root(parse_dated_folder), Written("a path")]
RulesFile = Annotated[
    Path, _with_origin(lambda value, origin: parse_rules(value, origin.file, origin.root)), Written("a path")
]

BaseUrl = Annotated[str, PlainValidator(parse_base_url), Written("an address")]
LedgerAddress = Annotated[LedgerUrl, _with_origin(_ledger_url), Written("an address of SQLAlchemy's form")]
MetricsPlace = Annotated[
    ListenAddress | Path | None, _from_root(parse_metrics), Written("`host:port`, a path, or empty")
]

ListenPlace = Annotated[ListenAddress | None, PlainValidator(parse_listen), Written("`host:port`, or empty")]

SourceName = Annotated[str, PlainValidator(parse_source_name), Written("a text of one line")]
SourceFolder = Annotated[
    FolderGlob | None, PlainValidator(parse_expected_folder), Written("a folder pattern, or empty")
]
SourceKind = Annotated[Kind | None, PlainValidator(parse_expected_kind), Written("a kind, or empty")]
Days = Annotated[frozenset[int], PlainValidator(parse_days), Written("days and spans of days")]
TimeOfDay = Annotated[time, PlainValidator(parse_time_of_day), Written("a time, `18:00`")]
