"""The rules file: TOML in, checked rules out, or one error that tells every fault with its remedy."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from importer.core.errors import ImporterError
from importer.core.model import Kind
from importer.core.rules import (
    CompilePattern,
    RuleFault,
    Rules,
    RulesError,
    RuleSpec,
    RulesSpec,
    compile_rules,
    did_you_mean,
    run_examples,
)


class RulesFileError(ImporterError):
    """The rules file cannot be used; every fault that was found, with the file."""

    def __init__(self, path: Path, faults: Iterable[RuleFault]) -> None:
        self.path = path
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{path}: {fault}" for fault in self.faults))


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Rule(_Table):
    name: str
    source: str = Field(default="filename", alias="from")
    pattern: str | None = None
    regex: str | None = None
    folder: str | None = None
    extension: str | None = None
    kind: str | None = None
    reference: str | None = None
    label: str = ""
    description: str = ""
    resend: bool = False
    fallback: bool = False
    examples: dict[str, str] = Field(default_factory=dict)


RULE_KEYS = tuple(about.alias or name for name, about in _Rule.model_fields.items())
"""What may stand in a `[[rule]]`."""


class _File(_Table):
    tokens: dict[str, str] = Field(default_factory=dict)
    kinds: dict[str, str] = Field(default_factory=dict)
    rule: list[_Rule] = Field(default_factory=list)


def load_rules(path: Path, compile_pattern: CompilePattern, *, run_their_examples: bool = True) -> Rules:
    """The rules of a file, with their examples proven unless the caller runs them itself.

    Raises:
        RulesFileError: the file cannot be read, is not TOML, or has faults; all of them.
    """
    spec, faults = _parse(_read(path))
    try:
        rules = compile_rules(spec, compile_pattern)
    except RulesError as error:
        told = {fault.where for fault in faults}
        raise RulesFileError(path, [*faults, *(fault for fault in error.faults if fault.where not in told)]) from error
    if run_their_examples:
        faults += [result.fault for result in run_examples(rules) if not result.passed]
    if faults:
        raise RulesFileError(path, faults)
    return rules


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem, remedy = f"cannot be read ({error.strerror})", "check the path and its permissions"
    except UnicodeDecodeError as error:
        problem, remedy = f"is not UTF-8 (byte {error.start})", "save it as UTF-8"
    except RecursionError:
        problem, remedy = "is nested too deeply", "write it as in the shipped one: tables, and keys in them"
    except ValueError as error:  # a number of thousands of digits is no TOMLDecodeError
        problem, remedy = f"is not TOML ({error})", "quote words with blanks or umlauts, and expressions in '...'"
    raise RulesFileError(path, [RuleFault("file", problem, remedy)])


def _parse(data: dict[str, Any]) -> tuple[RulesSpec, list[RuleFault]]:
    """The spec and what is wrong with the file as such; what is wrong is mended, so that all else can be checked."""
    try:
        return _spec(_File.model_validate(data)), []
    except ValidationError as error:
        problems = error.errors()
    faults = [_fault(problem, data) for problem in problems]
    # From the back, so that a rule that is taken out does not renumber those still to be mended.
    for problem in reversed(problems):
        _mend(data, problem["loc"])
    return _spec(_File.model_validate(data)), faults


def _mend(data: dict[str, Any], location: tuple[Any, ...]) -> None:
    """Put something harmless in the place of a wrong value, or take it out where nothing depends on it."""
    *parents, key = location
    table = _at(data, parents)
    match location:
        case ("tokens", _):
            table[key] = "x"
        case ("rule", number, "name"):
            table[key] = str(number + 1)
        case ("rule", _, "kind"):
            table[key] = Kind.INVOICE.value
        case _:
            table.pop(key)


def _spec(file: _File) -> RulesSpec:
    rules = tuple(RuleSpec(**rule.model_dump()) for rule in file.rule)
    return RulesSpec(tokens=file.tokens, kinds=file.kinds, rules=rules)


def _fault(problem: Any, data: dict[str, Any]) -> RuleFault:
    location = problem["loc"]
    if problem["type"] == "extra_forbidden":
        keys = RULE_KEYS if location[0] == "rule" else tuple(_File.model_fields)
        return RuleFault(_where(location, data), "there is no such key", did_you_mean(location[-1], keys))
    nameless = problem["type"] == "missing"
    remedy = 'give the rule a name: name = "..."' if nameless else "correct the value"
    return RuleFault(_where(location, data), problem["msg"].lower(), remedy)


def _where(location: Iterable[Any], data: dict[str, Any]) -> str:
    """`rule "its name", key` as in the other faults, or the dotted path."""
    first, *rest = location
    if first == "rule" and rest:
        rule = _at(data, [first, rest[0]])
        name = rule.get("name") if isinstance(rule, dict) else None
        return ", ".join([f'rule "{name}"' if name else f"rule {rest[0] + 1}", *map(str, rest[1:])])
    return ".".join(map(str, location))


def _at(data: Any, location: Iterable[Any]) -> Any:
    for key in location:
        data = data[key]
    return data
