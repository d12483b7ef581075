"""The state machine against every server that the assumptions allow: never two effects, and an end to every story.

The model server stores each request that reaches it, unless its key is remembered; replies get lost, errors are
remembered, effects land late (within the grace) and the importer dies in the middle of a send.
"""

from datetime import timedelta

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from importer.core.keys import key_to_send
from importer.core.lifecycle import Act, Interrupted, Now, decide, next_act
from importer.core.model import Absent, Confirmed, Found, InDoubt, NotSent, ReadFailed, Refused, State
from tests.making import POLICY, REFERENCES, START, document, error

FORGETS_AFTER = timedelta(hours=24)


class Protocol(RuleBasedStateMachine):
    """One document; `Act`s are performed when due, and hypothesis plays the network and the clock."""

    def __init__(self):
        super().__init__()
        self.now = START
        self.document = document()
        self.act = Act.SEND
        self.landings = []  # (moment, key): effects that are to land
        self.effects = 0
        self.remembered = {}  # key -> (moment, answer)

    # ------------------------------------------------------------ the server

    def request(self, *, effect, late, answer):
        """A request reaches the server; returns its answer."""
        key = self.document.idempotency_key
        known = self.remembered.get(key)
        if known and self.now - known[0] < FORGETS_AFTER:
            return known[1]
        if effect:
            self.landings.append(self.now + late)
        self.remembered[key] = (self.now, answer)
        return answer

    def land(self):
        self.effects += sum(moment <= self.now for moment in self.landings)
        self.landings = [moment for moment in self.landings if moment > self.now]

    # ------------------------------------------------------------ the importer

    def decided(self, outcome):
        decision = decide(self.document, outcome, Now(self.now, self.now), POLICY)
        self.document, self.act = decision.document, decision.then

    def intend(self):
        """T3; False when there is no key to send under."""
        key = key_to_send(self.document.key, self.now, POLICY.key_lifetime)
        if key is None:
            self.act = Act.REST
            return False
        before = self.document.state
        self.document = self.document.evolve(state=State.SENDING, came_from=before, key=key)
        return True

    # ------------------------------------------------------------ what may happen

    @precondition(lambda self: self.act is Act.SEND)
    @rule(
        fate=st.sampled_from(["reply", "lost", "refused early", "not sent", "killed before", "killed after"]),
        answer=st.sampled_from(["ok", "500 with effect", "500 without", "502"]),
        late=st.sampled_from([timedelta(0), timedelta(seconds=1), POLICY.readback_grace]),
        status=st.sampled_from([400, 401, 404, 429]),
    )
    def send(self, fate, answer, late, status):
        if not self.intend():
            return
        if fate == "not sent":
            return self.decided(NotSent("refused"))
        if fate == "refused early":
            return self.decided(Refused(error(status)))
        if fate == "killed before":
            return self.decided(Interrupted("killed"))
        if answer == "502":  # a proxy's page; the request never arrived, but who knows
            return self.decided(InDoubt("502"))
        got = self.request(effect=answer != "500 without", late=late, answer=answer)
        if fate == "killed after":
            return self.decided(Interrupted("killed"))
        if fate == "lost":
            return self.decided(InDoubt("timed out"))
        if got == "ok":
            return self.decided(Confirmed(REFERENCES))
        return self.decided(InDoubt("500", error(500, got)))

    @precondition(lambda self: self.act is Act.REST and next_act(self.document) is not Act.REST)
    @rule(extra=st.sampled_from([timedelta(0), timedelta(minutes=1), timedelta(hours=6), timedelta(hours=30)]))
    def time_passes_until_due(self, extra):
        due = self.document.next_attempt_at or self.now
        self.now = max(self.now, due) + extra
        self.land()
        self.act = next_act(self.document)
        if self.act is Act.ASK_INVOICE:  # it is there again
            self.act = Act.SEND

    @precondition(lambda self: self.act is Act.READ_BACK)
    @rule(fails=st.booleans())
    def read_back(self, fails):
        self.land()
        if fails:
            self.decided(ReadFailed("503"))
        elif self.effects:
            self.decided(Found(REFERENCES, "fingerprint"))
        else:
            self.decided(Absent(self.now))

    @precondition(lambda self: self.act is Act.REST and next_act(self.document) is Act.REST)
    @rule()
    def late_effects_land(self):
        self.now += POLICY.readback_grace
        self.land()

    # ------------------------------------------------------------ what must hold

    @invariant()
    def never_two_effects(self):
        assert self.effects + len(self.landings) <= 1

    @invariant()
    def imported_means_stored(self):
        if self.document.state is State.IMPORTED:
            assert self.effects + len(self.landings) == 1

    @invariant()
    def it_never_rests_without_a_next_time(self):
        state = self.document.state
        if self.act is Act.REST and state.is_on_its_way and state is not State.PENDING:
            assert self.document.next_attempt_at is not None or self.document.forbidden


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
