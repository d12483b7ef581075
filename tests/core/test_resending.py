"""Sending invoices again: no second key while a request under the first one may have been processed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from importer.core.keys import is_usable
from importer.core.lifecycle import Interrupted, Now, Policy
from importer.core.model import InDoubt, NotSent, Refused, VendorError
from importer.core.resending import (
    AlreadySent,
    Answered,
    Begin,
    GoOn,
    Resend,
    ResendState,
    Undecided,
    decide,
    next_step,
    prepared,
    settled,
)

START = datetime(2026, 10, 5, 9, tzinfo=UTC)
POLICY = Policy(
    backoff=(timedelta(seconds=30), timedelta(hours=1)),
    waiting=(timedelta(minutes=10), timedelta(days=1)),
    waiting_limit=timedelta(days=14),
    key_lifetime=timedelta(hours=20),
    readback_grace=timedelta(minutes=10),
)
VENDORS_LIFETIME = timedelta(hours=24)
OK = Answered("1", "OK", "0")


class Abillify:
    """Processes a key once a day at most, and remembers what it answered (abillify-api.md, "Idempotency")."""

    def __init__(self):
        self.answers = {}
        self.processed = []

    def take(self, key, outcome, *, effect, at):
        since, answer = self.answers.get(key, (None, None))
        if since is not None and at - since < VENDORS_LIFETIME:
            return answer
        if effect:
            self.processed.append(key)
        is_own_error = isinstance(outcome, InDoubt) and outcome.error is not None
        if effect or is_own_error:
            self.answers[key] = at, outcome if is_own_error or isinstance(outcome, Answered) else OK
        return outcome


REPLIES = {
    "ok": (OK, True),
    "not ok": (Answered("2", "FAILED", "17"), False),
    "500": (InDoubt("500", VendorError(500, "ServerError")), False),
    "500 after": (InDoubt("500", VendorError(500, "ServerError")), True),
    "proxy": (InDoubt("502"), False),
    "proxy after": (InDoubt("502"), True),
    "404": (Refused(VendorError(404, "NotFound")), False),
    "401": (Refused(VendorError(401, "Unauthorized")), False),
    "429": (Refused(VendorError(429), retry_after=5.0), False),
}
WAYS = st.sampled_from(
    [*REPLIES, "unreachable", "lost", "never arrived", "killed", "killed before it left", "no server time"]
)
ACTS = st.one_of(
    st.tuples(st.just("wish"), st.booleans()),
    st.tuples(st.just("send"), WAYS),
    st.tuples(st.just("settle"), st.none()),
    st.tuples(st.just("pass"), st.sampled_from([timedelta(minutes=1), timedelta(hours=7), timedelta(hours=19)])),
)


class Story:
    """One invoice: its intents in the ledger, and what really happened."""

    def __init__(self):
        self.now, self.ledger, self.abillify = START, [], Abillify()

    def moment(self):
        return Now(self.now, self.now)

    def wish(self, again):
        step = next_step(self.ledger, again=again)
        if isinstance(step, Begin):
            number = len(self.ledger) + 1
            made = Resend(id=number, account="a", invoice_reference="R", seed=f"s{number}", created_at=self.now)
            self.ledger.append(made)
        if again:
            assert not isinstance(step, AlreadySent)
        return step

    def rule(self):
        """A rule asks nobody what was sent before."""
        number = len(self.ledger) + 1
        made = Resend(id=number, account="a", invoice_reference="R", seed=f"s{number}", created_at=self.now)
        self.ledger.append(made)

    def send(self, way):
        for index, resend in enumerate(self.ledger):
            others = [other for other in self.ledger if other is not resend]
            server = None if way == "no server time" else self.now
            sending = prepared(resend, others, Now(self.now, server), POLICY.key_lifetime)
            if sending is None:
                continue
            self.ledger[index] = sending
            if sending.state is ResendState.SENDING:
                outcome = self.exchange(sending, way)
                self.ledger[index] = decide(sending, outcome, self.moment(), POLICY).resend

    def exchange(self, sending, way):
        if way in ("unreachable", "killed before it left"):
            return NotSent("refused") if way == "unreachable" else Interrupted("killed")
        self.nothing_else_is_in_doubt(sending)
        key = sending.idempotency_key
        if way in ("lost", "killed"):
            self.abillify.take(key, OK, effect=True, at=self.now)
            return InDoubt("lost") if way == "lost" else Interrupted("killed")
        if way == "never arrived":
            return InDoubt("the connection broke")
        reply, effect = REPLIES[way]
        return self.abillify.take(key, reply, effect=effect, at=self.now)

    def nothing_else_is_in_doubt(self, sending):
        """Of every other key that Abillify has processed, the ledger knows what came of it."""
        told = {r.idempotency_key for r in self.ledger if r.state in (ResendState.SENT, ResendState.FAILED)}
        others = set(self.abillify.processed) - {sending.idempotency_key}
        assert others <= told

    def settle(self, _):
        for index, resend in enumerate(self.ledger):
            if resend.state is ResendState.HELD:
                was_sent = resend.idempotency_key in self.abillify.processed
                self.ledger[index] = settled(resend, self.now, was_sent=was_sent)


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTS, max_size=25), st.booleans())
def test_no_second_key_while_the_first_may_have_been_processed(acts, with_rule):
    story = Story()
    for act, argument in acts:
        match act:
            case "wish":
                story.wish(argument)
            case "send":
                story.send(argument)
            case "settle":
                story.settle(argument)
            case "pass":
                story.now += argument
                if with_rule:
                    story.rule()
    processed = story.abillify.processed
    assert len(processed) == len(set(processed)), "no key had two effects"
    for resend in story.ledger:
        assert (resend.next_attempt_at is None) or resend.state.is_open
        assert resend.state is not ResendState.HELD or resend.use.in_doubt
        assert resend.message or resend.state in (ResendState.PENDING, ResendState.SENDING, ResendState.SENT)


@settings(max_examples=100, deadline=None)
@given(st.lists(WAYS, max_size=8))
def test_it_settles_once_the_faults_stop(ways):
    story = Story()
    story.wish(again=False)
    for way in ways:
        story.send(way)
    for _ in range(3):
        story.now += timedelta(hours=1)
        story.send("ok")
    assert not story.ledger[0].state.is_open


def one(state=ResendState.PENDING, number=1, **fields):
    made = Resend(id=number, account="a", invoice_reference="R", seed=f"s{number}", created_at=START, **fields)
    return made.evolve(state=state)


@pytest.mark.parametrize(
    ("states", "again", "step"),
    [
        ([], False, Begin),
        (["failed"], False, Begin),
        (["sent"], False, AlreadySent),
        (["sent", "failed"], False, AlreadySent),
        (["sent"], True, Begin),
        (["sent", "pending"], True, GoOn),
        (["uncertain"], True, GoOn),
        (["held"], True, Undecided),
        (["sent", "held", "pending"], True, Undecided),
    ],
)
def test_what_a_wish_comes_to(states, again, step):
    known = [one(ResendState(state), number) for number, state in enumerate(states, start=1)]
    assert type(next_step(known, again=again)) is step


def test_the_key_that_is_too_old_is_not_sent_again():
    sending = prepared(one(), [], Now(START, START), POLICY.key_lifetime)
    doubtful = decide(sending, InDoubt("lost"), Now(START, START), POLICY).resend
    young, old = START + timedelta(hours=20), START + timedelta(hours=20, seconds=1)
    again = prepared(doubtful, [], Now(young, young), POLICY.key_lifetime)
    assert (again.state, again.idempotency_key) == (ResendState.SENDING, sending.idempotency_key)
    assert prepared(doubtful, [], Now(old, old), POLICY.key_lifetime).state is ResendState.HELD
    assert prepared(doubtful, [], Now(old, None), POLICY.key_lifetime) is None, "without the server's time: not now"


def test_refused_credentials_stop_the_line_once_and_are_then_about_this_invoice():
    sending = prepared(one(), [], Now(START, START), POLICY.key_lifetime)
    first = decide(sending, REPLIES["401"][0], Now(START, START), POLICY)
    assert first.stop_line.code == "credentials_refused"
    second = prepared(first.resend, [], Now(START, START), POLICY.key_lifetime)
    last = decide(second, REPLIES["401"][0], Now(START, START), POLICY)
    assert (last.resend.state, last.stop_line) == (ResendState.FAILED, None)


def test_a_remembered_error_ends_with_a_person():
    story = Story()
    story.wish(again=False)
    story.send("500")
    story.now += timedelta(minutes=1)
    story.send("ok")
    (held,) = story.ledger
    assert held.state is ResendState.HELD
    assert not is_usable(replace(held.use), story.now, POLICY.key_lifetime)
    assert "--was-sent" in held.message
