"""Files that arrive together, judged as a whole before the first of them is taken (`importer.core.brake`)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from importer.adapters.inbox import FoundFile
from importer.adapters.ledger import Sighting
from importer.clock import Clock
from importer.core.brake import UNUSUAL_BATCH, Batch, BrakePolicy, Understood
from importer.core.model import Document, State
from importer.examination import Examiner

TOGETHER = timedelta(hours=1).total_seconds()
"""Seconds for which newly found files still join the batch of the earlier ones."""


LARGEST = 100_000
"""Files of one batch at most; a longer backlog is several, so that their counts need not all be remembered."""


class Batches:
    """The batch that is arriving. One thread surveys what was found; any thread asks about its document."""

    def __init__(self, policy: BrakePolicy, examiner: Examiner, clock: Clock) -> None:
        self._policy = policy
        self._examiner = examiner
        self._clock = clock
        self._batch = self._begun()

    def use(self, policy: BrakePolicy, examiner: Examiner) -> None:
        """From now on, for what has arrived of the present batch too."""
        self._policy, self._examiner = policy, examiner
        self._batch = replace(self._batch, policy=policy)

    def survey(self, files: Sequence[FoundFile], *, is_idle: bool) -> None:
        """Counts files that were found and not taken yet.

        Args:
            files: newly found, and unknown to the ledger; of a backlog, the next few thousand.
            is_idle: nothing found earlier still waits to be taken: only then may another batch begin.
        """
        has_passed = is_idle and self._clock.steady() - self._since > TOGETHER
        if has_passed or self._batch.files + len(files) > LARGEST:
            self._batch = self._begun()
        self._batch = self._batch.joined_by(self._understood(files))

    def braked(self, candidate: Document) -> Document:
        """The candidate, `held` if it would go on and its batch is unusual."""
        if candidate.state is not State.PENDING or candidate.invoice_reference is None:
            return candidate
        doubt = self._batch.doubt(candidate.invoice_reference)
        if doubt is None or UNUSUAL_BATCH in candidate.accepted:
            return candidate
        return candidate.evolve(state=State.HELD, reason=doubt)

    def _begun(self) -> Batch:
        self._since = self._clock.steady()
        return Batch(f"{self._clock.now():B%Y%m%d-%H%M%S}", self._policy)

    def _understood(self, files: Sequence[FoundFile]) -> Iterator[Understood]:
        for file in files:
            understood = self._examiner.understand(file.relative)
            if understood is not None:
                yield understood


def sighting_of(file: FoundFile) -> Sighting:
    """The file as the ledger knows it."""
    signature = file.signature
    return Sighting(str(file.path), signature.size, signature.mtime_ns, signature.inode)
