"""The brake: files that arrive together and look like a mistake of naming, or of rules, wait for one decision.

A rule that reads the same reference from every name, or an export whose names have changed, would otherwise put
hundreds of documents on the wrong voucher before anybody looks.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from importer.core.model import Reason

UNUSUAL_BATCH = "unusual_batch"
"""Of a document that came in an unusual batch; details name the `batch`, for one decision about all of it."""

FEWEST = 20
"""A share of fewer files says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakePolicy:
    """The section `[brake]`."""

    files_per_reference: int
    """More files than this for one invoice reference are unusual; 0: never."""
    fallback_share: float
    """A greater share of files that only a fallback rule understood is unusual; from 0 to 1, and 1: never."""

    @property
    def fewest(self) -> int:
        """Fewer files than this are never unusual."""
        return min(FEWEST, self.files_per_reference + 1) if self.files_per_reference else FEWEST


@dataclass(frozen=True, slots=True)
class Understood:
    """What the rules read from one file's name."""

    reference: str
    by_fallback: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that came together, and what is unusual about them."""

    name: str
    """How a person speaks of it."""
    policy: BrakePolicy
    files: int = 0
    guessed: int = 0
    """Files that only a fallback rule understood."""
    per_reference: Counter[str] = field(default_factory=Counter)

    def joined_by(self, files: Iterable[Understood]) -> "Batch":
        """The batch with more files in it."""
        joining = list(files)
        per_reference = self.per_reference.copy()
        per_reference.update(file.reference for file in joining)
        return Batch(
            self.name,
            self.policy,
            self.files + len(joining),
            self.guessed + sum(file.by_fallback for file in joining),
            per_reference,
        )

    def doubt(self, reference: str) -> Reason | None:
        """Why a file of this batch for that invoice reference must wait for a person; None when nothing is unusual."""
        count, limit = self.per_reference[reference], self.policy.files_per_reference
        if limit and count > limit:
            return self._reason(
                f"{count} files for invoice {reference} arrived together; more than {limit} are unusual",
                {"invoice_reference": reference, "files": count, "limit": limit},
            )
        if self.files >= FEWEST and self.guessed > self.policy.fallback_share * self.files:
            share = round(100 * self.policy.fallback_share)
            return self._reason(
                f"only a fallback rule understood {self.guessed} of {self.files} files that arrived together; more "
                f"than {share} % are unusual",
                {"files": self.files, "guessed": self.guessed},
            )
        return None

    def _reason(self, what: str, details: dict[str, str | int]) -> Reason:
        message = (
            f"This file waits, and with it the rest of its batch: {what}. Look whether names and rules are right, then "
            f"decide about all of them: `importer resolve --batch {self.name} --accept`, or `--dismiss`."
        )
        return Reason(UNUSUAL_BATCH, message, {"batch": self.name, **details})
