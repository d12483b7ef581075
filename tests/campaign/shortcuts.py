"""The shortcuts of exactly-once.md, switched on from outside: with each of them the checker must fail.

Each replaces functions as the pipeline or the state machine sees them. A context manager puts everything back.
"""

import random
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from importer import pipeline, rebuild
from importer.adapters.abillify import Abillify
from importer.adapters.ledger import Change, Ledger
from importer.adapters.ledger.changes import Changes
from importer.core import admission, lifecycle
from importer.core.keys import next_generation
from importer.core.lifecycle import Act, Decision
from importer.core.model import Confirmed, References, State
from importer.pipeline import Pipeline
from tests.campaign.instance import POLICIES


@contextmanager
def patched(owner, name, value):
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


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


def _marked_done_first():
    """What the reply says afterwards is only good for the references."""
    intend, record = Changes.intend, Pipeline._record

    def done_with_intent(changes, claim, sending, now):
        done = sending.evolve(state=State.IMPORTED, references=References("-", "-", "-"), imported_at=now)

        def intend_and_record(connection):
            intended = intend(changes, claim, sending, now).make(connection)
            return changes.record(intended, done, "document.imported", now).make(connection)

        return Change(intend_and_record, is_vouched_for=True)

    async def only_references(parts, claim, document, outcome, *others):
        if document.state is State.SENDING and not isinstance(outcome, Confirmed):
            return claim, Act.REST
        return await record(parts, claim, document, outcome, *others)

    return [(Changes, "intend", done_with_intent), (Pipeline, "_record", only_references)]


def _no_look_after_a_rollback():
    return [(rebuild, "_forgetful", lambda document, _: document), (Ledger, "rebuilt_at", lambda _: None)]


def _one_look_after_a_rebuild():
    return [(admission, "doubted_after_rebuild", lambda document: document)]


def _no_guard():
    send = Abillify.import_document

    def whenever(client, document, content, *, start_by=None):
        return send(client, document, content)

    return [(Abillify, "import_document", whenever), (Pipeline, "_is_too_late", lambda *_: False)]


def _local_clock():
    """The campaign's clock is the owner of the steady one that every client gets."""
    return [(Abillify, "server_time", lambda client: client._clock.__self__.now())]


@dataclass(frozen=True)
class Shortcut:
    """What is patched, what is drawn more often so that it shows soon, and which invariant it breaks."""

    patches: Callable
    options: frozenset = frozenset()
    policies: object = POLICIES
    breaks: str = "I1"


AGED = replace(POLICIES, lifecycle=replace(POLICIES.lifecycle, key_lifetime=timedelta(hours=30)))

SHORTCUTS = {
    "a random key for each attempt": Shortcut(_random_key),
    "a new key after every error": Shortcut(_new_key_after_every_error),
    "one stable key for ever": Shortcut(_stable_key),
    "marked done before it is sent": Shortcut(_marked_done_first, breaks="I3"),
    "no look at the remote side after the ledger was rolled back": Shortcut(
        _no_look_after_a_rollback, frozenset({"forgetful"})
    ),
    "one look straight after a rebuild": Shortcut(_one_look_after_a_rebuild, frozenset({"forgetful"}), breaks="I3"),
    "a new key straight after a 500": Shortcut(_new_key_straight_after_500, frozenset({"late_after_500"})),
    "a new key without a read-back": Shortcut(_new_key_without_readback),
    "a new key after one read-back within the grace": Shortcut(
        _one_readback_within_the_grace, frozenset({"late_after_500"})
    ),
    "a new key after a refusal while a send is in doubt": Shortcut(
        _new_key_after_a_refusal_in_doubt, frozenset({"refused_in_doubt"})
    ),
    "a key re-sent at 30 h of age": Shortcut(list, frozenset({"asleep_in_doubt"}), AGED),
    "key age by the local clock": Shortcut(_local_clock, frozenset({"asleep_in_doubt"})),
    "no guard between intent and send": Shortcut(_no_guard, frozenset({"asleep_at_intent"})),
}


@contextmanager
def switched_on(name):
    """The shortcut by its name."""
    shortcut = SHORTCUTS[name]
    with ExitStack() as stack:
        for owner, attribute, value in shortcut.patches():
            stack.enter_context(patched(owner, attribute, value))
        yield shortcut
