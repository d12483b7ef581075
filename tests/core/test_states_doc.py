"""docs/states.md is what the state machine says, and the machine has an answer to everything."""

import itertools
import runpy
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from importer.core.lifecycle import GENERATIONS, Act, Decision, Interrupted, Now, Outcome, decide, next_act
from importer.core.model import (
    ON_ITS_WAY,
    Absent,
    Confirmed,
    Found,
    InDoubt,
    InvoiceKnown,
    InvoiceUnknown,
    Key,
    NotSent,
    ReadFailed,
    Refused,
    State,
    Unclear,
)
from tests.making import POLICY, REFERENCES, START, at, document, error

ROOT = Path(__file__).parent.parent.parent

OUTCOMES = [
    Confirmed(REFERENCES),
    Found(REFERENCES, "bytes"),
    NotSent("no route"),
    *(Refused(error(status)) for status in (400, 401, 403, 404, 413, 415, 422, 429)),
    Refused(error(429), retry_after=7.0),
    InDoubt("timed out"),
    InDoubt("500", error(500)),
    Interrupted("killed"),
    Absent(at(700).server),
    Absent(None),
    Absent(at(700).server, unknown_invoice=True),
    Unclear("twice"),
    *(ReadFailed("no answer", status) for status in (None, 401, 403, 404, 429, 502)),
    InvoiceKnown(),
    InvoiceUnknown(),
]

KEYS = [
    Key(),
    Key(born_at=START),
    Key(born_at=START, answer=error(500).fingerprint),
    Key(born_at=START, answer=error(404).fingerprint, sealed=True),
    *(
        Key(born_at=START, last_sent_at=START, in_doubt=True, sealed=sealed, absent_at=absent_at)
        for sealed in (False, True)
        for absent_at in (None, START)
    ),
    Key(in_doubt=True),
    Key(generation=GENERATIONS, born_at=START, last_sent_at=START, in_doubt=True, sealed=True, absent_at=START),
]

CIRCUMSTANCES = [
    {},
    {"forbidden": True},
    {"waiting_since": START - POLICY.waiting_limit},
    {"came_from": State.UNCERTAIN, "attempts": 3, "tries": 40},
]

MOMENTS = [at(700), at(700, server=False), Now(at(700).local, at(-7200).server), at(30 * 3600)]


def documents(state):
    for key, circumstance in itertools.product(KEYS, CIRCUMSTANCES):
        yield document(state=state, key=key, **circumstance)


def is_proof_of_absence(decision):
    reason = decision.document.reason
    return decision.event == "document.absence_proved" or (reason is not None and reason.code == "keeps_failing")


def test_the_page_is_what_the_code_says():
    states = runpy.run_path(str(ROOT / "scripts" / "states"))
    page = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert page == states["rendered"](), "run `make reference`"


def test_no_outcome_is_missing():
    kinds = set(get_args(Outcome))
    assert len(kinds) == 11
    assert {type(outcome) for outcome in OUTCOMES} == kinds
    tables = runpy.run_path(str(ROOT / "scripts" / "states"))["TABLES"]
    assert {type(outcome) for table in tables for row in table.rows for outcome in row.outcomes} == kinds


@pytest.mark.parametrize("state", sorted(ON_ITS_WAY))
@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: f"{type(outcome).__name__}")
def test_every_outcome_has_a_decision_in_every_state_that_acts(state, outcome):
    for before, now in itertools.product(documents(state), MOMENTS):
        decision = decide(before, outcome, now, POLICY)
        assert isinstance(decision, Decision)
        after = decision.document
        assert (after.id, after.identity) == (before.id, before.identity)
        # a doubt ends only by finding the document, or by the proof of its absence
        if before.key.in_doubt and not after.key.in_doubt:
            assert after.state is State.IMPORTED or is_proof_of_absence(decision)
        # and until then the key stays what it was
        if after.key.generation != before.key.generation:
            assert replace(after.key, generation=0) == Key(generation=0)
            assert is_proof_of_absence(decision)
        # who is told to act at once has not settled
        assert decision.then is Act.REST or after.state.is_on_its_way


@pytest.mark.parametrize("state", sorted(set(State) - ON_ITS_WAY))
def test_a_settled_document_does_nothing_by_itself(state):
    assert next_act(document(state=state)) is Act.REST
    assert next_act(document(state=state), look_first=True) is Act.REST
