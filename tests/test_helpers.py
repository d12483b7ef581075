"""Threads beside the work."""

import threading

import pytest

from importer.helpers import HelperDied, Helpers


def test_whoever_works_hears_of_a_helper_that_has_died():
    heard = threading.Event()
    helpers = Helpers(heard.set)

    def die(_):
        raise ZeroDivisionError

    with helpers.running("heartbeat", die):
        assert heard.wait(30)
        with pytest.raises(HelperDied, match="heartbeat") as died:
            helpers.check()
    assert isinstance(died.value.__cause__, ZeroDivisionError)


def test_a_helper_ends_with_its_context_and_nobody_is_told():
    helpers, seen = Helpers(pytest.fail), []

    def work(ended):
        seen.append(ended.wait(30))

    with helpers.running("heartbeat", work):
        helpers.check()
    assert seen == [True]
    helpers.check()
