"""The configuration's content against the settings' types: `Settings`, and what is wrong in the operator's words."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from importer.config.checks import conflicts
from importer.config.environment import variable_of
from importer.config.faults import ENVIRONMENT, Fault, did_you_mean
from importer.config.setting_types import Origin
from importer.config.settings import TABLES, Settings, sections, settings_reference
from importer.config.units import MalformedError

Content = Mapping[str, Any]

SIMPLE = {
    "bool_type": ("must be true or false, without quotes", "write true or false"),
    "string_type": ("must be a text, in quotes", 'write it like "text"'),
}


def validate(content: Content, origin: Origin) -> tuple[Settings | None, list[Fault]]:
    """The settings, and every fault in them; None where even the defaults do not hold.

    With faults, the settings are those of the faultless part: good for finding the conflicts in it, not for use.
    """
    try:
        settings = Settings.model_validate(content, context=origin)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    else:
        return settings, list(_conflicts(settings, origin, set()))
    faults = [_fault(origin, _key(detail), *_explain(detail)) for detail in found]
    with suppress(ValidationError):
        settings = Settings.model_validate(_without(content, found), context=origin)
        faulty = {".".join(map(str, detail["loc"][:2])) for detail in found}
        return settings, [*faults, *_conflicts(settings, origin, faulty)]
    return None, faults


def _conflicts(settings: Settings, origin: Origin, faulty: set[str]) -> Iterator[Fault]:
    for keys, problem, remedy in conflicts(settings):
        if not faulty.intersection(keys):
            yield _fault(origin, keys[0], problem, remedy)


def _without(content: Content, found: list[ErrorDetails]) -> dict[str, Any]:
    """The content without its faulty parts, for which the defaults then stand."""
    sound = {name: dict(value) if isinstance(value, dict) else value for name, value in content.items()}
    for detail in found:
        section, *rest = map(str, detail["loc"])
        if rest and isinstance(sound.get(section), dict):
            sound[section].pop(rest[0], None)
        else:
            sound.pop(section, None)
    return sound


def _fault(origin: Origin, key: str, problem: str, remedy: str) -> Fault:
    if key.partition("[")[0] in origin.from_environment:
        return Fault(ENVIRONMENT, variable_of(key), problem, remedy)
    return Fault(str(origin.file), key, problem, remedy)


def _key(detail: ErrorDetails) -> str:
    names = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]]
    return "".join(names).removeprefix(".")


def _explain(detail: ErrorDetails) -> tuple[str, str]:
    """Problem and remedy. They never repeat the value, unless a parser of ours has found it fit to be seen."""
    match detail["type"]:
        case "value_error":
            malformed = detail["ctx"]["error"]
            assert isinstance(malformed, MalformedError)
            return malformed.problem, malformed.remedy
        case "extra_forbidden":
            return _explain_unknown(*map(str, detail["loc"]))
        case "literal_error" | "enum":
            return "is none of its choices", f"write {detail['ctx']['expected'].replace(chr(39), chr(34))}"
        case "missing":
            return "is missing", f"add {detail['loc'][-1]}"
        case simple if simple in SIMPLE:
            return SIMPLE[simple]
        case _:
            name = detail["loc"][0]
            what, heading = ("table", f"[[{name}]]") if name in TABLES else ("section", f"[{name}]")
            return f"must be a {what}", f"write {heading} on a line of its own, and its settings below"


def _explain_unknown(*place: str) -> tuple[str, str]:
    """Of an unknown key: its section, if any, or its table and the number of that."""
    section, name = place[0] if len(place) > 1 else "", place[-1]
    known = sections() | TABLES
    kind = "setting" if section else "section or setting"
    candidates = list(known[section].model_fields)
    if meant := did_you_mean(name, candidates):
        return f"is not a {kind}", f"did you mean {meant}?"
    namesakes = [key for key, _, _ in settings_reference() if key.partition(".")[2] == name]
    if namesakes:
        return (
            f"is not a {kind} here",
            f"did you mean {namesakes[0]}? It belongs into [{namesakes[0].partition('.')[0]}]",
        )
    return f"is not a {kind}", f"remove it; there are {', '.join(candidates)}"
