"""How far the calls of a hook have come: none is lost, and none is in the way of the others for ever."""

from datetime import UTC, datetime, timedelta

from importer.core.hooks import GIVEN_UP_AFTER, MOST, PAUSES, TRIES, Call, Progress

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def calls(*numbers):
    return [Call(number, number, NOW) for number in numbers]


def test_calls_are_passed_in_the_order_of_their_events():
    one, two = calls(3, 7)
    progress = Progress(after=2)
    assert progress.due([one, two], NOW) == [one, two]
    assert progress.passed(one).after == 3
    assert progress.passed(one).passed(two) == Progress(after=7)


def test_what_has_failed_is_tried_again_and_does_not_stop_the_others():
    one, two = calls(3, 7)
    progress = Progress(after=2).failed(one, "it ended with 1", NOW)
    assert (progress.after, progress.failing) == (3, "it ended with 1")
    assert progress.due([two], NOW) == [two]
    later = NOW + PAUSES[0]
    assert progress.due([two], later) == [one, two]
    # Pauses grow, and it is forgotten once it has succeeded
    again = progress.failed(one, "it ended with 1", later)
    assert PAUSES[0] < again.again[0].at - later <= 2 * PAUSES[0]
    assert again.passed(two).passed(one).working() == Progress(after=7)


def test_it_is_given_up_after_a_day_and_counted():
    (one,) = calls(3)
    progress, now, tries = Progress(after=2), NOW, 0
    while not progress.given_up:
        progress, tries = progress.failed(one, "it ended with 1", now), tries + 1
        now += timedelta(hours=1)
    assert now - NOW <= GIVEN_UP_AFTER + 2 * timedelta(hours=1)
    assert TRIES < tries < 40
    assert (progress.again, progress.given_up, progress.after) == ((), 1, 3)


def test_a_day_in_which_it_was_hardly_tried_is_not_enough():
    (one,) = calls(3)
    progress = Progress(after=2)
    for day in range(TRIES - 1):
        progress = progress.failed(one, "it ended with 1", NOW + day * GIVEN_UP_AFTER)
    assert ([again.tries for again in progress.again], progress.given_up) == ([TRIES - 1], 0)
    progress = progress.failed(one, "it ended with 1", NOW + TRIES * GIVEN_UP_AFTER)
    assert (progress.again, progress.given_up) == ((), 1)


def test_a_hook_that_fails_for_everybody_is_not_called_for_more():
    progress = Progress(after=0)
    for call in calls(*range(1, MOST + 1)):
        progress = progress.failed(call, "it ended with 1", NOW)
    new = calls(500)
    assert progress.due(new, NOW) == []
    assert len(progress.due(new, NOW + PAUSES[0])) == MOST
    assert progress.passed(*calls(1)).due(new, NOW) == new


def test_without_a_program_no_call_counts_as_made():
    progress = Progress(after=2).broken("it is not there")
    assert (progress.after, progress.again, progress.failing) == (2, (), "it is not there")
    assert progress.working() == Progress(after=2)
