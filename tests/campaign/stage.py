"""Plays one schedule: a folder, a sandbox, a clock, and one importer's life after the other."""

import hashlib
import itertools
import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from importer.adapters.ledger import LedgerError
from importer.core import person
from importer.core.model import State
from tests.campaign.clock import Story, VirtualClock
from tests.campaign.instance import FOLDERS, PASSWORD, POLICIES, Importer
from tests.campaign.life import Failed, Killed, Life, watched_archive

MOST_TURNS = 1200
LONGEST_END = timedelta(days=45).total_seconds()


@dataclass
class Dropped:
    """A file that was put into the inbox, and what outsiders did to it afterwards."""

    path: Path
    sha256: str
    drop: object
    disturbed: bool = False
    """Replaced, deleted or written to by somebody else, so that its bytes need not be anywhere."""


@dataclass
class Ending:
    """All that the checker may know, besides what it can look up in ledger and folder."""

    folder: Path
    schedule: object
    dropped: list
    effects: tuple
    communications: tuple
    requests: tuple
    callers: list
    """(number of the first request, life) for every turn-taking."""
    deleted: set
    story: list
    settled: bool
    strikes: list = field(default_factory=list)
    acts: list = field(default_factory=list)
    most_kills_in_recovery: int = 0


class Stage:
    """One schedule's world."""

    def __init__(self, schedule, folder, bench, policies=POLICIES):
        self.schedule, self.folder = schedule, folder
        self.sandbox, self.examiner = bench.sandbox, bench.examiner
        self._policies = policies
        self.clock = bench.clock = VirtualClock()
        self.story = Story(self.clock)
        self.password = PASSWORD
        self.callers, self.dropped, self.deleted = [], [], set()
        self._later = []
        self._lives = []
        self._acts = []
        self._mtime = itertools.count(1_700_000_000_000_000_000, 1_000_000_000)
        self._importer = None
        self._recoveries, self._most_recoveries = 0, 0
        self._strikes = []

    # ------------------------------------------------------------ the play

    def play(self):
        """Every round, then the faults stop, then whatever is left to be done. Returns what the checker may know."""
        self._prepare()
        with watched_archive(lambda: self._life):
            for number, played in enumerate(self.schedule.rounds, 1):
                self.story.tell(f"-- round {number}")
                for act in played.acts:
                    self._acts.append(act)
                    getattr(self, f"_{act[0]}")(*act[1:])
                self._strikes = list(played.strikes)
                self._arm()
                self._run(played.seconds)
            settled = self._finish()
            if self._importer:
                self._importer.close()
        return self._ending(settled=settled)

    def _prepare(self):
        for name in FOLDERS[:1]:
            (self.folder / name).mkdir(exist_ok=True)
        self.sandbox.reset(self.schedule.seed)
        self.sandbox.change(username="campaign", password=PASSWORD, **self.schedule.behaviour)
        self.sandbox._state.store.unknown.update(self.schedule.unknown)
        for fault, when in self.schedule.triggers:
            self.sandbox.fail(fault, **when)
            self.story.tell("fault switched on", name=fault.name, **when)

    def _run(self, seconds, *, until=lambda: False):
        """Lets the importer work for so long, through crash and restart. Returns whether it ended by `until`."""
        end = self.clock.steady() + seconds
        for _ in range(MOST_TURNS):
            wait = self._turn()
            if wait is not None and until():
                return True
            if self.clock.steady() >= end:
                return until()
            left = end - self.clock.steady()
            due = min((at for at, _ in self._later), default=end) - self.clock.steady()
            self._pass(min(left, max(0.05, wait or 0.05), max(0.0, due)))
            self._happen()
        return False

    def _turn(self):
        """One turn of the living importer; a dead one is followed by the next. Returns the seconds to wait."""
        try:
            if self._importer is None:
                self._importer = self._born()
            wait = self._importer.turn()
            self._recoveries = 0
        except Killed:
            self._bury()
            return 0.05
        except LedgerError as error:
            if not isinstance(error, Failed):
                raise
            self.story.tell("the importer ends with 1", message=error)
            self._bury()
            return 5.0
        return 3600.0 if wait is None else wait

    def _born(self):
        self._life = Life(self.story, self._while_suspended)
        self._lives.append(self._life)
        self._arm()
        self.story.tell("== an importer starts", life=len(self._lives))
        return Importer(self, self._life, self._policies)

    def _arm(self):
        if self._importer is None and not self._lives:
            return
        if self._strikes and self._life._strike is None:
            self._life.arm(self._strikes.pop(0))

    def _bury(self):
        if self._importer is None:
            self._recoveries += 1
            self._most_recoveries = max(self._most_recoveries, self._recoveries)
        self._life.end()
        down = self._life.struck[-1][2] if self._life.struck and self._life.struck[-1][0] == "kill" else 0.0
        self._importer = None
        self._pass(down)
        self._happen()

    def _while_suspended(self, seconds):
        """The process sleeps; another one, or a `backfill` beside it, works meanwhile."""
        sleeper, life = self._importer, self._life
        self._pass(seconds)
        self._life = Life(self.story, lambda _: None)
        self._lives.append(self._life)
        self.story.tell("== another importer works meanwhile", life=len(self._lives))
        other = Importer(self, self._life, self._policies)
        for _ in range(6):
            self._pass(min(other.turn() or 60.0, 900.0))
        other.close()
        self._importer, self._life = sleeper, life
        self.story.tell("== the suspended importer goes on", life=self._lives.index(life) + 1)

    def _pass(self, seconds):
        """Lets time pass, and what the server still had under way land at its own moment, not when somebody looks."""
        end = self.clock.steady() + max(0.0, seconds)
        late = sorted(late.due for late in self.sandbox._state.store._late if late.due is not None)
        for due in late:
            wait = (due - self.clock.server_now()).total_seconds()
            if self.clock.steady() + wait <= end:
                self.clock.advance(wait + 1e-3)
                self.sandbox._state.store.land()
        self.clock.advance(end - self.clock.steady())

    def note_request(self):
        self.callers.append((len(self.sandbox.requests), self._lives.index(self._life)))

    # ------------------------------------------------------------ the end

    def _finish(self):
        self.story.tell("-- the faults stop")
        self.sandbox.clear()
        self._strikes.clear()
        if self._importer:
            self._life.arm(None)
        for at, act in sorted(self._later, key=lambda pair: pair[0]):
            self._pass(at - self.clock.steady())
            act()
        self._later.clear()
        self.clock.set_by(0.0)
        self._appear()
        return self._run(LONGEST_END, until=self._is_settled)

    def _is_settled(self):
        ledger = self._importer.ledger
        on_its_way = any(count for state, count in ledger.counts().items() if state.is_on_its_way)
        files = [path for path in (self.folder / "inbox").rglob("*") if path.is_file()]
        return not on_its_way and not ledger.unfinished_moves() and not files

    def _ending(self, *, settled):
        return Ending(
            folder=self.folder,
            schedule=self.schedule,
            dropped=self.dropped,
            effects=self.sandbox.effects,
            communications=self.sandbox.communications,
            requests=self.sandbox.requests,
            callers=self.callers,
            deleted=self.deleted,
            story=self.story.lines,
            settled=settled,
            strikes=[struck for life in self._lives for struck in life.struck],
            acts=self._acts,
            most_kills_in_recovery=self._most_recoveries,
        )

    # ------------------------------------------------------------ acts of the outside world

    def _happen(self):
        for pair in [pair for pair in self._later if pair[0] <= self.clock.steady()]:
            self._later.remove(pair)
            pair[1]()

    def _drop(self, drop):
        self._put(drop.name, drop.content, drop)

    def _put(self, name, content, drop):
        path = self.folder / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        for earlier in self._lying():
            earlier.disturbed = earlier.disturbed or earlier.path == path
        temporary = path.with_name(".drop.tmp")
        temporary.write_bytes(content)
        moment = next(self._mtime)
        os.utime(temporary, ns=(moment, moment))
        temporary.rename(path)
        sha256 = hashlib.sha256(content).hexdigest()
        self.dropped.append(Dropped(path, sha256, drop))
        self.story.tell("a file appears", name=repr(name), sha256=sha256[:8])

    def _grow(self, drop):
        """A slow copy: half of the bytes first, the rest once somebody may have looked."""
        self._put(drop.name, drop.content[: len(drop.content) // 2], drop)
        whole = self.dropped[-1]
        whole.disturbed = True
        self._later.append((self.clock.steady() + 1.0, lambda: self._put(drop.name, drop.content, drop)))

    def _lying(self):
        """The dropped files that still lie in the inbox: of several with one path the latest."""
        latest = {dropped.path: dropped for dropped in self.dropped}
        return [dropped for path, dropped in latest.items() if path.exists()]

    def _one_lying(self, choice):
        there = [dropped for dropped in self._lying() if not dropped.disturbed]
        return there[int(choice * len(there))] if there else None

    def _replace(self, choice, content):
        if (found := self._one_lying(choice)) is not None:
            self._put(found.path.relative_to(self.folder / "inbox"), content, found.drop)

    def _delete(self, choice):
        if (found := self._one_lying(choice)) is not None:
            found.disturbed = True
            found.path.unlink()
            self.story.tell("a file is deleted", path=repr(str(found.path.name)))

    def _appear(self):
        for reference in set(self.schedule.unknown) - set(self.schedule.never):
            if self.sandbox._state.store.find_invoice(reference) is None:
                self.sandbox.add_invoice(reference)
                self.story.tell("an invoice appears", reference=reference)

    def _rotate(self, seconds):
        """The password is changed at Abillify, and only later in the file."""
        new = f"{PASSWORD}-{len(self._acts)}"
        self.sandbox.change(password=new)
        self.story.tell("the password is changed")
        self._later.append((self.clock.steady() + seconds, lambda: setattr(self, "password", new)))

    def _away(self, seconds):
        self.sandbox.close()
        self.story.tell("Abillify is away")
        self._later.append((self.clock.steady() + seconds, self._back))

    def _back(self):
        if self.sandbox._server is None:
            self.sandbox.start()
            self.story.tell("Abillify is back")

    def _delete_remote(self, choice):
        if there := self.sandbox.communications:
            gone = there[int(choice * len(there))]
            self.sandbox.delete(gone.id)
            self.deleted.add(gone.id)
            self.story.tell("deleted at Abillify", id=gone.id)

    def _set_clock(self, seconds):
        self.clock.set_by(seconds)
        self.story.tell("the machine's clock is set", by=seconds)

    def _squat(self, choice):
        """A stranger's file where a document is to lie."""
        if self.dropped:
            name = self.dropped[int(choice * len(self.dropped))].path.name
            folder = self.folder / "archive" / f"{self.clock.now():%Y/%m}"
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / name).exists():
                (folder / name).write_bytes(b"a stranger's")

    def _restart(self):
        if self._importer:
            self._importer.close()
            self._importer = None
            self.story.tell("the importer ends in order")

    def _again(self):
        """The same bytes under the same name, once more."""
        if self.dropped and not self.dropped[-1].path.exists():
            last = self.dropped[-1]
            self._put(last.path.relative_to(self.folder / "inbox"), last.drop.content, last.drop)

    def _retry(self):
        for _ in range(2):
            self._decide(person.retry, "person.retried")

    def _accept(self):
        self._decide(person.accept, "person.accepted")

    def _decide(self, decide, event):
        """A person at the command line: a process beside the importer that lives."""
        if self._importer is None:
            return
        ledger = self._importer._whole_ledger
        waiting, self._life._strike = self._life._strike, None
        for document in ledger.documents(states=[State.HELD, State.REJECTED]):
            claim = ledger.claim_for_person(document.id, self.clock.now())
            if claim is None:
                continue
            changed = decide(claim.document, self.clock.now())
            if not isinstance(changed, str):
                ledger.record(claim, changed, event, self.clock.now(), actor="campaign")
                self.story.tell(event, document=f"D{document.id}")
            ledger.release(claim)
        self._life._strike = waiting
