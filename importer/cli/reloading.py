"""Rules and settings read anew while the service runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

from importer.adapters.patterns import compile_pattern
from importer.adapters.rules_file import load_rules
from importer.assembly import Parts, brake_policy, document_policy, policies
from importer.config import TABLES, Settings, load_settings, settings_reference

LIVE = ("rules", "documents.", "brake.", "schedule.")
"""What holds for the next document, whatever was set before it; all else is built into connections and folders."""

BUILT_IN = frozenset({"documents.text_must_contain_reference"})
"""The processes that read documents are started with it."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What has become of changed settings, by key."""

    in_force: tuple[str, ...]
    want_restart: tuple[str, ...]


class Reloader:
    """Puts rules and settings in force between two documents, all of them or none."""

    def __init__(self, parts: Parts, environ: Mapping[str, str]) -> None:
        self._parts = parts
        self._environ = environ
        self._in_force = parts.settings

    def reload(self) -> Reloaded:
        """The rules are read anew even where their file's name is the same.

        Raises:
            ConfigError: settings that do not load; the former ones stay in force.
            RulesFileError: rules that do not load, or whose examples fail; likewise.
        """
        written = load_settings(self._in_force.file, self._environ)
        changed = differences(self._in_force, written)
        live = [key for key in changed if key.startswith(LIVE) and key not in BUILT_IN]
        settings = _with(self._in_force, written, live)
        rules = load_rules(settings.rules, compile_pattern)
        parts, self._in_force = self._parts, settings
        examiner = parts.pipeline.examiner.under(rules, document_policy(settings))
        wanted = policies(settings, rebuilt_at=parts.ledger.rebuilt_at())
        parts.pipeline.use(examiner, wanted, brake_policy(settings))
        parts.line.pause_along(settings.schedule.backoff)
        return Reloaded(tuple(live), tuple(key for key in changed if key not in live))


def differences(one: Settings, other: Settings) -> list[str]:
    """The keys of the settings that differ."""
    keys = [*(reference.key for reference in settings_reference()), *TABLES]
    return [key for key in keys if attrgetter(key)(one) != attrgetter(key)(other)]


def _with(settings: Settings, written: Settings, keys: list[str]) -> Settings:
    """The settings with those of these keys as they are written now."""
    for key in keys:
        section, _, name = key.rpartition(".")
        value = attrgetter(key)(written)
        if section:
            name, value = section, attrgetter(section)(settings).model_copy(update={name: value})
        settings = settings.model_copy(update={name: value})
    return settings
