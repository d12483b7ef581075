"""The state machine, outcome by outcome."""

from dataclasses import replace
from datetime import timedelta

import pytest

from importer.core.keys import key_to_send
from importer.core.lifecycle import Act, Interrupted, decide, failed, lost, next_act, pause
from importer.core.model import (
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
from importer.core.person import retry
from tests.making import POLICY, REFERENCES, START, at, document, error

SENDING = document(state=State.SENDING, came_from=State.PENDING, attempts=1, key=Key(born_at=START))
IN_DOUBT = Key(born_at=START, last_sent_at=START, in_doubt=True)
UNCERTAIN = document(state=State.UNCERTAIN, key=IN_DOUBT)
RESENDING = document(state=State.SENDING, came_from=State.UNCERTAIN, attempts=2, key=IN_DOUBT)


def decided(before, outcome, now=None):
    return decide(before, outcome, now or at(60), POLICY)


def test_a_confirmed_upload_is_imported_with_its_references():
    decision = decided(SENDING, Confirmed(REFERENCES))
    assert decision.document.state is State.IMPORTED
    assert decision.document.references == REFERENCES
    assert decision.document.imported_at == at(60).local
    assert decision.then is Act.REST


def test_an_upload_that_never_left_is_deferred_and_stops_the_line():
    decision = decided(SENDING, NotSent("connection refused"))
    assert decision.document.state is State.DEFERRED
    assert decision.stop_line is not None
    assert not decision.document.key.in_doubt


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_clean_refusal_needs_a_person(status):
    decision = decided(SENDING, Refused(error(status, "wrong debtor")))
    assert decision.document.state is State.REJECTED
    assert "wrong debtor" in decision.document.reason.message


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422, 429])
def test_a_clean_refusal_leaves_an_earlier_send_in_doubt(status):
    decision = decided(RESENDING, Refused(error(status)))
    assert decision.document.state is State.UNCERTAIN
    assert decision.document.key.in_doubt


def test_not_being_connected_leaves_an_earlier_send_in_doubt():
    assert decided(RESENDING, NotSent("no route")).document.state is State.UNCERTAIN


def test_an_unknown_invoice_is_waited_for():
    decision = decided(SENDING, Refused(error(404)))
    assert decision.document.state is State.WAITING
    assert decision.document.waiting_since == at(60).local
    assert next_act(decision.document) is Act.ASK_INVOICE


def test_an_invoice_that_appears_is_sent_to_at_once():
    assert decided(document(state=State.WAITING), InvoiceKnown()).then is Act.SEND


def test_an_invoice_that_never_appears_is_held_after_the_limit():
    waiting = document(state=State.WAITING, waiting_since=START - POLICY.waiting_limit)
    decision = decided(waiting, InvoiceUnknown())
    assert decision.document.state is State.HELD
    assert decision.document.reason.code == "waiting_too_long"


def test_a_remembered_404_gives_way_to_a_new_key_soon_after_the_invoice_appeared():
    first = decided(SENDING, Refused(error(404))).document
    again = decided(first.evolve(state=State.SENDING, came_from=State.WAITING), Refused(error(404))).document
    assert again.key.sealed
    assert again.next_attempt_at - at(60).local <= POLICY.backoff[0] * 4
    assert key_to_send(again.key, at(90).server, POLICY.key_lifetime).generation == 2


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_put_the_document_back_and_stop_the_line(status):
    decision = decided(SENDING, Refused(error(status)))
    assert decision.document.state is State.PENDING
    assert decision.document.attempts == 0
    assert decision.stop_line.code == "credentials_refused"


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_leave_a_document_uncertain_that_was(status):
    assert decided(RESENDING, Refused(error(status))).document.state is State.UNCERTAIN


def test_a_document_that_alone_is_refused_again_is_held():
    back = decided(SENDING, Refused(error(403))).document
    again = decided(back.evolve(state=State.SENDING, came_from=State.PENDING), Refused(error(403)))
    assert again.document.state is State.HELD
    assert again.document.reason.code == "forbidden_for_invoice"
    assert again.stop_line is None


def test_a_read_back_that_alone_is_forbidden_is_held_too():
    back = decided(UNCERTAIN, ReadFailed("403", status=403))
    assert back.stop_line is not None
    assert back.document.state is State.UNCERTAIN
    assert decided(back.document, ReadFailed("403", status=403)).document.state is State.HELD


def test_too_many_requests_defers_for_as_long_as_asked():
    decision = decided(SENDING, Refused(error(429), retry_after=7))
    assert decision.document.next_attempt_at == at(67).local
    assert decision.resume_after == 7


def test_a_lost_reply_is_read_back_before_anything_is_sent():
    decision = decided(SENDING, InDoubt("read timed out"))
    assert decision.document.state is State.UNCERTAIN
    assert decision.then is Act.REST
    assert next_act(decision.document) is Act.READ_BACK


def test_an_interrupted_send_is_read_back_at_once():
    decision = decided(SENDING, Interrupted("killed"))
    assert decision.document.state is State.UNCERTAIN
    assert decision.document.next_attempt_at == at(60).local


def test_a_document_found_by_the_read_back_is_imported():
    decision = decided(UNCERTAIN, Found(REFERENCES, "fingerprint"))
    assert decision.document.state is State.IMPORTED
    assert not decision.document.key.in_doubt


