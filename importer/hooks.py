"""Calls the operator's programs for what has happened to documents, beside the work and never in its way.

What is to be called is read from the ledger, and how far the calls have come is kept there: a crash, a stop or a
program that fails loses none. Nothing that happens here ends the importer.
"""

import threading
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Self

from structlog.typing import FilteringBoundLogger

from importer.adapters.commands import Command, NotStarted
from importer.adapters.ledger import HookCalls, Ledger, LedgerError
from importer.adapters.processor import on_any_processor
from importer.clock import Clock
from importer.core.hooks import Call, Hook, Progress
from importer.core.model import Document
from importer.report import document_as_json, json_line

LOOK = 1.0
"""Seconds between two looks into the ledger."""

LAST_LOOK = 0.05
"""The same while the importer ends."""

PAUSE = 10.0
"""Seconds after which a program that could not be started, or a ledger that did not answer, is tried again."""

DRAIN = 10.0
"""Seconds that are left to the calls when the importer ends; what is not made by then, the next importer makes."""

END = 10.0
"""Seconds that a thread may take to end once its program was ended, or cannot be; it is waited for no longer."""

PUT_AWAY = timedelta(seconds=60)
"""For so long after the event, a call waits until the document's file has been put away."""

AHEAD = 1000
"""Events of no concern after which it is written down that they were passed."""


class HookThread:
    """The calls of one hook, one after the other."""

    def __init__(self, hook: Hook, command: Command, ledger: Ledger, clock: Clock, log: FilteringBoundLogger) -> None:
        self._hook = hook
        self._command = command
        self._ledger = ledger
        self._calls: HookCalls = ledger.hook_calls(hook, lease=timedelta(seconds=60) + command.timeout)
        self._clock = clock
        self._log = log
        self._failing: str | None = None
        self._is_through = False
        self._draining, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._go, name=f"hook {hook.value}", daemon=True)

    def begin(self) -> None:
        """From here on it is told of what happens. Raises LedgerError."""
        self._calls.begin()

    def start(self) -> None:
        self._thread.start()

    def drain(self) -> None:
        """What there is already is called, and then it ends."""
        self._draining.set()

    def stop(self, within: float) -> None:
        """What it is at after so many seconds is ended; returns then, or soon after if it cannot be."""
        self._thread.join(within)
        self.end()
        self._thread.join(END)

    def end(self) -> None:
        """At once: what it is at is called again by the next importer."""
        self._ended.set()
        self._draining.set()
        self._command.end()

    def _go(self) -> None:
        with on_any_processor():  # so may what it starts be
            self._go_on()

    def _go_on(self) -> None:
        while not self._ended.is_set():
            is_last = self._draining.is_set()  # before the look: what is seen by then is all that there is
            pause = self._survived()
            if is_last and self._is_through:
                return
            if is_last:
                self._ended.wait(min(pause, LAST_LOOK))
            else:
                self._draining.wait(pause)

    def _survived(self) -> float:
        try:
            return self._round()
        except LedgerError as error:
            self._tell(f"the ledger: {error}")
        except Exception as error:  # noqa: BLE001 - a fault of ours here must not end the imports
            self._tell(f"a fault of ours: {type(error).__name__}: {error}")
        self._is_through = True
        return PAUSE

    def _round(self) -> float:
        """What there is to be called now. Returns the seconds until another look is worthwhile."""
        progress = self._calls.progress()
        ahead = self._calls.ahead(progress)
        due = progress.due(ahead.new, self._clock.now())
        if not due:
            self._is_through = ahead.is_all
            if not ahead.new and ahead.horizon > progress.after + AHEAD and (taken := self._taken()):
                self._calls.leave(taken.beyond(ahead.horizon))
            return LOOK
        self._is_through = False
        if self._waits_for_file(due[0], self._ledger.get(due[0].document)):
            return LOOK
        if (taken := self._taken()) is None:
            self._is_through = True  # another importer calls
            return LOOK
        pause = self._called_all(taken)
        self._is_through = pause == PAUSE
        return pause

    def _taken(self) -> Progress | None:
        return self._calls.take(self._clock.now())

    def _called_all(self, progress: Progress) -> float:
        """Makes the calls that are due, up to the first one that has to wait."""
        pause = 0.0
        try:
            for call in progress.due(self._calls.ahead(progress).new, self._clock.now()):
                document = self._ledger.get(call.document)
                if self._waits_for_file(call, document):
                    return LOOK
                progress, pause = self._called(progress, call, document)
                if pause or self._ended.is_set():
                    break
        finally:
            self._calls.leave(progress)
        return pause

    def _called(self, progress: Progress, call: Call, document: Document | None) -> tuple[Progress, float]:
        """The progress after a call, and the seconds after which the next one is worthwhile."""
        if document is None or not self._hook.concerns(document):
            return progress.passed(call), 0.0
        variables = {"IMPORTER_HOOK": self._hook.value, "IMPORTER_HOOK_CALL": str(call.event)}
        try:
            failure = self._command.run(f"{json_line(document_as_json(document))}\n".encode(), variables)
        except NotStarted as error:
            if self._ended.is_set():
                return progress, PAUSE
            self._tell(str(error))
            return progress.broken(str(error)), PAUSE
        if self._ended.is_set() and failure is not None:
            return progress, PAUSE  # perhaps by us
        now = self._clock.now()
        after = progress.failed(call, failure, now) if failure else progress.passed(call).working()
        self._tell(failure)
        self._calls.keep(after, now, given_up=call.document if after.given_up > progress.given_up else None)
        return after, 0.0

    def _waits_for_file(self, call: Call, document: Document | None) -> bool:
        """A program may want the file: it is called when that lies where it is to stay, if that does not take long."""
        if document is None or document.target is None or not self._hook.concerns(document):
            return False
        return abs(self._clock.now() - call.at) < PUT_AWAY  # another host's clock may be ahead, but not by much

    def _tell(self, failure: str | None) -> None:
        """One line a change, not one a call."""
        if failure is not None and self._failing is None:
            self._log.warning("hook.failing", hook=self._hook.value, message=failure)
        elif failure is None and self._failing is not None:
            self._log.info("hook.works", hook=self._hook.value)
        self._failing = failure


class Hooks:
    """Those that are set, at work as long as the context lasts, and a little longer."""

    def __init__(
        self, commands: Mapping[Hook, Command], ledger: Ledger, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._threads = [HookThread(hook, command, ledger, clock, log) for hook, command in commands.items()]
        self._steady = clock.steady
        self.patience = DRAIN
        """Seconds that are left to the calls at the end."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.begin()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end = self._steady() + (self.patience if kind is None else 0.0)
        for thread in self._threads:
            thread.drain()
        for thread in self._threads:
            thread.stop(max(0.0, end - self._steady()))

    def end(self) -> None:
        """At once; from any thread."""
        self.patience = 0.0
        for thread in self._threads:
            thread.end()
