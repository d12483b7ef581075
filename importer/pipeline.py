"""One document, top to bottom: read, examined, admitted, claimed, sent, recorded, put away.

The order of acts is exactly-once.md's: what is to happen is on disk before it happens, and what happened is on disk
before the next thing. So this file can be killed at any line, and the ledger knows where to go on. Where a document has
to wait, for the disk or for its turn, it says `await`, and its thread goes on with another one (`relay.py`).
"""

import os
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Abillify, InvoiceTold
from importer.adapters.inbox import FoundFile
from importer.adapters.ledger import Claim, ClaimLost, InUse, Ledger, LedgerError, Sighting
from importer.adapters.probe import WORKERS, ProbeError
from importer.adapters.reading import FileVanished, NotReady, ReadError, Reading, read
from importer.archiving import Archivist
from importer.batches import Batches
from importer.clock import Clock
from importer.core.admission import AdmissionPolicy, admit
from importer.core.brake import BrakePolicy
from importer.core.invoice import INVOICE_PAID, REMINDING, held_as_paid, is_unclear, nothing_open
from importer.core.keys import key_to_send
from importer.core.lifecycle import (
    FIRST_ACTS,
    Act,
    Decision,
    Now,
    Outcome,
    Policy,
    decide,
    failed,
    lost,
    next_act,
    unreadable,
)
from importer.core.model import Document, Found, ProbeOutcome, ReadFailed, State
from importer.examination import Examiner
from importer.lanes import Lanes, intents
from importer.line import Line, Turn
from importer.recovery import recover
from importer.relay import Crew, StationClosed, complete
from importer.stages import Measure, unmeasured
from importer.writing import Writer

START_WITHIN = 60.0
"""Seconds from an intent's commit to its first byte (exactly-once.md, "Order of acts" 3)."""


@dataclass(frozen=True, slots=True)
class Policies:
    """What the settings say about admission and about the state machine."""

    admission: AdmissionPolicy
    lifecycle: Policy
    send_timeout: float
    """Seconds for a whole upload."""
    uploads: int = 1
    """How many documents may be asked for or uploaded at the same time."""
    look_first: bool = False
    """Whether a read-back comes before the very first send."""
    asks_whether_paid: bool = False
    """Whether the invoice is asked for before a reminder is sent."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file turned out to be."""

    document_id: int
    is_new: bool
    """False for a file whose document the ledger knew already."""
    document: Document | None = None
    """As it stands now; None for one that another importer has taken over."""


@dataclass(frozen=True, slots=True)
class Trip:
    """What is known of a document's way beside the document."""

    content: bytes | None = None
    """Its bytes, where they are at hand."""
    haste: int = 0
    """How late the news of it is: what has just come overtakes a backlog."""
    sends: bool = True
    """Whether anything may be uploaded."""


