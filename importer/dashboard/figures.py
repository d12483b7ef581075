"""What the charts show, hour by hour: how much came and was imported, and the age of the oldest unfinished document."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from importer.adapters.ledger import Ending, LedgerReader
from importer.core.model import State

HOURS = 24
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Span:
    """One hour; the last one is not over yet."""

    begins: datetime
    arrived: int
    imported: int
    oldest: timedelta
    """The age of the oldest unfinished document at its end; 0 where there was none."""


def take_figures(ledger: LedgerReader, now: datetime) -> list[Span]:
    """The last day, the oldest hour first. Raises: LedgerError: the ledger does not answer."""
    since = _full_hour(now) - (HOURS - 1) * HOUR
    arrivals = [at for *_, at in ledger.arrivals(since=since)]
    endings = list(ledger.endings(since=since))
    oldest = ledger.oldest_unfinished()
    return spans(now, arrivals, endings, oldest.first_seen_at if oldest else None)


def spans(
    now: datetime, arrivals: Iterable[datetime], endings: Iterable[Ending], unfinished: datetime | None
) -> list[Span]:
    """Counts.

    Args:
        now: the end of the last hour.
        arrivals: when documents were first seen.
        endings: documents that came to their end.
        unfinished: when the oldest of those was first seen that have no end yet.
    """
    first = _full_hour(now) - (HOURS - 1) * HOUR
    begins = [first + hour * HOUR for hour in range(HOURS)]
    ended = list(endings)
    arrived = _per_hour(arrivals, first)
    imported = _per_hour((ending.at for ending in ended if ending.state is State.IMPORTED), first)
    lives = [(ending.first_seen_at, ending.at) for ending in ended]
    lives += [(unfinished, now + HOUR)] if unfinished else []
    return [
        Span(begin, arrived[hour], imported[hour], _oldest(lives, min(begin + HOUR, now)))
        for hour, begin in enumerate(begins)
    ]


def _per_hour(moments: Iterable[datetime], first: datetime) -> list[int]:
    counts = [0] * HOURS
    for moment in moments:
        hour = (moment - first) // HOUR
        if 0 <= hour < HOURS:
            counts[hour] += 1
    return counts


def _oldest(lives: Iterable[tuple[datetime, datetime]], at: datetime) -> timedelta:
    """The greatest age among the documents that were known and unfinished at that moment."""
    return max((at - began for began, ended in lives if began <= at < ended), default=timedelta(0))


def _full_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
