"""The state machine against every server that the assumptions allow: never two effects, and an end to every story.

The model server stores each request that reaches it, unless it remembers the key; replies get lost, errors are
remembered for 24 hours, requests arrive late and effects show late (within the grace). The importer dies, sleeps in the
middle of an upload while another process takes over, and people decide whatever the rules let them decide. Our clock
jumps either way. The server's clock may be missing, or wrong in either direction as long as one process watches it; it
must not jump twice within a grace, nor be set back while no importer runs: nothing in its replies would tell.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from importer.core import person
from importer.core.keys import key_to_send
from importer.core.lifecycle import Act, Interrupted, Now, decide, failed, lost, next_act, unreadable
from importer.core.model import (
    Absent,
    Confirmed,
    Document,
    Found,
    InDoubt,
    InvoiceKnown,
    InvoiceUnknown,
    NotSent,
    ReadFailed,
    Reason,
    Refused,
    State,
    Unclear,
)
from tests.making import POLICY as USUAL, REFERENCES, START, document, error

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# A long grace, so that what happens within it, and at the end of a key's life, is found often.
POLICY = replace(USUAL, readback_grace=HOUR)
FORGETS_AFTER = 24 * HOUR
LEASE = timedelta(seconds=125)
START_WITHIN = timedelta(seconds=60)
STEPS_TO_REST = 60
BY_HAND = "by hand"
PLAGUES = ["our clock", "the server's clock", "two processes", "people", "refusals"]
"""Two at most in one story: what takes many steps is found only where little else happens."""
MOODS = st.sampled_from([["ok"], ["500 with effect"], ["500 without"], ["502"], ["ok", "500 without", "502"]])


@dataclass
class Request:
    """An upload that left; its effect is one once it has arrived, and is listed after that."""

    key: str
    left: object
    arrives: object
    shows: object
    answer: str
    stored: bool | None = None
    """None as long as it is under way."""


@dataclass
class Sleeper:
    """A process that was suspended in the middle of an upload: it wakes up with an old claim."""

    token: int
    document: Document
    committed: object
    outcome: object = None
    """What it was about to record; None when it had not sent yet."""


class Protocol(RuleBasedStateMachine):
    """One document; `Act`s are performed when due, and hypothesis plays network, clocks, processes and people."""

    def __init__(self):
        super().__init__()
        self.now = START
        self.ours = self.theirs = timedelta(0)
        """How far our clock and the server's are off."""
        self.told = None
        """What this process carries on from the server's last word: how far it was off, at most."""
        self.server_is_silent = False
        self.jumped = START - 10 * HOUR
        self.document = document()
        self.act = Act.SEND
        self.token = 0
        self.committed = START
        self.attempted_at = None
        self.sleeper = None
        self.look_first = False
        self.requests = []
        self.remembered = {}  # key -> (moment, answer)
        self.events = []
        self.plagues, self.mood = set(), ["ok"]

    @initialize(
        plagues=st.sets(st.sampled_from(PLAGUES), max_size=2), mood=MOODS, look_first=st.booleans(), there=st.booleans()
    )
    def begins(self, plagues, mood, look_first, there):
        """`api.check_remote`; with it, the document may have been imported by hand."""
        self.plagues, self.mood = plagues, mood
        self.hear()
        self.look_first = look_first
        if look_first and there:
            self.requests.append(Request(BY_HAND, START, START, START, "ok", stored=True))
        self.act = next_act(self.document, look_first=look_first)

    # ------------------------------------------------------------ the server

    def arrive(self):
        """What has reached the server by now takes effect there, in the order of its arrival."""
        for request in sorted((r for r in self.requests if r.stored is None), key=lambda r: r.arrives):
            if request.arrives > self.now:
                continue
            known = self.remembered.get(request.key)
            if known and request.arrives - known[0] < FORGETS_AFTER:
                request.stored, request.answer = False, known[1]
            else:
                request.stored = request.answer != "500 without"
                self.remembered[request.key] = (request.arrives, request.answer)

    @property
    def effects(self):
        return [request for request in self.requests if request.stored]

    def is_listed(self):
        return any(request.shows <= self.now for request in self.effects)

    def hear(self):
        """A reply tells the server's time; a server clock that was set back is carried on by ours."""
        if not self.server_is_silent:
            self.told = self.theirs if self.told is None else max(self.told, self.theirs)

    def server_time(self):
        """In the `Date` of a reply."""
        return None if self.server_is_silent else self.now + self.theirs

    # ------------------------------------------------------------ the importer

    def moment(self):
        return Now(self.now + self.ours, None if self.told is None else self.now + self.told)

    def take(self, decision):
        self.document, self.act = decision.document, decision.then
        self.events.append(decision.event)

    def decided(self, outcome):
        if self.document.state is State.SENDING:
            self.attempted_at = self.moment().local
        self.take(decide(self.document, outcome, self.moment(), POLICY))

    def intend(self):
        """T3; False when there is no key to send under."""
        key = key_to_send(self.document.key, self.moment().server, POLICY.key_lifetime)
        if key is None:
            self.act = Act.REST
            return False
        before = self.document.state
        assert self.document.state.is_on_its_way
        self.document = self.document.evolve(state=State.SENDING, came_from=before, key=key)
        self.committed, self.attempted_at = self.now, self.moment().local
        return True

    def post(self, sender, *, answer="ok", late=timedelta(0), hidden=timedelta(0)):
        """The bytes leave, and nothing that left earlier under another key may still be, or become, an effect."""
        key = sender.idempotency_key
        self.arrive()
        others = [r for r in self.requests if r.key != key]
        assert not any(r.stored for r in others), "sent under a new key although an earlier one had an effect"
        pending = [r for r in others if r.stored is None and r.key not in self.remembered]
        assert not pending, "sent under a new key while a request under an earlier one was under way"
        firsts = [r.left for r in self.requests if r.key == key]
        assert not firsts or self.now - min(firsts) < FORGETS_AFTER, (
            "sent under a key that the server may have forgotten"
        )
        request = Request(key, self.now, self.now + late, self.now + max(late, hidden), answer)
        self.requests.append(request)
        self.arrive()
        return request

    # ------------------------------------------------------------ uploads

    @precondition(lambda self: self.act is Act.SEND)
    @rule(
        fate=st.sampled_from(["reply", "reply", "lost", "lost", "not sent", "killed before", "killed after", "fault"]),
        answer=st.integers(0, 2),
        late=st.sampled_from([timedelta(0), MINUTE, POLICY.readback_grace]),
        hidden=st.sampled_from([timedelta(0), POLICY.readback_grace]),
    )
    def send(self, fate, answer, late, hidden):
        if not self.intend():
            return
        answer = self.mood[answer % len(self.mood)]
        if fate == "not sent":
            self.decided(NotSent("refused"))
        elif fate == "killed before":
            self.die()
        elif answer == "502":  # a proxy's page; the request never arrived, but who knows
            self.decided(InDoubt("502"))
        else:
            self.ends(fate, self.post(self.document, answer=answer, late=late, hidden=hidden))

    def ends(self, fate, request):
        """What the importer learns about an upload that left."""
        if fate == "killed after":
            self.die()
        elif fate == "fault":
            self.take(failed(self.document, "KeyError"))
        elif fate == "lost" or request.stored is None:
            self.decided(InDoubt("timed out"))
        else:
            self.hear()
            self.decided(self.reply_to(request))

    @precondition(lambda self: self.act is Act.SEND and "refusals" in self.plagues)
    @rule(status=st.sampled_from([400, 401, 403, 404, 429]))
    def send_in_vain(self, status):
        if self.intend():
            self.hear()
            self.decided(Refused(error(status)))

    def reply_to(self, request):
        if request.answer == "ok":
            return Confirmed(REFERENCES)
        return InDoubt("500", error(500, request.answer))

    def die(self):
        """SIGKILL; the next process asks for the server's time before it sends anything."""
        behind = self.told is not None and self.told > self.theirs
        if not behind:  # nobody could tell it any more that the server's clock was set back
            self.told = None
        self.decided(Interrupted("killed"))
        self.hear()

    # ------------------------------------------------------------ two processes

    @precondition(lambda self: self.act is Act.SEND and self.sleeper is None and "two processes" in self.plagues)
    @rule(sent=st.booleans())
    def is_suspended_in_the_middle(self, sent):
        if not self.intend():
            return
        outcome = self.reply_to(self.post(self.document, answer=self.mood[0])) if sent else None
        self.sleeper = Sleeper(self.token, self.document, self.committed, outcome)
        self.act = Act.REST

    @precondition(lambda self: self.sleeper is not None and self.document.state is State.SENDING)
    @rule()
    def another_process_takes_over(self):
        """The lease counts by our clock, which may have jumped meanwhile."""
        if self.now - self.committed <= LEASE:
            self.ours += LEASE
        self.token += 1
        self.decided(Interrupted("its lease ran out"))

    @precondition(lambda self: self.sleeper is not None)
    @rule()
    def wakes_up(self):
        sleeper, self.sleeper = self.sleeper, None
        outcome = sleeper.outcome
        if outcome is None and self.now - sleeper.committed > START_WITHIN:
            outcome = NotSent("too much time had passed")
        if outcome is None:
            request = self.post(sleeper.document)
            outcome = self.reply_to(request) if request.stored is not None else InDoubt("timed out")
        if sleeper.token == self.token:
            self.document = sleeper.document
            self.hear()
            self.decided(outcome)
        # otherwise the claim is lost: the ledger records nothing, and the other process's word counts

    # ------------------------------------------------------------ questions

    @precondition(lambda self: self.act is Act.READ_BACK)
    @rule(what=st.sampled_from(["list"] * 6 + ["503", "403", "404", "cannot tell"]))
    def read_back(self, what):
        if what in ("403", "404") and "refusals" not in self.plagues:
            what = "list"
        if what == "cannot tell" and "people" not in self.plagues:
            what = "list"
        self.decided(self.seen(what))

    def seen(self, what="list"):
        self.arrive()
        if what == "503":
            return ReadFailed("503", 503)
        self.hear()
        if what == "403":
            return ReadFailed("403", 403)
        if what == "404" and (self.document.key.in_doubt or not self.effects):
            return Absent(self.server_time(), unknown_invoice=True)
        if what == "cannot tell":
            return Unclear("other bytes under its name")
        return Found(REFERENCES, "fingerprint") if self.is_listed() else Absent(self.server_time())

    @precondition(lambda self: self.act is Act.ASK_INVOICE)
    @rule(outcome=st.sampled_from([InvoiceKnown(), InvoiceUnknown(), ReadFailed("502", 502), ReadFailed("403", 403)]))
    def ask_for_the_invoice(self, outcome):
        self.hear()
        self.decided(outcome)

    @precondition(lambda self: self.act is Act.SEND and "people" in self.plagues)
    @rule(gone=st.booleans())
    def the_file_cannot_be_read(self, gone):
        here = unreadable(self.document, "EIO", self.moment(), POLICY)
        self.take(lost(self.document, "gone") if gone else here)

    # ------------------------------------------------------------ time

    @precondition(lambda self: self.act is Act.REST and self.is_idle() and next_act(self.document) is not Act.REST)
    @rule(extra=st.sampled_from([timedelta(0), MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 30 * HOUR]))
    def time_passes_until_due(self, extra):
        self.time_goes_on_until_due(extra)

    @precondition(lambda self: self.sleeper is not None)
    @rule(span=st.sampled_from([timedelta(seconds=30), MINUTE * 10, HOUR, 6 * HOUR]))
    def time_passes(self, span):
        self.now += span
        self.arrive()

    @precondition(lambda self: "our clock" in self.plagues)
    @rule(jump=st.sampled_from([timedelta(days=-400), -48 * HOUR, -HOUR, HOUR, 48 * HOUR]))
    def our_clock_jumps(self, jump):
        self.ours += jump

    @precondition(
        lambda self: "the server's clock" in self.plagues and self.now - self.jumped > 3 * POLICY.readback_grace
    )
    @rule(jump=st.sampled_from([-48 * HOUR, -HOUR, 10 * HOUR, 48 * HOUR]))
    def the_servers_clock_jumps(self, jump):
        self.hear()
        self.theirs += jump
        self.jumped = self.now

    @precondition(lambda self: "the server's clock" in self.plagues)
    @rule(silent=st.booleans())
    def the_server_tells_no_time(self, silent):
        self.server_is_silent = silent

    # ------------------------------------------------------------ people

    def is_a_persons_turn(self):
        return "people" in self.plagues and self.act is Act.REST and self.is_idle()

    def is_idle(self):
        """Nobody holds the document's claim."""
        return self.document.state is not State.SENDING

    def says(self, decision):
        if isinstance(decision, str):
            return
        self.document, self.act = decision, Act.REST
        self.events.append("person")

    @precondition(lambda self: self.is_a_persons_turn())
    @rule()
    def a_person_retries(self):
        self.says(person.retry(self.document, self.moment().local))
        # The file is looked at anew, and is still what it was.
        self.document = self.document.evolve(unjudged=False)

    @precondition(lambda self: self.is_a_persons_turn())
    @rule(what=st.sampled_from(["list", "404", "cannot tell"]))
    def a_person_says_that_it_is_not_imported(self, what):
        """Truthfully, as far as anybody can see at that moment."""
        if person.not_in_question(self.document, "--not-imported"):
            return
        self.arrive()
        seen = self.seen(what)
        if isinstance(seen, Found):
            self.says(person.imported(self.document, seen.references, self.moment().local))
        elif not self.is_listed() and self.sleeper is None:
            now = self.moment()
            grace = POLICY.readback_grace
            self.says(person.not_imported(self.document, now.server, grace, now.local, self.attempted_at))

    @precondition(lambda self: self.is_a_persons_turn() and self.is_listed())
    @rule()
    def a_person_finds_it(self):
        self.says(person.imported(self.document, REFERENCES, self.moment().local))

    @precondition(lambda self: self.is_a_persons_turn())
    @rule()
    def a_person_gives_it_up(self):
        self.says(person.dismiss(self.document))

    @precondition(lambda self: self.is_a_persons_turn() and next_act(self.document) is Act.SEND)
    @rule()
    def it_is_held_as_a_revision_and_accepted(self):
        held = self.document.evolve(state=State.HELD, reason=Reason("revision", "other bytes"))
        self.says(person.accept(held, self.moment().local))
        self.document = self.document.evolve(unjudged=False)

    # ------------------------------------------------------------ what must hold

    @precondition(lambda self: self.act is Act.REST and next_act(self.document) is Act.REST and self.is_idle())
    @rule()
    def all_is_done(self):
        """Late effects show, and somebody else's clock goes on."""
        self.now += POLICY.readback_grace
        self.arrive()

    @invariant()
    def never_two_effects(self):
        assert len(self.effects) <= 1

    @invariant()
    def imported_means_stored(self):
        if self.document.state is State.IMPORTED:
            assert len(self.effects) == 1

    @invariant()
    def what_may_have_arrived_is_not_given_up(self):
        """Whoever is told that nothing was imported may drop the file again: then nothing may be at Abillify."""
        if self.document.state is State.REJECTED:
            assert not [effect for effect in self.effects if effect.key != BY_HAND]
            assert not self.document.key.in_doubt

    @invariant()
    def it_never_rests_without_a_next_time(self):
        state = self.document.state
        if self.act is Act.REST and state.is_on_its_way and state not in (State.PENDING, State.SENDING):
            assert self.document.next_attempt_at is not None or self.document.forbidden

    def teardown(self):
        """Once the faults stop, it comes to rest: imported, rejected, or held with a reason."""
        self.server_is_silent, self.sleeper = False, None
        if self.document.state is State.SENDING:
            self.decided(Interrupted("killed"))
        self.hear()
        for _ in range(STEPS_TO_REST):
            if self.act is Act.REST:
                if next_act(self.document) is Act.REST:
                    break
                self.time_goes_on_until_due()
            elif self.act is Act.SEND:
                if self.intend():
                    self.decided(self.reply_to(self.post(self.document)))
            elif self.act is Act.READ_BACK:
                self.decided(self.seen())
            else:
                self.decided(InvoiceKnown())
            self.never_two_effects()
        state = self.document.state
        assert state in (State.IMPORTED, State.REJECTED, State.HELD), f"still {state} after {self.events}"
        assert state is State.IMPORTED or self.document.reason is not None

    def time_goes_on_until_due(self, extra=timedelta(0)):
        due = self.document.next_attempt_at
        self.now += (max(timedelta(0), due - (self.now + self.ours)) if due else timedelta(0)) + extra
        self.arrive()
        self.act = next_act(self.document, look_first=self.look_first)


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(max_examples=500, stateful_step_count=22, deadline=None)


def test_a_server_clock_set_forward_does_not_make_an_upload_old_enough_for_a_persons_word():
    # Given an upload that is still on its way, and a server whose clock was set forward since it was last heard
    world = Protocol()
    world.begins(plagues={"the server's clock", "people"}, mood=["ok"], look_first=False, there=False)
    world.the_servers_clock_jumps(jump=10 * HOUR)
    world.send(fate="reply", answer=0, late=MINUTE, hidden=timedelta(0))
    # When a person looks, does not find it, and says so
    world.a_person_says_that_it_is_not_imported(what="list")
    # Then nothing is sent before it could have shown, and it is found there
    assert world.document.state is State.UNCERTAIN
    world.teardown()
    assert world.document.state is State.IMPORTED
    assert len(world.requests) == 1
