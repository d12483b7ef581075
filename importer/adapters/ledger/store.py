"""What a kind of database does in its own way; everything else is `database.Database`'s."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from importer.adapters.ledger.errors import LedgerError
from importer.adapters.ledger.postgres_news import Listener


class Keeper(Protocol):
    """This process's name on its claims, for as long as it works with the ledger."""

    @property
    def name(self) -> str: ...

    def is_alive(self, name: str) -> bool:
        """Whether the holder of that name may still be at work."""
        ...

    def __exit__(self, *_: object) -> None: ...


class Store(Protocol):
    """A kind of database."""

    @property
    def name(self) -> str:
        """The ledger in messages; without a password."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether importers on other hosts may work with it."""
        ...

    @property
    def refused(self) -> Any:
        """Whether any importer that shares the ledger has found the credentials refused, as of the last transaction."""
        ...

    def connected(self, *, writes: bool) -> AbstractContextManager[Connection]:
        """A connection in a transaction: one consistent view, or, when it writes, on disk at the end of the block."""
        ...

    def lock_schema(self, connection: Connection) -> None:
        """Nobody else makes or changes tables until the end of the transaction."""
        ...

    def insist(self, act: Callable[[], None]) -> None:
        """Does what may be done again where it has surely left nothing behind, as often as that is sensible."""
        ...

    def translated(self, error: SQLAlchemyError) -> LedgerError:
        """An error in an operator's words."""
        ...

    def is_lasting(self, error: SQLAlchemyError) -> bool:
        """Whether nothing more may be written after this error."""
        ...

    def concerns_one(self, error: DBAPIError) -> bool:
        """Whether it is about one change only; the transaction can go on without it."""
        ...

    def was_overtaken(self, error: DBAPIError) -> bool:
        """Whether the change, made again, would see what stood in its way."""
        ...

    def holder(self) -> Keeper:
        """Signs this process up.

        Raises:
            LedgerError: that cannot be done.
        """
        ...

    def lives(self, name: str) -> bool:
        """Whether the holder of that name may still be at work, for somebody who only asks."""
        ...

    def listener(self, name: str) -> Listener | None:
        """Whoever hears what other importers tell all that share the ledger; None where nobody does.

        Args:
            name: our own holder's.
        """
        ...

    def ask_line(self) -> None:
        """Brings `refused` up to date."""
        ...

    def close(self) -> None: ...
