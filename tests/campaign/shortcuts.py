"""The shortcuts of exactly-once.md, switched on from outside: with each of them the checker must fail.

Each replaces a function as the pipeline or the state machine sees it. A context manager puts everything back.
"""

import random
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta

from importer import pipeline
from importer.core import keys, lifecycle
from importer.core.keys import next_generation
from importer.core.lifecycle import Act, Decision
from importer.core.model import State
from tests.campaign.instance import POLICIES


@contextmanager
def patched(module, name, value):
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _blind(document, *, look_first=False):
    """What is in doubt is sent again without a look."""
    act = lifecycle.next_act(document, look_first=look_first)
    return Act.SEND if act is Act.READ_BACK else act


def _random_key():
    numbers = random.Random(0)

    def key_to_send(key, server_time, lifetime):
        return replace(key, generation=numbers.randrange(1, 10**12), born_at=server_time)

    return [(pipeline, "key_to_send", key_to_send), (lifecycle, "is_usable", lambda *_: True)]


def _new_key_after_every_error():
    def doubted(key, server_time):
        return replace(next_generation(key), in_doubt=True, born_at=server_time, last_sent_at=server_time)

    return [(lifecycle, "doubted", doubted)]


def _stable_key():
    def key_to_send(key, server_time, lifetime):
        return replace(key, born_at=key.born_at or server_time)

    return [(pipeline, "key_to_send", key_to_send), (pipeline, "next_act", _blind)]


def _new_key_straight_after_500():
    def answered(key, error):
        return next_generation(key) if error is not None and error.status == 500 else key

    return [(lifecycle, "answered", answered)]


def _new_key_without_readback():
    def key_to_send(key, server_time, lifetime):
        usable = lifecycle.is_usable(key, server_time, lifetime)
        return replace(
            key if usable else next_generation(key), born_at=(key.born_at if usable else None) or server_time
        )

    return [(pipeline, "key_to_send", key_to_send), (pipeline, "next_act", _blind)]


def _one_readback_within_the_grace():
    def prove(document, seen_at, now, policy):
        fresh = document.evolve(state=State.PENDING, reason=None, key=next_generation(document.key))
        return Decision(fresh, "document.absence_proved", then=Act.SEND)

    return [(lifecycle, "_prove_absence", prove)]


def _new_key_after_a_refusal_in_doubt():
    def answered(key, error):
        return next_generation(key) if error is not None and error.status in (400, 404, 429) else key

    return [(lifecycle, "answered", answered)]


def _blind_while_young():
    """Sends again without a look, as long as the key is within its limit."""
    spent = set()

    def key_to_send(key, server_time, lifetime):
        found = keys.key_to_send(key, server_time, lifetime)
        if found is None:
            spent.add(key)
        return found

    def next_act(document, *, look_first=False):
        act = lifecycle.next_act(document, look_first=look_first)
        is_young = not document.key.sealed and document.key not in spent and document.key.absent_at is None
        return Act.SEND if act is Act.READ_BACK and is_young else act

    return [(pipeline, "key_to_send", key_to_send), (pipeline, "next_act", next_act)]


AGED = replace(POLICIES, lifecycle=replace(POLICIES.lifecycle, key_lifetime=timedelta(hours=30)))

SHORTCUTS = {
    "a random key for each attempt": (_random_key, POLICIES),
    "a new key after every error": (_new_key_after_every_error, POLICIES),
    "one stable key for ever": (_stable_key, POLICIES),
    "a new key straight after a 500": (_new_key_straight_after_500, POLICIES),
    "a new key without a read-back": (_new_key_without_readback, POLICIES),
    "a new key after one read-back within the grace": (_one_readback_within_the_grace, POLICIES),
    "a new key after a refusal while a send is in doubt": (_new_key_after_a_refusal_in_doubt, POLICIES),
    "no read-back while the key is young, and an age limit of 30 h": (_blind_while_young, AGED),
}


@contextmanager
def switched_on(name):
    """The shortcut by its name. Yields the policies to go with it."""
    patches, policies = SHORTCUTS[name]
    with ExitStack() as stack:
        for module, attribute, value in patches():
            stack.enter_context(patched(module, attribute, value))
        yield policies
