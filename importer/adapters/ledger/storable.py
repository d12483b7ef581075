"""Text as any database keeps it. SQLite takes more; PostgreSQL has no NUL, and cannot look into half a character."""

from typing import Any


def storable(text: str) -> str:
    """Without NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def storable_inside(value: Any) -> Any:
    """A value for JSON, or a row's, with all texts in it; half a character becomes what it is called."""
    match value:
        case str():
            return storable(value).encode("utf-8", "backslashreplace").decode()
        case dict():
            return {storable_inside(key): storable_inside(each) for key, each in value.items()}
        case list() | tuple():
            return [storable_inside(each) for each in value]
    return value
