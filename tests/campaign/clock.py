"""Time that passes only when it is told to: the importer's and the server's, which may disagree."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


class VirtualClock:
    """An `importer.clock.Clock` that costs nothing to wait for."""

    def __init__(self):
        self._elapsed = 0.0
        self._set_by = 0.0

    def now(self):
        """What the importer's machine shows."""
        return self.server_now() + timedelta(seconds=self._set_by)

    def steady(self):
        return self._elapsed

    def server_now(self):
        """The true time, which is also the server's."""
        return START + timedelta(seconds=self._elapsed)

    def advance(self, seconds):
        self._elapsed += max(0.0, seconds)

    def set_by(self, seconds):
        """Sets the importer's machine to another time of day; intervals go on as they were."""
        self._set_by = seconds

    def stop_for(self, seconds):
        """Time passes, and the machine's time of day stands still: nobody has told it."""
        self.advance(seconds)
        self._set_by -= seconds


class Story:
    """What happened, in order, for an engineer to read; also the importer's log."""

    def __init__(self, clock):
        self._clock = clock
        self.lines = []

    def tell(self, event, **fields):
        shown = " ".join(f"{name}={value}" for name, value in fields.items())
        self.lines.append(f"{self._clock.server_now():%d %H:%M:%S} {event} {shown}".rstrip())

    info = warning = error = tell

    def debug(self, event, **fields):
        """Too fine for a story."""
