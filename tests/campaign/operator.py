"""The operator: decisions about documents, backups, and a ledger that is no longer the right one."""

import os
import shutil
import sqlite3
from contextlib import closing
from functools import partial

from importer.adapters.ledger import back_up, holders_folder
from importer.adapters.locks import alone
from importer.core import person
from importer.core.model import State
from importer.rebuild import Places, rebuild
from tests.campaign.ending import Amnesia, memory_of
from tests.campaign.instance import ACCOUNT, witness_of
from tests.making import made

SIDE_FILES = ("-wal", "-shm")
REASON = ".reason.txt"


class Operator:
    """Every public method but the last two is an act of a schedule, by its name."""

    def __init__(self, stage):
        self._stage = stage
        self._ledger = stage.folder / "var" / "ledger.db"
        self._copied_at = None
        self._delay = 0.0
        self.amnesias, self.memories = [], []

    # ------------------------------------------------------------ documents

    def retry(self):
        for _ in range(2):
            self._decide(person.retry, "person.retried")

    def accept(self):
        self._decide(person.accept, "person.accepted")

    def _decide(self, decide, event):
        """A process beside the importer that lives."""
        stage = self._stage
        if stage.importer is None:
            return
        ledger = stage.importer.whole_ledger
        with stage.life.spared():
            for document in ledger.documents(states=[State.HELD, State.REJECTED]):
                claim = made(ledger).claim_for_person(document.id, stage.clock.now())
                if claim is None:
                    continue
                changed = decide(claim.document, stage.clock.now())
                if not isinstance(changed, str):
                    made(ledger).record(claim, changed, event, stage.clock.now(), actor="campaign")
                    stage.story.tell(event, document=f"D{document.id}")
                made(ledger).release(claim)

    # ------------------------------------------------------------ the importer and its ledger

    def restart(self):
        if self._stage.importer:
            self._stage.end_importer()
            self._stage.story.tell("the importer ends in order")

    def back_up(self):
        """An online backup, which may be put back later."""
        self._copy.unlink(missing_ok=True)
        back_up(f"sqlite:///{self._ledger}", self._copy)
        self._copied_at = self._stage.clock.steady()
        self._stage.story.tell("the ledger is backed up")

    def restore(self, age, delay):
        """The backup is put back once it is so old; nobody works meanwhile, and nobody looks for `delay` seconds."""
        self.restart()
        self._stage.let_pass(self._copied_at + age - self._stage.clock.steady())
        self._replaced("restored", self._stage.clock.steady() - self._copied_at, delay)
        shutil.copy(self._copy, self._ledger)

    def delete_ledger(self, delay):
        self.restart()
        self._replaced("deleted", 0.0, delay)

    def lose_log(self, delay):
        """The process is killed, and what stood only in the write-ahead log is gone."""
        main_file = self._ledger.read_bytes()
        self.restart()
        self._replaced("log lost", 0.0, delay)
        self._ledger.write_bytes(main_file)

    def _replaced(self, fate, age, delay):
        self.memories.append(memory_of(self._ledger))
        self.amnesias.append(Amnesia(fate, age))
        self._delay = delay
        for ending in ("", *SIDE_FILES):
            self._ledger.with_name(self._ledger.name + ending).unlink(missing_ok=True)
        self._stage.story.tell(f"the ledger is {fate}", age=age)

    @property
    def _copy(self):
        return self._ledger.with_name("backup.db")

    # ------------------------------------------------------------ called for

    def called(self):
        """The importer wants a person for its ledger; the first time the operator sets out."""
        assert self.amnesias, "the importer mistrusts a ledger that nobody has touched"
        current = self.amnesias[-1]
        if current.refused_at is None:
            current.refused_at = len(self._stage.sandbox.requests)
            self._stage.outside.later(self._delay, partial(self.rebuild, current))

    def rebuild(self, current):
        """`importer ledger rebuild`; what a person has in `rejected` and `held` is put into the inbox once more."""
        stage = self._stage
        self.restart()
        inbox, archive = stage.folder / "inbox", stage.folder / "archive"
        url = f"sqlite:///{self._ledger}"
        places = Places(ledger=url, witness=witness_of(stage.folder), archive=archive, inbox=inbox)
        with alone(holders_folder(self._ledger), inbox, self._ledger.with_suffix(".run")):
            rebuilt = rebuild(places, ACCOUNT, stage.clock.now())
        current.rebuilt_at = len(stage.sandbox.requests)
        stage.story.tell(
            "the ledger is rebuilt", epoch=rebuilt.epoch, restored=rebuilt.restored, to_look_up=rebuilt.to_look_up,
            problems=len(rebuilt.problems),
        )  # fmt: skip
        self._put_back()

    def _put_back(self):
        """README.md, "Backup and recovery": what a person had to look after, and the new ledger has never heard of."""
        with closing(sqlite3.connect(self._ledger)) as ledger:
            rows = ledger.execute("SELECT location FROM documents UNION SELECT target FROM documents")
            known = {os.fsdecode(path) for (path,) in rows if path is not None}
        folders = [self._stage.folder / name for name in ("rejected", "held")]
        for reason in [reason for folder in folders for reason in sorted(folder.rglob(f"*{REASON}"))]:
            file = reason.with_name(reason.name.removesuffix(REASON))
            if file.exists() and str(file) not in known:
                self._stage.outside.put_back(file)
                reason.unlink()
