"""One life of an importer process, and the durable steps at which it can be struck.

Nothing of this is known to the product: the parts are wrapped from outside, and what a dead process would no longer do
raises `Killed` again, so that no clean-up on the way out can write, send or move anything.
"""

import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread

from importer import archiving
from importer.adapters.archive import ArchiveError
from importer.adapters.ledger import Change, LedgerError


class Killed(BaseException):
    """`kill -9`: not an Exception, so that nobody catches it by mistake."""


class Failed(LedgerError):
    """What a full or failing disk makes of a transaction; the process ends with exit code 1 and is started again."""


@dataclass(frozen=True)
class Strike:
    """What happens at a durable step.

    `kill`; `suspend`, while another process works; `freeze`, a machine that sleeps and wakes with the time of day at
    which it fell asleep; `ledger`, a failed transaction; `busy`, a stranger's lock on it; `disk`, a failed move.
    """

    kind: str
    where: str = ""
    """Only at steps whose names begin so."""
    skip: int = 0
    """How many of these are passed first."""
    seconds: float = 0.0
    """How long it sleeps, or after a kill lies down."""


class Life:
    """A process; `steps` are passed one by one until it ends."""

    def __init__(self, story, on_sleep):
        self._story = story
        self._on_sleep = on_sleep
        self._strike = None
        self._left = 0
        self.is_dead = False
        self.lock_ledger = None
        self.verb = ""
        self.struck = []
        self.at_death = []

    @property
    def is_armed(self):
        return self._strike is not None

    @property
    def has_failed(self):
        """Whether the ledger was struck last, so that the process must end."""
        return bool(self.struck) and self.struck[-1][0] in ("ledger", "busy")

    @property
    def down_for(self):
        """Seconds until the next process is started."""
        return self.struck[-1][2] if self.struck and self.struck[-1][0] == "kill" else 0.0

    def arm(self, strike):
        self._strike, self._left = strike, strike.skip if strike else 0

    @contextmanager
    def spared(self):
        """Somebody else's steps in between."""
        waiting, self._strike = self._strike, None
        yield
        self._strike = waiting

    def step(self, name, *, inside=False):
        """Passes a durable step. `inside` a transaction nobody is suspended: the other one would wait for ever."""
        if self.is_dead:
            raise Killed
        strike = self._strike
        if strike is None or not name.startswith(strike.where) or not _fits(strike.kind, name, inside=inside):
            return
        if self._left > 0:
            self._left -= 1
            return
        self._strike = None
        self.struck.append((strike.kind, name, strike.seconds))
        self._story.tell(f"!! {strike.kind} at {name}", **({"seconds": strike.seconds} if strike.seconds else {}))
        self._suffer(strike)

    def _suffer(self, strike):
        match strike.kind:
            case "kill":
                self.is_dead = True
                raise Killed
            case "suspend" | "freeze":
                # On a thread of its own, as another process has: this one is in the middle of something.
                meanwhile = Thread(target=self._on_sleep, args=[strike])
                meanwhile.start()
                meanwhile.join()
            case "busy":
                self.at_death.append(self.lock_ledger())
            case "ledger":
                raise Failed("the disk is full")
            case "disk":
                raise ArchiveError("move it", "", "no space left on device", "make room")

    def end(self):
        """What the system does for a process that is gone: its files are closed, its locks fall. Nothing else."""
        self.is_dead = True
        for release in reversed(self.at_death):
            with suppress(OSError):
                release()


def _fits(kind, name, *, inside):
    if kind in ("suspend", "freeze"):
        return not inside
    if kind == "ledger":
        return inside
    if kind == "busy":
        return name.endswith(":begin")
    return name == "move:before" if kind == "disk" else True