class Pipeline:
    """Works on any number of documents at once; a context manager that waits for them.

    Its coroutines are run by `importer.relay`: each act that takes its time by one of the threads that are for it.
    """

    def __init__(  # noqa: PLR0913 - this is where all parts meet
        self,
        *,
        ledger: Ledger,
        writer: Writer,
        examiner: Examiner,
        client: Abillify,
        line: Line,
        archivist: Archivist,
        batches: Batches,
        policies: Policies,
        clock: Clock,
        log: FilteringBoundLogger,
        measure: Measure = unmeasured,
    ) -> None:
        self._measure = measure
        self._ledger = ledger
        self._writer = writer
        self._examiner = examiner
        self._client = client
        self._line = line
        self._archivist = archivist
        self._batches = batches
        self._policies = policies
        # No more than so many of the largest in memory, however many documents wait for the disk.
        self._lanes = Lanes(
            uploads=policies.uploads, memory=policies.uploads * examiner.max_size, is_paced=client.is_paced
        )
        # As many as inspect at once: more would only wait for these.
        self._readers = Crew("reader", WORKERS)
        # Of their own, for documents that are claimed: they must not wait until all of a backlog has been inspected.
        self._rereaders, self._fetchers = Crew("rereader", WORKERS), Crew("fetcher", 2)
        # As many as may wait for the rate: on a shared ledger their turns are reserved together.
        self._pacers = Crew("pacer", intents(policies.uploads))
        self._uploaders = Crew("uploader", policies.uploads)
        self._is_ending = False
        self._clock = clock
        self._log = log
        self.on_resend: Callable[[], None] = lambda: None
        """Called when an import is recorded after which the invoice is to be sent again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for crew in (self._readers, self._rereaders, self._fetchers, self._pacers, self._uploaders):
            crew.close()

    @property
    def examiner(self) -> Examiner:
        """Whoever looks at the next document."""
        return self._examiner

    def use(self, examiner: Examiner, policies: Policies, brake: BrakePolicy) -> None:
        """Other rules and settings, for every document that is examined, and every decision, from now on."""
        self._examiner, self._policies = examiner, policies
        self._batches.use(brake, examiner)

    # ------------------------------------------------------------ the two ways in

    def survey(self, files: Sequence[FoundFile], *, is_idle: bool) -> None:
        """Files that were found together, before any of them is taken: an unusual batch is held as a whole."""
        if is_idle and len(files) > 1:  # one alone starts what it needs
            self._readers.call(self._examiner.get_ready)
        self._batches.survey(files, is_idle=is_idle)

    async def take(self, file: FoundFile, *, in_place: bool = False) -> Taken:
        """A file that has settled and that the ledger did not know, from top to bottom.

        Raises:
            NotReady: it is gone again, or not complete after all.
            ReadError: it cannot be read; it stays where it is.
        """
        examiner = self._examiner  # one and the same from the reading to the verdict
        held = min(file.signature.size, examiner.max_size)  # a larger one is only hashed, and waits for no more room
        async with self._writer.crowd, self._lanes.holding(held, file.told):
            await self._readers.takes_over()
            with self._measure("read"):
                reading = read(file.path, examiner.max_size)
            with self._measure("examine"):
                candidate = self._examined(examiner, file, reading, in_place=in_place)
            async with self._lanes.claim(file.told):
                with self._measure("admit", awaits=True):
                    admitted = await self._admit(candidate, file, reading)
                if not isinstance(admitted, Claim):
                    return Taken(admitted.id, is_new=False, document=admitted)
                self._log_state("document.admitted", admitted.document)
                settled = await self._settled(admitted, Trip(reading.content, file.told))
            document = await self._put_away(settled, reading.content)
        return Taken(admitted.document.id, is_new=True, document=document)

    def due(self, limit: int, *, among: Container[int] | None = None) -> list[int]:
        """Ids of documents whose time has come, and which the line lets through now."""
        found: list[int] = []
        if not self._ledger.is_any_due(self._clock.now()):
            return found  # as a rule, and asked ten times a second while there is work
        for act in (Act.READ_BACK, Act.SEND, Act.ASK_INVOICE):  # doubts first: their keys grow old
            if room := min(limit, self._line.room(act)):
                states = [state for state in FIRST_ACTS if self._first_act(state) is act]
                found += self._ledger.due(self._clock.now(), limit=room, among=among, states=states)
        return found[: min(limit, self._line.room(Act.SEND))]

    def _first_act(self, state: State) -> Act:
        looks_first = self._policies.look_first and state is State.PENDING
        return Act.READ_BACK if looks_first else FIRST_ACTS[state]

    async def resume(self, document_id: int) -> Document | None:
        """A document that is due, or whose file has not been put away yet.

        Returns what has become of it; None where another importer works on it, or nothing is due.
        """
        async with self._writer.crowd:
            async with self._lanes.resumed(), self._lanes.claim(haste=0):
                claim = await self._writer.written(self._ledger.changes.claim(document_id, self._clock.now()))
                settled = claim and await self._settled(claim, Trip())
            return await self._put_away(settled, None)

    def look(self, document_id: int) -> None:
        """An uncertain document is read back now, whatever its schedule says; nothing is sent.

        What is not at Abillify falls due at once for whoever sends.
        """
        claim = self._ledger.write(self._ledger.changes.claim(document_id, self._clock.now(), early=True))
        if claim is None:
            return
        if claim.document.state is State.UNCERTAIN:
            complete(self._looked_up(claim))
        else:
            self._ledger.write(self._ledger.changes.release(claim))

    async def _looked_up(self, claim: Claim) -> None:
        await self._put_away(await self._settled(claim, Trip(sends=False)), None)

    def recover(self) -> None:
        """What importers left behind that died."""
        for document in recover(self._ledger, self._now(), self._policies.lifecycle):
            self._log_state("document.interrupted", document)

    def begin_nothing_new(self) -> None:
        """From now on no request is begun; those under way are waited for, and what they bring is recorded."""
        self._is_ending = True
        self._client.end_waiting()

    # ------------------------------------------------------------ admitted

    def _examined(self, examiner: Examiner, file: FoundFile, reading: Reading, *, in_place: bool) -> Document:
        newcomer = examiner.newcomer(file.path, file.relative, file.root, reading, self._clock.now())
        candidate = examiner.examine(newcomer.evolve(in_place=in_place), reading.content).candidate
        return self._batches.braked(candidate)

    async def _admit(self, candidate: Document, file: FoundFile, reading: Reading) -> Claim | Document:
        sighting = Sighting(str(file.path), reading.size, reading.mtime_ns, reading.inode)
        try:
            change = self._ledger.changes.admit(candidate, sighting, self._clock.now(), self._admission_of_file)
            return await self._writer.written(change)
        except InUse as error:
            raise NotReady(f"{candidate.location}: {error}, whose file this seems to be") from error

    def _admission_of_file(self, candidate: Document, known: Sequence[Document]) -> Document:
        """Raises NotReady where another importer has taken this very file and put it away since it was read."""
        is_known = any(document.sha256 == candidate.sha256 for document in known)
        if is_known and not os.path.lexists(candidate.location):
            raise NotReady(f"{candidate.location}: another importer has just put it away")
        return self._admission(candidate, known)

    def _admission(self, candidate: Document, known: Sequence[Document]) -> Document:
        return admit(candidate, known, self._policies.admission)

    async def _reconsider(self, claim: Claim) -> Claim:
        """A person has sent it back: file, name and rules are looked at anew."""
        await self._rereaders.takes_over()
        document, examiner = claim.document, self._examiner
        reading = read(Path(document.location), examiner.max_size)
        if reading.sha256 != document.sha256:
            raise FileVanished(f"{document.location} now has other content; that is a document of its own")
        candidate = examiner.examine(document, reading.content).candidate
        change = self._ledger.changes.readmit(claim, candidate, self._clock.now(), self._admission)
        return await self._writer.written(change)

    # ------------------------------------------------------------ acted upon

    async def _settled(self, claim: Claim, trip: Trip) -> Claim | None:
        """Every act that is due now; None when the claim was lost on the way."""
        try:
            return await self._survived(claim, trip)
        except ClaimLost as error:
            self._lost(claim, error)
            return None

    async def _put_away(self, claim: Claim | None, content: bytes | None) -> Document | None:
        """The rest: the file to its place, and the claim given back. No upload waits for that.

        Returns the document as it stands now; None where the claim was lost.
        """
        if claim is None:
            return None
        try:
            if claim.document.target is not None:
                with self._measure("put away", awaits=True):
                    claim = await self._archivist.put_away(claim, content)
                if claim.document.target is None:
                    return claim.document  # its commit has given the claim back
        except ClaimLost as error:
            self._lost(claim, error)
            return None
        await self._writer.written(self._ledger.changes.release(claim))
        return claim.document

    def _lost(self, claim: Claim, error: ClaimLost) -> None:
        self._log.warning("claim.lost", document=f"D{claim.document.id}", message=str(error))

    async def _survived(self, claim: Claim, trip: Trip) -> Claim:
        """The acts; whatever goes wrong with the document itself becomes a decision about it."""
        try:
            return await self._acted(claim, trip)
        except (LedgerError, ProbeError, StationClosed):
            raise  # no document's fault
        except Exception as error:  # noqa: BLE001 - one document's trouble must not end the others
            # Acts may have been recorded since the claim was made.
            claim = claim.holding(self._ledger.get(claim.document.id) or claim.document)
            return await self._decided(claim, self._trouble(claim.document, error))

    def _trouble(self, document: Document, error: Exception) -> Decision:
        match error:
            case FileVanished():
                return lost(document, str(error))
            case ReadError():
                return unreadable(document, str(error), self._now(), self._policies.lifecycle)
        self._log.error("document.failed", document=f"D{document.id}", exc_info=error)
        return failed(document, type(error).__name__)

    async def _acted(self, claim: Claim, trip: Trip) -> Claim:
        if claim.document.unjudged:
            claim = await self._reconsider(claim)
        act = next_act(claim.document, look_first=self._policies.look_first)
        with self._line.turn(claim.document.id, act, sends=trip.sends) as turn:
            while act is not Act.REST and self._goes_on(turn):
                if act is Act.SEND and not trip.sends:
                    due = claim.document.evolve(next_attempt_at=self._clock.now())
                    return await self._decided(claim, Decision(due, "document.due"))
                claim, act = await self._perform(act, claim, trip, turn)
        return claim

    async def _perform(self, act: Act, claim: Claim, trip: Trip, turn: Turn) -> tuple[Claim, Act]:
        document = claim.document
        outcome: Outcome
        match act:
            case Act.SEND:
                return await self._send(claim, trip, turn)
            case Act.READ_BACK:
                await self._uploaders.takes_over()
                outcome = self._client.read_back(document)
            case Act.ASK_INVOICE:
                assert document.invoice_reference is not None, "a waiting document has a reference"
                await self._uploaders.takes_over()
                outcome = self._client.invoice_exists(document.invoice_reference)
            case Act.REST:
                return claim, act
        return await self._record(claim, document, outcome, turn, act)

    async def _send(self, claim: Claim, trip: Trip, turn: Turn) -> tuple[Claim, Act]:
        document = claim.document
        if self._wants_question(document):
            decided = await self._ask_whether_paid(claim, turn)
            if decided is not None:
                return decided, Act.REST
        content = trip.content
        if content is None:
            await self._fetchers.takes_over()
            content = self._content_of(document)
        async with self._lanes.intent(trip.haste):
            with self._measure("wait for the rate", awaits=True):
                if self._client.is_paced:
                    await self._pacers.takes_over()
                    self._client.wait_for_turn()
            if not self._goes_on(turn):
                return claim, Act.REST  # others have failed while this document waited for its time
            # Before the commit: whoever sleeps between the two must not think that the intent is fresh.
            start_by = self._clock.steady() + min(START_WITHIN, self._policies.send_timeout)
            key = key_to_send(document.key, self._client.server_time(), self._policies.lifecycle.key_lifetime)
            if key is None:
                # The key grew old on the way here. The document stays uncertain; the next look at it reads back.
                return claim, Act.REST
            sending = document.evolve(
                state=State.SENDING, came_from=document.state, key=key, attempts=document.attempts + 1
            )
            with self._measure("intend", awaits=True):
                change = self._ledger.changes.intend(claim, sending, self._clock.now())
                claim = await self._writer.written(change)
            with self._measure("wait for a connection", awaits=True):
                await self._uploaders.takes_over()
            if self._is_too_late(start_by) or not self._goes_on(turn):
                return await self._withdrawn(claim, document), Act.REST
            self._ledger.confirm_sound()
            began = self._clock.steady()
            with self._measure("upload"):
                outcome = self._client.import_document(sending, content, start_by=start_by)
            self._lanes.uploaded(self._clock.steady() - began)
        return await self._record(claim, sending, outcome, turn, Act.SEND)

    def _is_too_late(self, start_by: float) -> bool:
        return self._clock.steady() > start_by

    def _wants_question(self, document: Document) -> bool:
        """Of a reminder that nobody has let pass, and of which no send is in doubt."""
        is_wanted = self._policies.asks_whether_paid and document.kind in REMINDING
        return is_wanted and not document.key.in_doubt and INVOICE_PAID not in document.accepted

    async def _ask_whether_paid(self, claim: Claim, turn: Turn) -> Claim | None:
        """The claim after a decision; None where the document goes on, as it does when the invoice does not tell."""
        document = claim.document
        assert document.invoice_reference is not None, "what is sent has a reference"
        await self._uploaders.takes_over()
        told = self._client.invoice(document.invoice_reference)
        rows = None
        if isinstance(told, InvoiceTold) and is_unclear(told.fields):
            rows = self._client.payments(document.invoice_reference)
        for failed_question in (told, rows):
            if isinstance(failed_question, ReadFailed):
                return (await self._record(claim, document, failed_question, turn, Act.ASK_INVOICE))[0]
        if not isinstance(told, InvoiceTold):
            return None  # the upload is told that the invoice is unknown, and waits for it
        why = nothing_open(told.fields, rows if isinstance(rows, tuple) else None)
        if why is None:
            return None
        return await self._decided(claim, Decision(held_as_paid(document, why), "document.held"))

    def _goes_on(self, turn: Turn) -> bool:
        return not self._is_ending and self._line.honours(turn)

    async def _withdrawn(self, claim: Claim, before: Document) -> Claim:
        """An intent that has come to nothing: others have failed meanwhile, or are too slow, or we end."""
        return await self._decided(claim, Decision(before, "upload.withdrawn"), outcome="not_sent")

    def _content_of(self, document: Document) -> bytes:
        """The bytes that were admitted, or none at all.

        Raises:
            FileVanished: they are no longer there; other bytes in their place are another document.
        """
        # Whatever may be the largest size by now: it was admitted.
        reading = read(Path(document.location), document.size)
        if reading.content is None or reading.sha256 != document.sha256:
            raise FileVanished(f"{document.location} now has other content")
        return reading.content

    async def _record(
        self, claim: Claim, document: Document, outcome: Outcome, turn: Turn, act: Act
    ) -> tuple[Claim, Act]:
        """The decision about an outcome, on disk."""
        decision = decide(document, outcome, self._now(), self._policies.lifecycle)
        name = outcome_name(outcome) if document.state is State.SENDING else None
        data = {"matched_by": outcome.matched_by} if isinstance(outcome, Found) else None
        # First, and also when the claim is lost: whoever was refused must not go on asking.
        self._line.note(turn, act, outcome, stop=decision.stop_line, resume_after=decision.resume_after)
        with self._measure("record", awaits=True):
            return await self._decided(claim, decision, outcome=name, data=data), decision.then

    async def _decided(
        self, claim: Claim, decision: Decision, *, outcome: str | None = None, data: dict[str, Any] | None = None
    ) -> Claim:
        now = self._clock.now()
        resend = self._wants_resend(decision.document)
        change = self._ledger.changes.record(
            claim, decision.document, decision.event, now, outcome=outcome, data=data, resend=resend
        )
        claim = await self._writer.written(change)
        if resend:
            self.on_resend()
        self._log_state(decision.event, decision.document)
        return claim

    def _wants_resend(self, document: Document) -> bool:
        """Whether its rule says so, and it was we who have imported it."""
        is_ours = document.state is State.IMPORTED and document.attempts > 0
        return is_ours and document.rule in self._examiner.resending_rules

    def _now(self) -> Now:
        return Now(self._clock.now(), self._client.server_time())

    # ------------------------------------------------------------ told

    def _log_state(self, event: str, document: Document) -> None:
        tell: Callable[..., None] = self._log.warning if document.state.needs_person else self._log.info
        fields = {
            "document": f"D{document.id}",
            "path": document.path,
            "state": document.state.value,
            "invoice_reference": document.invoice_reference,
            "kind": document.kind and document.kind.value,
            "reason": document.reason and document.reason.code,
            "message": document.reason and document.reason.message,
            "communication_reference": document.references and document.references.communication,
        }
        tell(event, **{name: value for name, value in fields.items() if value is not None})


def outcome_name(outcome: Outcome | ProbeOutcome) -> str:
    """`InDoubt` is kept as `in_doubt`: the ledger must not change its words when a class gets another name."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in type(outcome).__name__).lstrip("_")
