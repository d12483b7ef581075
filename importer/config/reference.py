"""How the value of each setting is written, beside `settings_reference`: for the documentation."""

from collections.abc import Iterator
from enum import Enum
from typing import get_args

from pydantic.fields import FieldInfo

from importer.config.setting_types import Written
from importer.config.settings import TABLES, Section, SettingReference, sections


def forms() -> dict[str, str]:
    """By the setting's key, such as `inbox.settle`; those of a table that may be repeated as `expect.name`."""
    return {f"{name}.{key}".removeprefix("."): _form(field) for name, key, field in _fields()}


def table_reference() -> list[SettingReference]:
    """The settings of tables that may be repeated; an empty default where there is none, and a value must be given."""
    return [
        SettingReference(f"{name}.{key}", "" if field.is_required() else field.default, field.description or "")
        for name, table in TABLES.items()
        for key, field in table.model_fields.items()
    ]


def _fields() -> Iterator[tuple[str, str, FieldInfo]]:
    tables: dict[str, type[Section]] = sections() | TABLES
    for name, table in tables.items():
        for key, field in table.model_fields.items():
            if name or key not in tables:
                yield name, key, field


def _form(field: FieldInfo) -> str:
    written = next((each.form for each in field.metadata if isinstance(each, Written)), None)
    if written is not None:
        return written
    kind = field.annotation
    if kind is bool:
        return "`true` or `false`"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _one_of([each.value for each in kind])
    return _one_of(list(get_args(kind))) or "a text"


def _one_of(choices: list[str]) -> str:
    return ", ".join(f"`{choice}`" for choice in choices)
