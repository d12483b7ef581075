"""Drops files while a real `importer run` works against a faulty sandbox, kills it often, and looks at the end."""

import itertools
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.supervisor.scene import Scene
from tests.world import World, sandbox

SETTINGS = {
    "IMPORTER_INBOX__SETTLE": "50ms",
    "IMPORTER_INBOX__RESCAN": "1s",
    "IMPORTER_SCHEDULE__BACKOFF": "100ms..500ms",
    "IMPORTER_SCHEDULE__WAITING": "100ms..500ms",
    "IMPORTER_API__READBACK_GRACE": "2s",
    "IMPORTER_API__TIMEOUT": "5s",
    "IMPORTER_API__CONNECT_TIMEOUT": "2s",
    "IMPORTER_API__CONCURRENCY": "4",
}
"""Short, so that the read-backs and the next generations happen within the campaign."""

LONGEST_START = 10.0
"""Seconds until the first request, the probe of the line."""
LONGEST_WAIT = 1.0
"""Seconds for the further requests that a blow waits for: a life may have nothing more to ask."""
LONGEST_END = "60s"


class Outcome(Enum):
    """How a life ended."""

    KILLED = "killed"
    DRAINED = "drained"
    BY_ITSELF = "by itself"


@dataclass
class Result:
    """What a campaign was, and what is wrong at its end."""

    kills: int
    lives: int
    stops: int
    documents: int
    effects: int
    faults: int
    states: dict
    violations: list = field(default_factory=list)


class Supervisor(Scene):
    """One schedule, played with real processes in real time."""

    def __init__(self, schedule, folder, *, report=lambda _: None):
        super().__init__(schedule, Path(folder))
        self._report = report
        self._outcomes, self._stops = [], 0

    def play(self):
        """Every life, then the faults are switched off and it may finish. Returns what is wrong."""
        behaviour = {"seed": self._schedule.seed, "readback_lag": self._schedule.lag}
        with sandbox(**behaviour) as self._sandbox:
            self._world = World(self._folder / "importer", self._sandbox)
            self._world.environ |= SETTINGS
            for number, played in enumerate(self._schedule.rounds):
                self._live(number, played)
                self._report(number + 1)
            self._finish()
            return self._result()

    # ------------------------------------------------------------ one life

    def _live(self, number, played):
        self._sandbox.clear()
        for fault, when in played.faults:
            self._sandbox.fail(fault, **when)
        for drop in played.before:
            self._drop(drop)
        with self._log(number).open("wb") as log:
            command = self._world.command("--log-format", "json", "--log-level", "debug", "run")
            process = subprocess.Popen(command, stderr=log, env=self._world.full_environ)
            try:
                self._strike_all(process, played)
            finally:
                process.kill()
                process.wait()
        self._outcomes.append(self._ended(number, process.returncode, played))

    def _strike_all(self, process, played):
        seen = len(self._sandbox.requests)
        for blow in played.blows:
            self._await(process, blow, seen)
            for drop in played.during if blow is played.blows[-1] else ():
                self._drop(drop)
            if process.poll() is not None:
                return
            process.send_signal(signal.Signals[f"SIG{blow.signal}"])
            if blow.signal == "STOP":
                self._stops += 1
                self._sandbox.wait_until(lambda: False, 0.5)
                process.send_signal(signal.SIGCONT)
        process.wait(60)

    def _await(self, process, blow, seen):
        ended = threading.Event()
        if blow.after_start is not None:
            ended.wait(blow.after_start)
        else:
            requests = self._sandbox._state.store.requests
            self._sandbox.wait_until(lambda: len(requests) > seen, LONGEST_START)
            self._sandbox.wait_until(lambda: len(requests) >= seen + blow.request, LONGEST_WAIT)
            ended.wait(blow.pause)

    def _ended(self, number, code, played):
        if code == -signal.SIGKILL:
            return Outcome.KILLED
        if code in (0, -signal.SIGTERM) and played.blows[-1].signal == "TERM":
            return Outcome.DRAINED  # before its handlers stand, SIGTERM ends it like any other process
        self._violations.append(f"life {number} ended by itself with {code}: {self._log(number).read_text()[-2000:]}")
        return Outcome.BY_ITSELF

    def _log(self, number):
        folder = self._folder / "lives"
        folder.mkdir(exist_ok=True)
        return folder / f"{number}.log"

    # ------------------------------------------------------------ the end

    def _finish(self):
        self._sandbox.clear()
        self._sandbox.release()
        for verb in (("backfill", "--wait", LONGEST_END), ("ledger", "verify")):
            done = self._world.importer(*verb)
            if done.returncode not in (0, 3):
                told = f"{done.stdout[-1000:]}{done.stderr[-2000:]}"
                self._violations.append(f"{' '.join(verb)} ended with {done.returncode}: {told}")

    def _result(self):
        told = self._world.documents()
        states = {state: len(list(rows)) for state, rows in itertools.groupby(sorted(d["state"] for d in told))}
        return Result(
            kills=self._outcomes.count(Outcome.KILLED),
            lives=len(self._outcomes) + 1,
            stops=self._stops,
            documents=len(self._dropped),
            effects=len(self._sandbox.effects),
            faults=sum(request.fault != "none" for request in self._sandbox.requests),
            states=states,
            violations=[*self._violations, *self._checked(), *self._traces()],
        )
