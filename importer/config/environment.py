"""Settings from environment variables: `IMPORTER_<SECTION>__<KEY>` for `section.key`."""

import re
import tomllib
from collections.abc import Mapping

from importer.config.faults import ENVIRONMENT, Fault, did_you_mean
from importer.config.settings import settings_reference

PREFIX = "IMPORTER_"
CONFIG = "IMPORTER_CONFIG"
USERNAME = "IMPORTER_API__USERNAME"
PASSWORD = "IMPORTER_API__PASSWORD"  # noqa: S105 - the variable's name
NO_SETTINGS = (CONFIG, PASSWORD)


def variable_of(key: str) -> str:
    return PREFIX + key.upper().replace(".", "__")


def read_overrides(environ: Mapping[str, str]) -> tuple[dict[str, object], list[Fault]]:
    """The settings in the environment by their keys, as they would stand in the file; and what is no setting."""
    known = {variable_of(key): (key, default) for key, default, _ in settings_reference()}
    overrides: dict[str, object] = {}
    faults = []
    for name in sorted(name for name in environ if name.startswith(PREFIX) and name not in NO_SETTINGS):
        if name in known:
            key, default = known[name]
            overrides[key] = _value(environ[name], default)
        else:
            faults.append(_unknown(name, (*known, *NO_SETTINGS)))
    return overrides, faults


def _value(text: str, default: object) -> object:
    """What would stand in the file; text that cannot be that stays text, and is found fault with like any other."""
    match default:
        case bool():
            return {"true": True, "false": False}.get(text.strip().lower(), text)
        case int():
            return int(text) if re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else text
        case list():
            return _list(text)
        case _:
            return text


def _list(text: str) -> object:
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return tomllib.loads(f"list = {text}")["list"]
    except (ValueError, RecursionError):
        return text


def _unknown(name: str, known: tuple[str, ...]) -> Fault:
    meant = did_you_mean(name, known)
    remedy = f"did you mean {meant}? Otherwise unset it" if meant else f"unset it; {PREFIX} is kept for our settings"
    return Fault(ENVIRONMENT, name, "is not a setting", remedy)
