"""Puts a settled document's file away: the receipt or the reason first, then the file beside it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from importer.adapters.archive import (
    ArchiveError,
    FileGone,
    NotDurable,
    Open,
    TargetTaken,
    keep_names,
    move,
    remove_sidecars,
    sync_all,
    write_reason,
    write_receipt,
)
from importer.adapters.ledger import Claim, Group, Ledger, Member
from importer.clock import Clock
from importer.core.model import Document, Receipt, State
from importer.core.naming import DoneFile

PATIENCE = 0.05
"""Seconds for which a file to be put away waits for others, while there are many: nothing else waits for it."""


class Archivist:
    """Knows what lies beside what. Every step may be repeated after a crash."""

    def __init__(
        self, ledger: Ledger, clock: Clock, log: FilteringBoundLogger, *, done_file: DoneFile | None = None
    ) -> None:
        self._ledger = ledger
        self._done_file = done_file
        self._clock = clock
        self._log = log
        # A wait for the disk takes as long for many files as for one.
        self._group: Group[Sequence[Open], None] = Group(_sync, patience=PATIENCE)

    def put_away(self, claim: Claim, content: bytes | None) -> Claim:
        """Writes the sidecar, moves the file, and tells the ledger; a fault is logged and tried again later.

        Args:
            claim: of a document with a target.
            content: its bytes, where they are at hand, in case somebody has put another file in its place.

        Raises:
            NotDurable: the disk could not say that it has the file; the importer must stop.
        """
        document = claim.document
        assert document.target is not None, "only documents with a target are put away"
        source, target = Path(document.location), Path(document.target)
        try:
            _write_sidecar(document, target, self._group.run)
            if document.in_place or source == target:
                keep_names(target, self._group.run)
            else:
                move(source, target, content=content, sha256=document.sha256, sync=self._group.run)
                remove_sidecars(source)
                self._remove_marker(source)
        except TargetTaken:
            # A stranger was faster with that name; the ledger promises another one.
            remove_sidecars(target, receipt=True)
            claim = self._ledger.record(claim, document.evolve(target=None), "file.name_taken", self._clock.now())
            return self.put_away(claim, content)
        except FileGone as error:
            self._log.error("file.lost", document=f"D{document.id}", message=str(error))
            return self._ledger.moved(claim, document.location, self._clock.now(), event="file.lost")
        except NotDurable:
            raise  # nobody knows what is on disk now; going on would only hide it
        except ArchiveError as error:
            self._log.error("file.not_put_away", document=f"D{document.id}", message=str(error))
            return claim
        location = document.location if document.in_place else document.target
        self._log.debug("file.put_away", document=f"D{document.id}", path=document.path, location=location)
        return self._ledger.moved(claim, location, self._clock.now())

    def _remove_marker(self, source: Path) -> None:
        """Left behind, it would release the next file of that name half written."""
        if self._done_file is not None:
            source.with_name(self._done_file.marker_of(source.name)).unlink(missing_ok=True)


def _sync(members: Sequence[Member[Sequence[Open], None]]) -> None:
    sync_all([opened for member in members for opened in member.wanted])


def _write_sidecar(document: Document, target: Path, sync: Callable[[Sequence[Open]], None]) -> None:
    if document.state is State.IMPORTED:
        write_receipt(target, receipt_of(document), sync)
    elif document.reason is not None:
        write_reason(target, document, sync)


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
