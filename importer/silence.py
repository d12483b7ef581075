"""Sources that should have delivered by a set time and did not (`importer.core.silence`), as the ledger shows them."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from importer.adapters.ledger import LedgerReader
from importer.core.model import Kind
from importer.core.rules.folder import FolderGlob
from importer.core.rules.text import FileName
from importer.core.silence import Timetable, last_turn, silent_since

OVERLAP = 256
"""Documents that are looked at once more: of two that come at the same time, the later id may be seen first."""


class Source(Protocol):
    """Where something should come from (`importer.config.settings.Expected`)."""

    @property
    def name(self) -> str: ...
    @property
    def folder(self) -> FolderGlob | None: ...
    @property
    def kind(self) -> Kind | None: ...
    @property
    def timetable(self) -> Timetable: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of one source."""

    name: str
    expected_by: datetime | None
    """The deadline that has passed without a delivery; None when all is well."""
    last: datetime | None
    """Its last delivery, as far as that was looked for: to the begin of the day in question."""


class Ear:
    """Listens for deliveries. Asked again, it looks only at what has come since.

    A delivery is any document that was first seen there, whatever has become of it.
    """

    def __init__(self, sources: Sequence[Source], ledger: LedgerReader, zone: tzinfo) -> None:
        self._sources = sources
        self._ledger = ledger
        self._zone = zone
        self._last: dict[str, datetime] = {}
        self._heard_to = 0
        """The greatest id that was looked at."""

    def listen(self, now: datetime) -> list[Heard]:
        """Every source as it stands now.

        Raises:
            LedgerError: the ledger does not answer.
        """
        if self._sources:
            self._catch_up(min(last_turn(source.timetable, now, self._zone).begin for source in self._sources))
        return [self._heard(source, now) for source in self._sources]

    def _catch_up(self, since: datetime) -> None:
        """The latest delivery of each source, if there is one since then that was not looked at before."""
        missing, heard_to = list(self._sources), self._heard_to
        asked: set[tuple[str, str | None]] = set()
        with closing(self._ledger.arrivals(since=since, after=self._heard_to - OVERLAP)) as arrivals:
            for document_id, path, kind, at in arrivals:
                heard_to = max(heard_to, document_id)
                place = path.rpartition("/")[0], kind
                if place in asked:
                    continue  # a million files lie in few folders
                asked.add(place)
                for source in [each for each in missing if _comes_from(each, *place)]:
                    self._last[source.name] = max(at, self._last.get(source.name, at))
                    missing.remove(source)
                if not missing:
                    break
        self._heard_to = heard_to

    def _heard(self, source: Source, now: datetime) -> Heard:
        last = self._last.get(source.name)
        return Heard(source.name, silent_since(source.timetable, last, now, self._zone), last)


def _comes_from(source: Source, folder: str, kind: str | None) -> bool:
    if source.kind is not None and source.kind != kind:
        return False
    return source.folder is None or source.folder.matches(FileName.parse(f"{folder}/").folder)
