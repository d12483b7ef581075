"""Several real `importer run` over one inbox and one ledger on PostgreSQL, struck again and again; looks at the end."""

import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from importer.adapters.ledger import back_up
from importer.sandbox.server import Server as SandboxServer
from tests.campaign.checker import ON_ITS_WAY
from tests.supervisor.scene import Scene
from tests.world import World, sandbox

SETTINGS = {
    "IMPORTER_INBOX__SETTLE": "50ms",
    "IMPORTER_INBOX__RESCAN": "1s",
    "IMPORTER_SCHEDULE__BACKOFF": "100ms..500ms",
    "IMPORTER_SCHEDULE__WAITING": "100ms..500ms",
    "IMPORTER_API__READBACK_GRACE": "2s",
    "IMPORTER_API__TIMEOUT": "2s",
    "IMPORTER_API__CONNECT_TIMEOUT": "1s",
    "IMPORTER_API__CONCURRENCY": "4",
}
"""Short, so that leases (2 x timeout + 5 s), read-backs and next generations end within the campaign."""

LONGEST_START = 30.0
"""Seconds until the first request, the probe of a line."""
LONGEST_WAIT = 2.0
"""Seconds for the further requests that a blow waits for: there may be nothing more to ask."""
LONGEST_END = 300.0
"""Seconds: a transaction that sleeps keeps its locks until the server ends it, half a minute later."""
UNFINISHED = f"""
    SELECT count(*) FROM documents
    WHERE state IN ({", ".join(f"'{state}'" for state in sorted(ON_ITS_WAY))}) OR target IS NOT NULL
       OR claim_token IS NOT NULL
"""
OVERRULED = """
    SELECT later.document_id, later.name FROM events AS later
    JOIN events AS first ON first.document_id = later.document_id AND first.name = 'document.imported'
    WHERE later.id > first.id AND (later.name LIKE 'document.%' OR later.name LIKE 'upload.%')
"""
"""What was recorded of a document after its import, by whom else than an importer that had lost it?"""


@dataclass
class Result:
    """What one seed came to."""

    seed: int
    members: int
    documents: int
    effects: int
    counts: Counter = field(default_factory=Counter)
    """Blows by kind, and what the logs tell of their consequences."""
    violations: list = field(default_factory=list)


class Member:
    """One host's importer: it is started again whenever it has ended, as systemd does it."""

    def __init__(self, number, host, world, ledger, logs):
        self._number, self._host, self._logs = number, host, logs
        self._command = world.command("--log-format", "json", "--log-level", "debug", "run")[3:]
        self._environ = world.full_environ | {"IMPORTER_LEDGER__URL": host.url_of(ledger)}
        self._lives = 0
        self._child = None
        self._awaited = None
        self.is_suspended = False

    def start(self):
        self._lives += 1
        self._awaited = None
        with self._log.open("wb") as log:
            self._child = self._host.nursery.start(self._command, self._environ, log)

    @property
    def _log(self):
        return self._logs / f"{self._number}-{self._lives}.log"

    def look_after(self):
        """Starts it again when it is gone. Returns what is wrong with that, if anything."""
        code = self._child.poll()
        if code is None:
            return None
        told, awaited = self._log.read_text(errors="replace"), self._awaited
        self.start()
        # A signal may find it before its handlers stand; and a server that is not there ends it while it starts.
        was_awaited = awaited is not None and code in (0, -awaited)
        cannot_start = code == 1 and "watch.started" not in told
        return None if was_awaited or cannot_start else f"it ended by itself with {code}: {told[-2000:]}"

    def signal(self, number):
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._awaited = number
        self.is_suspended = number == signal.SIGSTOP
        self._child.send_signal(number)

    def stop(self):
        """SIGTERM; returns what is wrong."""
        self._child.send_signal(signal.SIGCONT)
        self._child.send_signal(signal.SIGTERM)
        try:
            code = self._child.wait(60)
        except TimeoutError:
            return f"it does not stop: {self._log.read_text()[-2000:]}"
        # Started just now, it has no handlers yet.
        return (
            None if code in (0, -signal.SIGTERM) else f"stopped, it ended with {code}: {self._log.read_text()[-2000:]}"
        )

    def kill(self):
        if self._child:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait(60)


