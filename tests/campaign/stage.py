"""Plays one schedule: a folder, a sandbox, a clock, and one importer's life after the other."""

from datetime import timedelta

from importer.adapters.ledger import LedgerError, LedgerNeedsPerson
from tests.campaign.clock import Story, VirtualClock
from tests.campaign.ending import Ending
from tests.campaign.instance import FOLDERS, PASSWORD, POLICIES, USER, Importer
from tests.campaign.life import Killed, Life, watched_archive
from tests.campaign.operator import Operator
from tests.campaign.outside import Outside

MOST_TURNS = 1200
LONGEST_END = timedelta(days=45).total_seconds()


class Stage:
    """One schedule's world."""

    def __init__(self, schedule, folder, bench, policies=POLICIES):
        self.schedule, self.folder = schedule, folder
        self.sandbox, self.examiner = bench.sandbox, bench.examiner
        self._policies = policies
        self.clock = bench.clock = VirtualClock()
        self.story = Story(self.clock)
        self.outside = Outside(schedule, folder, self.sandbox, self.clock, self.story)
        self.operator = Operator(self)
        self.importer, self.life = None, None
        self._lives, self._callers, self._acts, self._strikes = [], [], [], []
        self._recoveries, self._most_recoveries = 0, 0

    def play(self):
        """Every round, then the faults stop, then whatever is left to be done. Returns what the checker may know."""
        self._prepare()
        with watched_archive(lambda: self.life):
            for number, played in enumerate(self.schedule.rounds, 1):
                self.story.tell(f"-- round {number}")
                for act in played.acts:
                    self._perform(*act)
                self._strikes = list(played.strikes)
                self._arm()
                self._run(played.seconds)
            settled = self._finish()
            if self.importer:
                self.end_importer()
        return self._ending(settled=settled)

    def _prepare(self):
        for name in FOLDERS:
            (self.folder / name).mkdir(exist_ok=True)
        self.sandbox.reset(self.schedule.seed)
        self.sandbox.change(username=USER, password=PASSWORD, **self.schedule.behaviour)
        self.sandbox._state.store.unknown.update(self.schedule.unknown)
        for fault, when in self.schedule.triggers:
            self.sandbox.fail(fault, **when)
            self.story.tell("fault switched on", name=fault.name, **when)

    def _perform(self, name, *arguments):
        self._acts.append((name, *arguments))
        actor = self.operator if hasattr(self.operator, name) else self.outside
        getattr(actor, name)(*arguments)

    # ------------------------------------------------------------ one importer after the other

    def _run(self, seconds, *, until=lambda: False):
        """Lets the importer work for so long, through crash and restart. Returns whether it ended by `until`."""
        end = self.clock.steady() + seconds
        for _ in range(MOST_TURNS):
            wait = self._turn()
            if until():
                return True
            if self.clock.steady() >= end:
                return until()
            due = self.outside.next_at(end) - self.clock.steady()
            self.let_pass(min(end - self.clock.steady(), max(0.05, wait), max(0.0, due)))
            self.outside.happen()
        return False

    def _turn(self):
        """One turn of the living importer; a dead one is followed by the next. Returns the seconds to wait."""
        try:
            if self.importer is None:
                self.importer = self._born()
            wait = self.importer.turn()
            self._recoveries = 0
        except Killed:
            self._bury()
            return 0.05
        except LedgerNeedsPerson:
            self.story.tell("the importer ends with 7")
            self._bury()
            self.operator.called()
            return 600.0
        except LedgerError as error:
            if not self.life.has_failed:
                raise
            self.story.tell("the importer ends with 1", message=str(error).rpartition("/")[2])
            self._bury()
            return 5.0
        return 3600.0 if wait is None else wait

    def _born(self):
        self._begin_life("== an importer starts")
        self._arm()
        return Importer(self, self.life, self._policies)

    def _begin_life(self, told, on_sleep=None):
        self.life = Life(self.story, on_sleep or self._while_asleep)
        self._lives.append(self.life)
        self.story.tell(told, life=len(self._lives))

    def _arm(self):
        if self._strikes and self.life and not self.life.is_armed:
            self.life.arm(self._strikes.pop(0))

    def _bury(self):
        if self.importer is None:
            self._recoveries += 1
            self._most_recoveries = max(self._most_recoveries, self._recoveries)
        self.life.end()
        self.importer = None
        self.let_pass(self.life.down_for)
        self.outside.happen()

    def end_importer(self):
        """In order."""
        self.importer.close()
        self.importer = None

    def _while_asleep(self, strike):
        if strike.kind == "freeze":
            self.let_pass(strike.seconds, by=self.clock.stop_for)
        else:
            self._while_suspended(strike.seconds)

    def _while_suspended(self, seconds):
        """The process sleeps; another one, or a `backfill` beside it, works meanwhile."""
        sleeper, life = self.importer, self.life
        self.let_pass(seconds)
        self._begin_life("== another importer works meanwhile", on_sleep=lambda _: None)
        other = Importer(self, self.life, self._policies)
        for _ in range(6):
            self.let_pass(min(other.turn() or 60.0, 900.0))
        other.close()
        self.importer, self.life = sleeper, life
        self.story.tell("== the suspended importer goes on", life=self._lives.index(life) + 1)

    def let_pass(self, seconds, *, by=None):
        """Lets time pass, and what the server still had under way land at its own moment, not when somebody looks."""
        advance = by or self.clock.advance
        end = self.clock.steady() + max(0.0, seconds)
        late = sorted(late.due for late in self.sandbox._state.store._late if late.due is not None)
        for due in late:
            wait = (due - self.clock.server_now()).total_seconds()
            if self.clock.steady() + wait <= end:
                advance(max(0.0, wait) + 1e-3)
                self.sandbox._state.store.land()
        advance(max(0.0, end - self.clock.steady()))

    def note_request(self):
        self._callers.append((len(self.sandbox.requests), self._lives.index(self.life)))

    # ------------------------------------------------------------ the end

    def _finish(self):
        self.story.tell("-- the faults stop")
        self.sandbox.clear()
        self._strikes.clear()
        if self.life:
            self.life.arm(None)
        while (at := self.outside.next_at(None)) is not None:
            self.let_pass(at - self.clock.steady())
            self.outside.happen()
        self.clock.set_by(0.0)
        self.outside.appear()
        return self._run(LONGEST_END, until=self._is_settled)

    def _is_settled(self):
        if self.importer is None:
            return False
        ledger = self.importer.ledger
        on_its_way = any(count for state, count in ledger.counts().items() if state.is_on_its_way)
        files = [path for path in (self.folder / "inbox").rglob("*") if path.is_file()]
        return not on_its_way and not ledger.unfinished_moves() and not files

    def _ending(self, *, settled):
        return Ending(
            folder=self.folder,
            schedule=self.schedule,
            dropped=self.outside.dropped,
            effects=self.sandbox.effects,
            communications=self.sandbox.communications,
            requests=self.sandbox.requests,
            callers=self._callers,
            deleted=self.outside.deleted,
            story=self.story.lines,
            settled=settled,
            strikes=[struck for life in self._lives for struck in life.struck],
            acts=self._acts,
            amnesias=self.operator.amnesias,
            memories=self.operator.memories,
            most_kills_in_recovery=self._most_recoveries,
        )