class WatchedDatabase:
    """The ledger's database with a step before and after each commit."""

    def __init__(self, database, life):
        self._database = database
        self._life = life
        self.path = database.path
        self.read = database.read
        self.close = database.close
        self.confirm_sound = database.confirm_sound
        life.lock_ledger = partial(_locked, database.path)

    def __getattr__(self, name):
        return getattr(self._database, name)

    def write(self, make, *, vouched=False):
        verb = self._life.verb or "write"

        failures = []

        def make_and_pass(connection):
            if failures:
                raise failures[0]  # the change is made again without the others of its commit
            made = make(connection)
            try:
                self._life.step(f"{verb}:before", inside=True)
            except Failed as failure:
                failures.append(failure)
                raise
            return made

        self._life.step(f"{verb}:begin")
        made = self._database.write(make_and_pass, vouched=vouched)
        self._life.step(f"{verb}:after")
        return made


def _locked(path):
    """Another program's lock on the ledger. Returns what gives it back."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection.close


@dataclass(frozen=True)
class NamedChange(Change):
    """A change that gives the steps their names."""

    verb: str = ""


class NamedChanges:
    """What can become of documents; each knows what it is called."""

    def __init__(self, changes):
        self._changes = changes

    def __getattr__(self, name):
        def named_change(*arguments, **named):
            change = getattr(self._changes, name)(*arguments, **named)
            verb = f"{name}:{arguments[2]}" if name == "record" else name
            return NamedChange(change.make, change.is_vouched_for, verb)

        return named_change


class WatchedLedger:
    """The ledger, whose verbs and changes give the steps their names."""

    def __init__(self, ledger, life):
        self._ledger = ledger
        self._life = life
        ledger._database = WatchedDatabase(ledger._database, life)
        self.changes = NamedChanges(ledger.changes)

    def write(self, change):
        return self._named(change.verb, self._ledger.write)(change)

    def write_together(self, changes):
        """Each by itself: here nobody else wants anything at the same time."""
        return [self.write(change) for change in changes]

    def __getattr__(self, name):
        found = getattr(self._ledger, name)
        return self._named(name, found) if callable(found) else found

    def _named(self, name, method):
        def call(*arguments, **named):
            before, self._life.verb = self._life.verb, name
            try:
                return method(*arguments, **named)
            finally:
                self._life.verb = before

        return call


class WatchedClient:
    """The client, with a step before and after each upload; notes whose requests came when."""

    def __init__(self, client, life, on_request):
        self._client = client
        self._life = life
        self._on_request = on_request
        self.server_time = client.server_time
        self.use_credentials = client.use_credentials

    def import_document(self, document, content, *, start_by=None):
        self._life.step("send:before")
        self._on_request()
        outcome = self._client.import_document(document, content, start_by=start_by)
        self._life.step("send:after")
        return outcome

    def __getattr__(self, name):
        def ask(*arguments):
            self._life.step(f"{name}:before")
            self._on_request()
            return getattr(self._client, name)(*arguments)

        return ask


class WatchedExaminer:
    """The examiner, with a step while a file has been read and nothing is on disk yet."""

    def __init__(self, examiner, life):
        self._examiner = examiner
        self._life = life
        self.max_size = examiner.max_size
        self.newcomer = examiner.newcomer
        self.resending_rules = examiner.resending_rules

    def examine(self, document, content):
        self._life.step("examine:before")
        return self._examiner.examine(document, content)


ARCHIVE_ACTS = {"write_receipt": "receipt", "write_reason": "reason", "move": "move", "remove_sidecars": "sweep"}


BY_STEPS = {"write_receipt", "write_reason", "move"}
"""Those that tell at each step what must be on disk."""


@contextmanager
def watched_archive(life_now):
    """The four acts that `importer.archiving` does on files, with steps of the life that is on."""
    original = {name: getattr(archiving, name) for name in ARCHIVE_ACTS}

    def watched(name):
        @contextmanager
        def stepping():
            life, step = life_now(), ARCHIVE_ACTS[name]
            life.step(f"{step}:before")
            yield
            life.step(f"{step}:after")

        def act(*arguments, **named):
            with stepping():
                return original[name](*arguments, **named)

        def act_by_steps(*arguments, **named):
            with stepping():
                return (yield from original[name](*arguments, **named))

        return act_by_steps if name in BY_STEPS else act

    for name in original:
        setattr(archiving, name, watched(name))
    try:
        yield
    finally:
        for name, act in original.items():
            setattr(archiving, name, act)
