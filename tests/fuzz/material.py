"""What Hypothesis makes trees, texts and names from, for all the fuzzed parsers."""

import json
from datetime import UTC, date, datetime, time

from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters())
"""Lone surrogates too: so come bytes that are no UTF-8, and `\\udc80` in JSON."""

_ODD = st.sampled_from(
    [
        "e\u0301",
        "\u202eRE",
        "\u200f",
        "\udcff",
        "\x00",
        "\n",
        "\u2028",
        "\ufb01",
        "\u0130",
        "\u00df",
        "\u00b2",
        "\u0663",
        "\U0001f9fe",
    ]
)
"""Combining, turning, invisible, breaking, folding to more letters or to digits."""

_PIECES = st.sampled_from(
    ["RE12345", "RE-2024-00123", "Rechnung", "Mahnung", "1. ", "2", "_", "-", " ", ".", "(1)", "Kopie", "{", "["]
)
_BYTES = st.integers(0x80, 0xFF).map(lambda byte: chr(0xDC00 + byte))
HUGE = st.sampled_from(["RE1" * 85, "a\u0301" * 127, "\udcff" * 255, "Rechnung " * 28, " " * 255])
"""As long as a file system takes."""
NAMES = (
    st.lists(_PIECES | _ODD | _BYTES | st.text(st.characters(codec="utf-8")), max_size=12).map("".join)
    | HUGE
    | st.sampled_from(["", ".", ".."])
)
"""File names as `os.fsdecode` gives them, where bytes that are no UTF-8 are lone surrogates."""

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT

JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4), max_leaves=12
)

DEEP = 100_000
"""Levels, more than any recursion takes."""

BROKEN_JSON = st.binary(max_size=60) | st.sampled_from(
    [
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b"9" * 5000,
        b"-" + b"9" * 5000,
        b"1e999",
        b"NaN",
        b'"\\ud800"',
        b"\xff\xfe[\x00",
        b"null",
    ]
)


def json_trees(*keys):
    """Any JSON, and objects and lists of objects with these keys and any values."""
    objects = st.fixed_dictionaries({}, optional=dict.fromkeys(keys, JSON))
    return JSON | objects | st.lists(objects | JSON, max_size=3)


_TOML_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_TOML_SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | _TOML_TEXT
    | st.sampled_from([datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), time(1, 2)])
)
TOML = st.recursive(
    _TOML_SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TOML_TEXT, inner, max_size=3),
    max_leaves=6,
)


def as_toml(tree):
    """A document of this table; all tables are inline, and all keys are in quotes."""
    return "".join(f"{_inline(key)} = {_inline(value)}\n" for key, value in tree.items())


def _inline(value):
    match value:
        case dict():
            return "{" + ", ".join(f"{_inline(key)} = {_inline(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_inline, value)) + "]"
        case date() | time():
            return value.isoformat()
        case float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
