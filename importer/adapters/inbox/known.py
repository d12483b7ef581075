"""What is remembered of a folder's files: sixteen bytes each, so that a million of them are no burden."""

import math
import os
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path

HANDED = math.inf
"""In place of the moment at which a file counts as complete: it was handed out already."""

UNVISITED = sys.maxsize
"""In place of the number of a look: the folder is newer than all of them."""

FORGOTTEN = 0
"""In place of a mark: the file is to be looked at as if it were new."""

NEARBY = 64
"""How many files further on a file is looked for before all of the folder is indexed: the others have left."""


def mark_of(name: str, status: os.stat_result) -> int:
    """A name and what shows that its file has changed (`importer.core.settle.Signature`), as 64 bits.

    Only for comparing with what the same process has seen in the same folder.
    """
    return hash((name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev))


class Records:
    """Marks of files, and when each is complete, in the order in which the folder lists them.

    That order hardly ever changes, so that a rescan compares each file with the next record and looks for nothing.
    """

    __slots__ = ("_places", "due", "marks")

    def __init__(self) -> None:
        self.marks = array("q")
        self.due = array("d")
        """Monotonic seconds, or `HANDED`."""
        self._places: array[int] | None = None  # made when it is asked for, a power of two long

    def __len__(self) -> int:
        return len(self.marks)

    def append(self, mark: int, due: float) -> None:
        self.marks.append(mark)
        self.due.append(due)
        if self._places is not None and self._is_roomy(self._places):
            self._index(len(self.marks) - 1, self._places)

    def extend(self, other: "Records", start: int, stop: int) -> None:
        """Takes over a run of another one's."""
        if start < stop:
            self.marks.extend(other.marks[start:stop])
            self.due.extend(other.due[start:stop])
            self._places = None

    def find(self, mark: int, near: int = 0) -> int:
        """The position of a mark, expected at `near` or soon after it; -1 when there is none."""
        marks = self.marks
        if near < len(marks) and marks[near] == mark:
            return near
        try:
            return marks.index(mark, near, near + NEARBY)
        except ValueError:
            return self._find_anywhere(mark)

    def _find_anywhere(self, mark: int) -> int:
        """By open addressing: a dictionary would take ten times the memory."""
        if not self.marks:
            return -1
        if self._places is None or not self._is_roomy(self._places):
            self._places = array("i", [-1]) * (2 << len(self.marks).bit_length())
            for position in range(len(self.marks)):
                self._index(position, self._places)
        marks, places = self.marks, self._places
        last = len(places) - 1
        slot = mark & last
        while (position := places[slot]) >= 0:
            if marks[position] == mark:
                return position
            slot = (slot + 1) & last
        return -1

    def _is_roomy(self, places: "array[int]") -> bool:
        """Whether the index has room for all marks; else it is made anew when it is asked for."""
        return len(places) >= len(self.marks) * 4 // 3

    def _index(self, position: int, places: "array[int]") -> None:
        last = len(places) - 1
        slot = self.marks[position] & last
        while places[slot] >= 0:
            slot = (slot + 1) & last
        places[slot] = position

    def drop_index(self) -> None:
        self._places = None


class KnownFolder:
    """One folder, and what is known of its files."""

    __slots__ = ("early", "handed", "names", "records", "root", "visit")

    def __init__(self, root: Path, names: Sequence[str] | None = None) -> None:
        self.root = root
        self.names = names
        """The files that count, where they were named one by one; None for all of the folder."""
        self.records = Records()
        self.handed = 0
        """Files that were handed out already."""
        self.visit = 0
        """The number of the last look that came here."""
        self.early: set[int] | None = None
        """While the first look is here: the marks that it need not add. What it has found can be handed out meanwhile,
        for it only adds to the records."""

    @property
    def waiting(self) -> int:
        """Files that were not handed out yet."""
        return len(self.records) - self.handed

    def replace(self, records: Records) -> None:
        self.records = records
        self.handed = records.due.count(HANDED)

    def add(self, mark: int, due: float) -> None:
        self.records.append(mark, due)
        self.handed += due == HANDED
        if self.early is not None:
            self.early.add(mark)

    def hand_out(self, position: int) -> None:
        self.handed += self.records.due[position] != HANDED
        self.records.due[position] = HANDED

    def forget(self, position: int) -> None:
        self.hand_out(position)
        self.records.marks[position] = FORGOTTEN
