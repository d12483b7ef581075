"""The control door of a sandbox that runs as a process of its own: `/_sandbox/...`, JSON in and out, no credentials.

| request | does |
| --- | --- |
| `GET state` | requests, effects, resends, and what is stored now |
| `POST invoices` | `{"reference": R, "vouchers": 1, "payments": [...], "fields": {...}}`, or a list of these |
| `POST faults` | `{"fault": NAME, "arguments": {...}, "endpoint": "import", "times": 1, ...}`, or a list of these |
| `DELETE faults` | switches all of them off |
| `POST behaviour` | changes fields of `Behaviour` |
| `POST release` | ends the pauses, lands the late effects |
| `DELETE communications/ID` | remote deletion |
"""

import json
from dataclasses import replace
from typing import Any

from importer.sandbox import replies
from importer.sandbox.faults import FAULTS
from importer.sandbox.plan import Trigger
from importer.sandbox.replies import Reply
from importer.sandbox.requests import Endpoint
from importer.sandbox.state import State

PREFIX = "/_sandbox/"


def answer(state: State, method: str, path: str, body: bytes) -> Reply:
    """Does what the door was asked. 400 with the reason for what it does not understand, 404 for unknown doors."""
    door, _, argument = path.removeprefix(PREFIX).partition("/")
    act = _DOORS.get((method, door))
    if act is None:
        return replies.error(404, f"no such door, there are: {', '.join(' '.join(known) for known in _DOORS)}")
    try:
        with state.lock:
            return replies.of(act(state, argument or json.loads(body or b"null")))
    except (ValueError, TypeError, KeyError, AttributeError) as wrong:
        return replies.error(400, f"{type(wrong).__name__}: {wrong}")


def trigger(given: dict[str, Any]) -> Trigger:
    """A trigger from its JSON. Raises KeyError, TypeError or ValueError for what it does not know."""
    options = dict(given)
    fault = FAULTS[options.pop("fault")](**options.pop("arguments", {}))
    endpoint = options.pop("endpoint", Endpoint.IMPORT)
    return Trigger(fault=fault, endpoint=None if endpoint is None else Endpoint(endpoint), **options)


def _state(state: State, _: Any) -> object:
    store = state.store
    store.land()
    return {
        "requests": [request.as_json() for request in store.requests],
        "effects": [effect.as_json() for effect in store.effects],
        "resends": [request.as_json() for request in store.resends],
        "communications": list(store.communications),
    }


def _add_invoices(state: State, given: Any) -> object:
    return [state.store.add_invoice(**invoice).reference for invoice in _listed(given)]


def _add_faults(state: State, given: Any) -> object:
    triggers = [trigger(one) for one in _listed(given)]
    for one in triggers:
        state.plan.add(one)
    return [one.fault.name for one in triggers]


def _clear(state: State, _: Any) -> object:
    state.plan.clear()
    return {}


def _change(state: State, given: Any) -> object:
    state.store.behaviour = replace(state.store.behaviour, **given)
    return {}


def _release(state: State, _: Any) -> object:
    state.store.release()
    return {}


def _delete(state: State, communication: Any) -> object:
    return {"deleted": state.store.communications.pop(communication).id}


def _listed(given: Any) -> list[dict[str, Any]]:
    return given if isinstance(given, list) else [given]


_DOORS = {
    ("GET", "state"): _state,
    ("POST", "invoices"): _add_invoices,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear,
    ("POST", "behaviour"): _change,
    ("POST", "release"): _release,
    ("DELETE", "communications"): _delete,
}
