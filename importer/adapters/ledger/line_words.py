"""What the importers say about their lines to Abillify: one word each, as long as they live.

Kept among the single facts, as `line:<holder>`. The last word of all, as `line`, counts when nobody lives who has said
one: what an importer met that ran and ended an hour ago is still the best that is known.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, select

from importer.adapters.ledger.meta import get_meta, set_meta
from importer.adapters.ledger.tables import meta
from importer.core.lifecycle import CREDENTIALS_REFUSED

LAST = "line"
OF_ONE = "line:"

Word = dict[str, Any] | None
"""Why nothing is sent, and since when; None while all is well."""


def say(connection: Connection, holder: str, word: Word, is_alive: Callable[[str], bool]) -> None:
    """A holder's word, in the place of its earlier one. Those of the dead are cleared away."""
    set_meta(connection, LAST, word)
    set_meta(connection, OF_ONE + holder, word)
    for other in _words(connection):
        if not is_alive(other):
            _forget(connection, other)


def fall_silent(connection: Connection, holder: str) -> None:
    """The end of a holder: what it said is now the last word."""
    words = _words(connection)
    if holder in words:
        set_meta(connection, LAST, words[holder])
        _forget(connection, holder)


def heard(connection: Connection, is_alive: Callable[[str], bool]) -> Word:
    """The worst that the living say; where none of them has said anything, the last word of all."""
    living = [word for holder, word in _words(connection).items() if is_alive(holder)]
    if not living:
        last: Word = get_meta(connection, LAST)
        return last
    stopped = sorted((word for word in living if word is not None), key=lambda word: str(word["since"]))
    refused = (word for word in stopped if word["code"] == CREDENTIALS_REFUSED)
    return next(refused, next(iter(stopped), None))


def _words(connection: Connection) -> dict[str, Word]:
    rows = connection.execute(select(meta.c.name, meta.c.value).where(meta.c.name.startswith(OF_ONE)))
    return {name.removeprefix(OF_ONE): value for name, value in rows}


def _forget(connection: Connection, holder: str) -> None:
    connection.execute(delete(meta).where(meta.c.name == OF_ONE + holder))