def test_an_absent_document_is_sent_again_under_the_same_young_key():
    decision = decided(UNCERTAIN, Absent(at(60).server))
    assert decision.then is Act.SEND
    assert key_to_send(decision.document.key, at(60).server, POLICY.key_lifetime).generation == 1


def test_an_unclear_read_back_is_held_with_both_possibilities_spelled_out():
    decision = decided(UNCERTAIN, Unclear("two letters of that name", ({"id": "1"}, {"id": "2"})))
    assert decision.document.state is State.HELD
    assert "--imported" in decision.document.reason.message
    assert "--not-imported" in decision.document.reason.message


def test_a_404_in_a_read_back_proves_nothing_while_a_send_is_in_doubt():
    decision = decided(UNCERTAIN, Absent(at(60).server, unknown_invoice=True))
    assert decision.document.state is State.UNCERTAIN
    assert decision.then is Act.REST


SEALED = document(state=State.UNCERTAIN, key=replace(IN_DOUBT, sealed=True))


def test_the_same_vendor_error_twice_seals_the_key():
    once = decided(SENDING, InDoubt("500", error(500))).document
    assert not once.key.sealed
    twice = decided(once.evolve(state=State.SENDING, came_from=State.UNCERTAIN), InDoubt("500", error(500))).document
    assert twice.key.sealed


def test_different_vendor_errors_do_not_seal_the_key():
    once = decided(SENDING, InDoubt("500", error(500, "a"))).document
    assert not decided(once, InDoubt("500", error(500, "b"))).document.key.sealed


def test_one_empty_read_back_is_not_enough_for_a_new_generation():
    decision = decided(SEALED, Absent(at(700).server), at(700))
    assert decision.then is Act.REST
    assert decision.document.key.generation == 1


def test_an_empty_read_back_within_the_grace_does_not_count():
    early = decided(SEALED, Absent(at(60).server), at(60)).document
    assert early.key.absent_at is None
    assert early.next_attempt_at == at(600).local


def test_two_empty_read_backs_after_the_grace_and_apart_begin_the_next_generation():
    first = decided(SEALED, Absent(at(600).server), at(600)).document
    assert first.next_attempt_at == at(1200).local
    too_soon = decided(first, Absent(at(1199).server), at(1199))
    assert too_soon.then is Act.REST
    second = decided(too_soon.document, Absent(at(1200).server), at(1200))
    assert second.then is Act.SEND
    assert second.document.key == Key(generation=2)


def test_an_old_key_is_treated_like_a_sealed_one():
    old = timedelta(hours=20, seconds=1).total_seconds()
    decision = decided(UNCERTAIN, Absent(at(old).server), at(old))
    assert decision.then is Act.REST
    assert decision.document.key.absent_at == at(old).server


def test_a_server_clock_that_runs_backwards_means_an_expired_key():
    assert decided(UNCERTAIN, Absent(at(-3600).server), at(-3600)).then is Act.REST


def test_a_read_back_without_the_servers_time_proves_nothing():
    decision = decided(SEALED, Absent(None), at(700, server=False))
    assert decision.document.key.absent_at is None
    assert decision.document.state is State.UNCERTAIN


def test_no_key_is_born_without_the_servers_time():
    assert key_to_send(Key(), None, POLICY.key_lifetime) is None


def test_a_key_without_doubt_is_replaced_when_it_is_old():
    old = START + timedelta(hours=21)
    assert key_to_send(Key(born_at=START), old, POLICY.key_lifetime) == Key(generation=2, born_at=old)


def test_an_upload_that_a_fault_of_ours_ended_outdates_every_earlier_read_back():
    looked_at = replace(IN_DOUBT, absent_at=at(600).server)
    broken = failed(RESENDING.evolve(key=looked_at), "KeyError").document
    assert broken.key == replace(IN_DOUBT, last_sent_at=None)
    spent = broken.evolve(state=State.UNCERTAIN, key=replace(broken.key, sealed=True))
    assert decided(spent, Absent(at(9000).server), at(9000)).then is Act.REST


def test_a_retry_of_what_may_be_there_already_looks_first():
    unclear = decided(document(), Unclear("two letters of that name")).document
    assert next_act(retry(unclear, START)) is Act.READ_BACK


def test_a_failed_question_changes_nothing_but_the_schedule():
    decision = decided(UNCERTAIN, ReadFailed("502"))
    assert decision.document.state is State.UNCERTAIN
    assert decision.document.key == UNCERTAIN.key
    assert decision.document.next_attempt_at > at(60).local


def test_a_lost_file_is_rejected_but_held_while_a_send_is_in_doubt():
    assert lost(document(), "gone").document.state is State.REJECTED
    assert lost(UNCERTAIN, "gone").document.state is State.HELD


def test_pauses_double_and_are_capped_and_repeat_exactly():
    pauses = [pause(document(tries=tries), POLICY.backoff) for tries in range(12)]
    low, high = POLICY.backoff
    assert all(low * 0.75 <= p <= high for p in pauses)
    assert pauses[3] > pauses[0] * 4
    assert pauses == [pause(document(tries=tries), POLICY.backoff) for tries in range(12)]
