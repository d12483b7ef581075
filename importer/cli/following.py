"""How far a backfill has come: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

import click

from importer.core.naming import shown
from importer.report import counted
from importer.service import Service

EVERY_BAR = 0.25
EVERY_LINE = 10.0
"""Seconds between two lines where there is no terminal."""


class Shown(Protocol):
    """Where it is shown."""

    every: float
    """Seconds."""

    def show(self, done: int, found: int, what: str) -> None: ...


class Lines:
    """Plain lines on standard error."""

    every = EVERY_LINE

    def show(self, done: int, found: int, what: str) -> None:
        click.echo(f"importer: {done} of {found} {what}", err=True)


class Bar:
    """With the log above it; gone at the end."""

    every = EVERY_BAR

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only on a terminal
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
        # Drawn when the main thread has time, not by a thread of its own.
        self.progress = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
        self._task = self.progress.add_task("looking", total=None)

    def show(self, done: int, found: int, what: str) -> None:
        self.progress.update(self._task, total=found, completed=done, description=what, refresh=True)


@contextmanager
def following(service: Service, *, is_terminal: bool) -> Iterator[None]:
    """Shows how far the service is, as long as the context lasts."""
    if not is_terminal:
        service.on_turn = _Follower(service, Lines())
        yield
        return
    bar = Bar()
    service.on_turn = follower = _Follower(service, bar)
    with bar.progress:
        yield
        follower.show()


class _Follower:
    """Looks at the service once in a while."""

    def __init__(self, service: Service, where: Shown) -> None:
        self._service = service
        self._where = where
        self._began = time.monotonic()
        self._next = self._began + where.every

    def __call__(self) -> float:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._where.every
            self.show()
        return self._next - now

    def show(self) -> None:
        done, left = len(self._service.touched), self._service.left
        what = self._what(done, left, time.monotonic() - self._began)
        self._where.show(done, done + left, what + _for_a_person(len(self._service.for_a_person)))

    def _what(self, done: int, left: int, seconds: float) -> str:
        if self._service.intake.looks == 0:
            return f"files found so far, {done / seconds:.1f}/s"  # how many there are is not known yet
        if left and not self._service.is_busy and not self._service.intake.has_files:
            names = self._service.intake.unsettled
            named = f", {shown(names[0])} among them" if names else ""
            return f"files; waiting for {counted(left, 'file')} to be complete{named}"
        if not left:
            return "files; waiting for what is tried again soon"
        rate = done / seconds
        return f"files, {rate:.1f}/s, {_until_done(left, rate)} to go" if done else "files"


def _for_a_person(number: int) -> str:
    return f", {number} need{'s' if number == 1 else ''} a person" if number else ""


def _until_done(left: int, rate: float) -> str:
    return str(timedelta(seconds=round(left / rate)))
