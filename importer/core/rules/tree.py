"""All templates at once: which of them fit a stem, without asking each one.

Templates that begin alike share the way as far as they are alike, so that a stem is gone through once for all of them.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from importer.core.rules.reading import Reading
from importer.core.rules.walk import Step


@dataclass(slots=True)
class _Branch:
    """What may follow the parts before it."""

    step: Step
    complete: list[int] = field(default_factory=list)
    """The templates of which this is the last part."""
    branches: list["_Branch"] = field(default_factory=list)

    def collect(self, reading: Reading, starts: Collection[int], fitting: list[int]) -> None:
        """Adds the templates that go on from these places to the end of the stem."""
        # Nearly always there is one place, and it is asked about without a detour.
        ends = self.step.ends(reading, *starts) if len(starts) == 1 else self.step.all_ends(reading, starts)
        if not ends:
            return
        length = len(reading.stem)
        if self.complete and length in ends:
            fitting += self.complete
        # No part stands for nothing, so behind the end of the stem nothing can follow.
        if self.branches and min(ends) < length:
            for branch in self.branches:
                branch.collect(reading, ends, fitting)


class TemplateTree:
    """Templates by number, read once and asked for every name."""

    def __init__(self, templates: Iterable[tuple[int, Sequence[Step]]]) -> None:
        self._branches: list[_Branch] = []
        for number, steps in templates:
            self._add(number, steps)

    def _add(self, number: int, steps: Sequence[Step]) -> None:
        branches, complete = self._branches, list[int]()
        for step in steps:
            branch = next((branch for branch in branches if branch.step.goes_like(step)), None)
            if branch is None:
                branch = _Branch(step)
                branches.append(branch)
            branches, complete = branch.branches, branch.complete
        complete.append(number)

    def fitting(self, reading: Reading) -> Sequence[int]:
        """The templates that go through the whole stem, strictly or not: no other one can match or be blocked."""
        fitting: list[int] = []
        for branch in self._branches:
            branch.collect(reading, (0,), fitting)
        return fitting
