"""All templates at once: which of them fit a stem, without asking each one.

Templates that begin alike share the way as far as they are alike, so that a stem is gone through once for all of them.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from importer.core.rules.reading import Reading
from importer.core.rules.walk import Step


@dataclass(slots=True)
class _Place:
    """Behind some parts: what may follow them."""

    ways: list[tuple[Step, "_Place"]] = field(default_factory=list)
    """Each next part, and the place behind it."""
    complete: list[int] = field(default_factory=list)
    """The templates that are at their end here."""

    def behind(self, step: Step) -> "_Place":
        for other, place in self.ways:
            if other.goes_like(step):
                return place
        self.ways.append((step, _Place()))
        return self.ways[-1][1]

    def collect(self, reading: Reading, starts: Collection[int], fitting: list[int]) -> None:
        """Adds the templates that go on from these places of the stem to its end."""
        length = len(reading.stem)
        for step, place in self.ways:
            # Nearly always there is one start, and it is asked about without a detour.
            ends = step.ends(reading, *starts) if len(starts) == 1 else step.all_ends(reading, starts)
            if not ends:
                continue
            if place.complete and length in ends:
                fitting += place.complete
            # No part stands for nothing, so behind the end of the stem nothing can follow.
            if place.ways and min(ends) < length:
                place.collect(reading, ends, fitting)


class TemplateTree:
    """Templates by number, read once and asked for every name."""

    def __init__(self, templates: Iterable[tuple[int, Sequence[Step]]]) -> None:
        self._root = _Place()
        for number, steps in templates:
            place = self._root
            for step in steps:
                place = place.behind(step)
            place.complete.append(number)

    def fitting(self, reading: Reading) -> Sequence[int]:
        """The templates that go through the whole stem, strictly or not: no other one can match or be blocked."""
        fitting: list[int] = []
        self._root.collect(reading, (0,), fitting)
        return fitting
