"""The ledger for documents under way: what many of them want written at the same time is one commit."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from importer.adapters.ledger import Change, Ledger
from importer.relay import Crowd, Desk, Wait
from importer.stages import Measure, unmeasured

PATIENCE = 0.03
"""Seconds that a commit waits for further changes, while many are under way: some five times what a disk takes."""

T = TypeVar("T")


class Writer:
    """Writes changes of `Ledger.changes`, up to 64 with one wait for the disk."""

    def __init__(self, ledger: Ledger, measure: Measure = unmeasured) -> None:
        self._ledger = ledger
        self._measure = measure
        self.crowd = Crowd()
        """Who is under way, and may want something written."""
        self._desk: Desk[Change[Any], Any] = Desk("ledger", self._write, patience=PATIENCE, crowd=self.crowd)

    def written(self, change: Change[T]) -> Wait[T]:
        """When it is on disk: what it returns, or raises; LedgerError where it could not be committed."""
        return cast("Wait[T]", self._desk.done(change))

    def close(self) -> None:
        """Returns when all that was wanted is written."""
        self._desk.close()

    def _write(self, changes: Sequence[Change[Any]]) -> Sequence[Any]:
        with self._measure("commit"):
            return self._ledger.write_together(changes)
