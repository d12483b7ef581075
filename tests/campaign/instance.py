"""An importer put together over a folder: everything real but the time, driven by one thread."""

import os
from dataclasses import replace
from datetime import timedelta

from importer.adapters.abillify import Abillify
from importer.adapters.inbox import Scanner
from importer.adapters.ledger import WITNESS, Ledger
from importer.adapters.reading import NotReady, ReadError
from importer.archiving import Archivist
from importer.batches import Batches
from importer.core.admission import AdmissionPolicy, Treatment
from importer.core.brake import BrakePolicy
from importer.core.lifecycle import Policy
from importer.line import Line
from importer.pipeline import Pipeline, Policies
from importer.placement import Placement
from importer.relay import complete
from importer.writing import Writer
from tests.campaign.life import WatchedClient, WatchedExaminer, WatchedLedger

USER, PASSWORD = "campaign", "never-to-be-seen-pa55"
ACCOUNT = "campaign"
LIFECYCLE = Policy(
    backoff=(timedelta(seconds=30), timedelta(hours=1)),
    waiting=(timedelta(minutes=10), timedelta(hours=24)),
    waiting_limit=timedelta(days=14),
    key_lifetime=timedelta(hours=20),
    readback_grace=timedelta(minutes=10),
)
POLICIES = Policies(
    admission=AdmissionPolicy(revision=Treatment.HOLD, same_bytes_elsewhere=Treatment.HOLD),
    lifecycle=LIFECYCLE,
    send_timeout=60.0,
)
NO_BRAKE = BrakePolicy(files_per_reference=0, fallback_share=1.0)
RESCAN = 60.0
FOLDERS = ("inbox", "archive", "rejected", "held", "var")


class Importer:
    """One process's parts. Made anew after each crash; nothing survives but the folder."""

    def __init__(self, stage, life, policies=POLICIES):
        self._clock, self._story = stage.clock, stage.story
        self.life = life
        folder, clock, story = stage.folder, stage.clock, stage.story
        ledger = Ledger(
            f"sqlite:///{folder}/var/ledger.db", lease=timedelta(seconds=125), place=_placement(folder),
            witness=witness_of(folder),
        )  # fmt: skip
        life.at_death += [lambda: os.close(ledger._holder._file), ledger.close]
        self.whole_ledger, self.ledger = ledger, WatchedLedger(ledger, life)
        self.ledger.bind_account(ACCOUNT)
        self.ledger.face_witness()
        client = _client(stage)
        life.at_death.append(client.close)
        watched = WatchedClient(client, life, stage.note_request)
        self.line = Line(
            watched, self.ledger, clock, story, backoff=LIFECYCLE.backoff,
            on_refused=lambda: client.use_credentials(USER, stage.outside.password),
        )  # fmt: skip
        writer = Writer(self.ledger)
        archivist = Archivist(self.ledger, writer, clock, story)
        self.pipeline = Pipeline(
            ledger=self.ledger,
            writer=writer,
            examiner=WatchedExaminer(stage.examiner, life),
            client=watched,
            line=self.line,
            archivist=archivist,
            batches=Batches(NO_BRAKE, stage.examiner, clock),
            policies=_after_rebuild(policies, ledger.rebuilt_at()),
            clock=clock,
            log=story,
        )
        life.at_death += [writer.close, archivist.close, self.pipeline.__exit__]
        self._scanner = Scanner(folder / "inbox", settle=2.0)
        self._next_round = clock.steady()
        self.pipeline.recover()

    def turn(self):
        """What `Service` does in one turn. Returns the seconds until another one is worthwhile; None: never."""
        waits = [self.line.tend()]
        found = self._scanner.scan(self._clock.steady())
        waits.append(found.next_look)
        for file in found.settled:
            self._take(file)
        if self._clock.steady() >= self._next_round:
            waits.append(self._round())
        if self.line.is_open:
            now = self._clock.now()
            for document_id in (due := self.pipeline.due(100)):
                complete(self.pipeline.resume(document_id))
            moment = self._clock.now() if due else self.ledger.next_due_at(after=now)
            waits.append(moment and max(0.05, (moment - self._clock.now()).total_seconds()))
        waits.append(self.line.tend())
        return min((wait for wait in waits if wait is not None), default=None)

    def _round(self):
        """What is worth another try once in a while."""
        self._next_round = self._clock.steady() + RESCAN
        self.pipeline.recover()
        moves = self.ledger.unfinished_moves()
        for document in moves:
            complete(self.pipeline.resume(document.id))
        return RESCAN if moves else None

    def _take(self, file):
        try:
            complete(self.pipeline.take(file))
        except NotReady as error:
            self._story.tell("file.not_ready", message=error)
            self._scanner.forget(file.path)
        except ReadError as error:
            self._story.tell("file.unreadable", message=error)

    def close(self):
        """An ordinary end."""
        self.whole_ledger._holder.__exit__()
        self.life.at_death.pop(0)
        self.life.end()


def _client(stage):
    return Abillify(
        stage.sandbox.base_url, USER, stage.outside.password, concurrency=1, rate_per_second=0, connect_timeout=10.0,
        timeout=60.0, clock=stage.clock.steady,
    )  # fmt: skip


def _after_rebuild(policies, rebuilt_at):
    """As `importer.assembly.policies` has it."""
    if rebuilt_at is None:
        return policies
    forgotten_until = rebuilt_at + policies.lifecycle.readback_grace
    return replace(policies, admission=replace(policies.admission, forgotten_until=forgotten_until), look_first=True)


def witness_of(folder):
    return folder / "archive" / WITNESS


def _placement(folder):
    return Placement(
        imported=lambda moment: folder / "archive" / f"{moment:%Y}" / f"{moment:%m}",
        duplicates=folder / "archive" / "duplicates",
        rejected=folder / "rejected",
        held=folder / "held",
    )
