"""Puts a settled document's file away: the receipt or the reason first, then the file beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from importer.adapters.archive import (
    Act,
    ArchiveError,
    FileGone,
    NotDurable,
    TargetTaken,
    keep_names,
    move,
    remove_sidecars,
    together,
    write_reason,
    write_receipt,
)
from importer.adapters.ledger import Claim, Ledger, Move
from importer.clock import Clock
from importer.core.model import Document, Receipt, State
from importer.core.naming import DoneFile
from importer.relay import Desk
from importer.stages import Measure, unmeasured
from importer.writing import Writer

PATIENCE = 0.1
"""Seconds for which a file to be put away waits for others, while there are many: nothing else waits for it."""


@dataclass(frozen=True, slots=True)
class _Settled:
    """A document whose file is to be put away."""

    claim: Claim
    content: bytes | None


class Archivist:
    """Knows what lies beside what. Every step may be repeated after a crash.

    A wait for the disk takes as long for many files as for one, so the steps are done for all who wait, with one wait
    after each step.
    """

    def __init__(
        self,
        ledger: Ledger,
        writer: Writer,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        done_file: DoneFile | None = None,
        measure: Measure = unmeasured,
    ) -> None:
        self._ledger = ledger
        self._writer = writer
        self._done_file = done_file
        self._clock = clock
        self._log = log
        self._measure = measure
        self._desk: Desk[_Settled, Move | Claim] = Desk("archivist", self._moved, patience=PATIENCE, crowd=writer.crowd)

    def close(self) -> None:
        """Returns when every file that was to be put away has been, as far as it goes."""
        self._desk.close()

    async def put_away(self, claim: Claim, content: bytes | None) -> Claim:
        """Writes the sidecar, moves the file, and tells the ledger; a fault is logged and tried again later.

        Args:
            claim: of a document with a target.
            content: its bytes, where they are at hand, in case somebody has put another file in its place.

        Raises:
            ClaimLost: another importer has taken the document over.
            NotDurable: the disk could not say that it has the file; the importer must stop.
        """
        outcome = await self._desk.done(_Settled(claim, content))
        if isinstance(outcome, Claim):
            return outcome
        return await self._writer.written(self._ledger.changes.settle(outcome, self._clock.now()))

    def _moved(self, wanted: Sequence[_Settled]) -> Sequence[Move | Claim | BaseException]:
        """Each of them, as far as it gets; NotDurable, raised by the wait for all, concerns all."""
        with self._measure("move files"):
            return together([self._moving(each.claim, each.content) for each in wanted])

    def _moving(self, claim: Claim, content: bytes | None) -> Act[Move | Claim]:
        """The acts on the disk: what the ledger is to be told, or the claim as it is where that is nothing."""
        document = claim.document
        assert document.target is not None, "only documents with a target are put away"
        source, target = Path(document.location), Path(document.target)
        try:
            yield from _sidecar(document, target)
            if document.in_place or source == target:
                yield from keep_names(target)
            else:
                yield from move(source, target, content=content, sha256=document.sha256)
                remove_sidecars(source)
                self._remove_marker(source)
        except TargetTaken:
            # A stranger was faster with that name; the ledger promises another one.
            remove_sidecars(target, receipt=True)
            renamed = document.evolve(target=None)
            change = self._ledger.changes.record(claim, renamed, "file.name_taken", self._clock.now())
            claim = self._ledger.write(change)
            return (yield from self._moving(claim, content))
        except FileGone as error:
            self._log.error("file.lost", document=f"D{document.id}", message=str(error))
            return Move(claim, document.location, "file.lost")
        except NotDurable:
            raise  # nobody knows what is on disk now; going on would only hide it
        except ArchiveError as error:
            self._log.error("file.not_put_away", document=f"D{document.id}", message=str(error))
            return claim
        location = document.location if document.in_place else document.target
        self._log.debug("file.put_away", document=f"D{document.id}", path=document.path, location=location)
        return Move(claim, location)

    def _remove_marker(self, source: Path) -> None:
        """Left behind, it would release the next file of that name half written."""
        if self._done_file is not None:
            source.with_name(self._done_file.marker_of(source.name)).unlink(missing_ok=True)


def _sidecar(document: Document, target: Path) -> Act[None]:
    if document.state is State.IMPORTED:
        yield from write_receipt(target, receipt_of(document))
    elif document.reason is not None:
        yield from write_reason(target, document)


def receipt_of(document: Document) -> Receipt:
    """What is kept beside the archived file."""
    assert document.invoice_reference is not None, "an imported document has a reference"
    assert document.kind is not None, "an imported document has a kind"
    assert document.references is not None, "an imported document has its references"
    assert document.imported_at is not None, "an imported document has its time"
    return Receipt(
        document_id=document.id,
        account=document.account,
        sha256=document.sha256,
        size=document.size,
        path=document.path,
        filename=document.filename,
        invoice_reference=document.invoice_reference,
        kind=document.kind,
        label=document.label,
        rule=document.rule,
        generation=document.key.generation,
        references=document.references,
        first_seen_at=document.first_seen_at,
        imported_at=document.imported_at,
    )