class Fleet(Scene):
    """One schedule, played with real processes in real time.

    Args:
        place: the server and the hosts (`bench.Place`).
    """

    def __init__(self, schedule, folder, place):
        super().__init__(schedule, folder)
        self._place = place
        self._hosts = place.hosts[: schedule.members]
        self._counts = Counter()
        self._timers = []

    def play(self):
        """Every blow, then the faults are switched off and it may finish. Returns what is wrong."""
        schedule = self._schedule
        self._ledger = self._place.server.database_of(self._place.server.new_url())
        logs = self._folder / "lives"
        logs.mkdir()
        with ExitStack() as stack:
            self._sandbox = stack.enter_context(sandbox(seed=schedule.seed, readback_lag=schedule.lag))
            self._world = World(self._folder / "importer", self._sandbox)
            self._world.environ |= SETTINGS
            (self._world.folder / "var").mkdir(exist_ok=True)
            for host in self._hosts:
                stack.enter_context(_also_there(self._sandbox, host))
            for fault, when in schedule.faults:
                self._sandbox.fail(fault, **when)
            self._members = [Member(n, host, self._world, self._ledger, logs) for n, host in enumerate(self._hosts)]
            stack.callback(self._end)
            for drop in schedule.drops:
                self._drop(drop)
            for member in self._members:
                member.start()
            requests = self._sandbox._state.store.requests
            self._sandbox.wait_until(lambda: bool(requests), LONGEST_START)
            for blow in schedule.blows:
                self._strike(blow)
            settled = self._finish()
            return self._result(settled=settled)

    def _end(self):
        for timer in self._timers:
            timer.cancel()
        for host in self._hosts:
            host.reconnect()
        for member in self._members:
            member.kill()

    def _look_after_all(self):
        for number, member in enumerate(self._members):
            if wrong := member.look_after():
                self._violations.append(f"importer {number}: {wrong}")

    # ------------------------------------------------------------ blows

    def _strike(self, blow):
        requests = self._sandbox._state.store.requests
        seen = len(requests)
        for drop in blow.drops:
            self._drop(drop)
        self._sandbox.wait_until(lambda: len(requests) >= seen + blow.request, LONGEST_WAIT)
        threading.Event().wait(blow.pause)
        self._look_after_all()
        member, host = self._members[blow.whom], self._hosts[blow.whom]
        is_long = blow.lasts > 5 and blow.kind in ("stop", "cut off")
        self._counts[f"{blow.kind}, past the lease" if is_long else blow.kind] += 1
        match blow.kind:
            case "kill":
                member.signal(signal.SIGKILL)
            case "term" if not member.is_suspended:
                member.signal(signal.SIGTERM)
            case "stop":
                member.signal(signal.SIGSTOP)
                self._later(blow.lasts, lambda: member.signal(signal.SIGCONT))
            case "cut off":
                host.cut_off()
                self._later(blow.lasts, host.reconnect)
            case "end connections":
                self._place.server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'importer%'"
                )
            case "crash server" | "restart server":
                self._place.server.stop(signal.SIGQUIT if blow.kind == "crash server" else signal.SIGINT)
                threading.Event().wait(min(blow.lasts, 1.0))
                self._place.server.start()

    def _later(self, seconds, act):
        timer = threading.Timer(seconds, act)
        timer.start()
        self._timers.append(timer)

    # ------------------------------------------------------------ the end

    def _finish(self):
        """Returns whether everything came to rest."""
        for timer in self._timers:
            timer.join()
        self._sandbox.clear()
        self._sandbox.release()
        settled = self._comes_to_rest(time.monotonic() + LONGEST_END)
        for number, member in enumerate(self._members):
            if wrong := member.stop():
                self._violations.append(f"importer {number}: {wrong}")
        return settled

    def _comes_to_rest(self, deadline):
        while time.monotonic() < deadline:
            self._look_after_all()
            files = any(path.is_file() for path in self._world.inbox.rglob("*"))
            if not files and self._place.server.execute(UNFINISHED, self._ledger) == [(0,)]:
                return True
            threading.Event().wait(0.1)
        return False

    def _overruled(self):
        """Nobody records anything over the word of whoever has taken his document over, and imported it."""
        for document, name in self._place.server.execute(OVERRULED, self._ledger):
            yield f"I3 D{document} was imported, and {name} recorded after that"

    def _result(self, *, settled):
        back_up(self._place.server.url_of(self._ledger), self._world.folder / "var" / "ledger.db")
        for log in (self._folder / "lives").iterdir():
            told = log.read_text(errors="replace")
            for event in ("claim.lost", "document.interrupted", "ledger.unavailable"):
                self._counts[event] += told.count(f'"event":"{event}"') + told.count(f'"event": "{event}"')
        self._counts["faults of the API"] += sum(request.fault != "none" for request in self._sandbox.requests)
        return Result(
            seed=self._schedule.seed,
            members=self._schedule.members,
            documents=len(self._dropped),
            effects=len(self._sandbox.effects),
            counts=+self._counts,
            violations=[*self._violations, *self._checked(settled=settled), *self._overruled(), *self._traces()],
        )


def _also_there(sandbox, host):
    """The sandbox under its own address in a host's namespace, too."""
    stack = ExitStack()
    if host.is_apart:
        with host.entered():
            server = SandboxServer(("127.0.0.1", sandbox._port), sandbox._state)
        server.start()

        def stop():
            with host.entered():
                server.stop()

        stack.callback(stop)
    return closing(stack)
