"""The configuration file and the environment become frozen `Settings`, or one error with every fault in it.

Nothing here makes a folder or looks at the network.
"""

import os.path
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from importer.config.credentials import WAYS
from importer.config.environment import CONFIG, read_overrides
from importer.config.faults import ENVIRONMENT, ConfigError, Fault
from importer.config.paths import SYSTEM, root_of
from importer.config.schema import validate
from importer.config.setting_types import Origin
from importer.config.settings import Settings

PLACES = (Path("config/importer.toml"), SYSTEM / "importer.toml")
PASSWORD_KEY = re.compile("passw|passphrase|pwd|secret", re.IGNORECASE)


def find_config(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration file: `--config`, `$IMPORTER_CONFIG`, `config/importer.toml`, `/etc/importer/importer.toml`.

    A file that was asked for by name is used or missed, never replaced by another one.

    Raises:
        ConfigError: it is not there; tells every place looked at.
    """
    named = {"--config": explicit, f"${CONFIG}": Path(environ[CONFIG]) if environ.get(CONFIG) else None}
    for asked_by, path in named.items():
        if path:
            return _existing(path, asked_by)
    for path in PLACES:
        if _is_file(path):
            return path.absolute()
    looked_at = ", ".join(["--config", f"${CONFIG}", *(str(path.absolute()) for path in PLACES)])
    raise ConfigError([Fault("configuration", "", f"none found; looked at {looked_at}", "`importer init` writes one")])


def _existing(path: Path, asked_by: str) -> Path:
    path = path.absolute()
    if not _is_file(path):
        remedy = "correct the name, or let `importer init` write one"
        raise ConfigError([Fault(str(path), "", f"no such file (named by {asked_by})", remedy)])
    return path


def _is_file(path: Path) -> bool:
    """Also False where a folder above may not be entered; there, `Path.is_file` raises."""
    return os.path.isfile(path)  # noqa: PTH113 - see above


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the file at `path`, overridden by the variables in `environ`.

    Raises:
        ConfigError: with every fault of the file and the environment.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100 - a linked file belongs where the link lies
    written = _read(file)
    overrides, faults = read_overrides(environ)
    faults += [_password_fault(file, key) for key in _take_out_passwords(written)]
    origin = Origin(file, root_of(file), frozenset(overrides))
    settings, found = validate(_merged(written, overrides), origin)
    if settings is None or found or faults:
        raise ConfigError(sorted([*found, *faults], key=lambda fault: (fault.file == ENVIRONMENT, fault.key)))
    return settings


def _read(file: Path) -> dict[str, Any]:
    content = b""
    try:
        content = file.read_bytes()
        # Some editors begin a file with a byte order mark, which TOML does not know.
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        problem, remedy = f"cannot be read: {error.strerror}", "check that it exists and who may read it"
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem, remedy = f"is not UTF-8 (line {line})", "save the file as UTF-8"
    except RecursionError:
        problem, remedy = "is nested too deeply", "write it as in the shipped one: sections, and settings in them"
    except ValueError as error:  # a number of thousands of digits is no TOMLDecodeError
        problem, remedy = f"is not TOML: {error}", 'correct the line; a text stands in quotes, as in path = "inbox"'
    raise ConfigError([Fault(str(file), "", problem, remedy)])


def _take_out_passwords(table: dict[str, Any]) -> list[str]:
    """Remove what looks like a password, at any depth, so that nothing later can show it; the keys that it had."""
    found = []
    open_tables = [(table, "")]
    while open_tables:
        table, prefix = open_tables.pop()
        for name, value in list(table.items()):
            key = f"{prefix}{name}"
            if PASSWORD_KEY.search(name) and key != "api.password_file":
                del table[name]
                found.append(key)
                continue
            inner = value if isinstance(value, list) else [value]
            open_tables += [(item, f"{key}.") for item in inner if isinstance(item, dict)]
    return found


def _password_fault(file: Path, key: str) -> Fault:
    if key.startswith("ledger."):
        remedy = "remove it; put it into a file named by PGPASSFILE, or into the address in IMPORTER_LEDGER__URL"
    else:
        remedy = f"remove it, and change it if others could read this file; {WAYS}"
    return Fault(str(file), key, "is a password, which does not belong into this file", remedy)


def _merged(written: Mapping[str, Any], overrides: Mapping[str, object]) -> dict[str, Any]:
    merged = {name: dict(value) if isinstance(value, dict) else value for name, value in written.items()}
    for key, value in overrides.items():
        section, _, name = key.rpartition(".")
        table = merged.setdefault(section, {}) if section else merged
        # A section that is none is found fault with by itself.
        if isinstance(table, dict):
            table[name] = value
    return merged
