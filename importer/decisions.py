"""A person's decision about a document, recorded with a name; `importer.resolving` knows what it comes to."""

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from importer.adapters.ledger import Claim, Ledger
from importer.archiving import Archivist
from importer.clock import SystemClock
from importer.core.lifecycle import Now, Policy
from importer.core.model import Document
from importer.recovery import recover
from importer.relay import complete

Decide = Callable[[Document, datetime], Document | str]
"""The changed document, or why the decision does not fit. Called under the claim, so that nothing changes meanwhile."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of it."""

    document: Document
    refusal: str | None = None


def person() -> str:
    """The operator's name, as the system knows it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "unknown"


class Decisions:
    """Records what a person decides: alone with the document, and with its file where it then belongs."""

    def __init__(self, ledger: Ledger, archivist: Archivist, policy: Policy) -> None:
        self._ledger = ledger
        self._archivist = archivist
        # Nobody else may be there to clear up after an importer that died.
        recover(ledger, Now(SystemClock().now(), None), policy)

    def record(
        self, document: Document, event: str, decide: Decide, note: str = "", *, actor: str | None = None
    ) -> Decided:
        """Claims the document, so that no upload runs beside it, records the decision, and moves the file.

        Args:
            document: as it was last seen; it is looked at anew under the claim.
            event: what the trail calls the decision.
            decide: what it comes to.
            note: kept with it.
            actor: who decides; None: whoever runs this process.
        """
        claim = self._claim(document)
        if claim is None:
            return Decided(document, f"D{document.id} is being worked on at this moment; try again")
        try:
            if claim.document.target is not None:
                return Decided(document, f"the file of D{document.id} cannot be moved; see the log, then try again")
            return self._record(claim, event, decide, note, actor or person())
        finally:
            self._ledger.write(self._ledger.changes.release(claim))

    def _claim(self, document: Document) -> Claim | None:
        """A move that was begun is finished first: the decision may send the file elsewhere."""
        claim = self._claimed(document)
        if claim is not None and claim.document.target is not None:
            put_away = complete(self._archivist.put_away(claim, None))
            self._ledger.write(self._ledger.changes.release(put_away))
            claim = self._claimed(document)
        return claim

    def _claimed(self, document: Document) -> Claim | None:
        return self._ledger.write(self._ledger.changes.claim_for_person(document.id, _now()))

    def _record(self, claim: Claim, event: str, decide: Decide, note: str, actor: str) -> Decided:
        changed = decide(claim.document, _now())
        if isinstance(changed, str):
            return Decided(claim.document, changed)
        data = {"note": note} if note else None
        change = self._ledger.changes.record(claim, changed, event, _now(), actor=actor, data=data)
        claim = self._ledger.write(change)
        if claim.document.target is not None:
            claim = complete(self._archivist.put_away(claim, None))
        return Decided(claim.document)


def _now() -> datetime:
    return SystemClock().now()
