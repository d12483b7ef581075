"""The sandbox as an object, for tests and `importer demo`, and as a process, for `importer sandbox`."""

import ipaddress
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from importer.sandbox.fault import Fault
from importer.sandbox.plan import Trigger
from importer.sandbox.requests import Endpoint, Request
from importer.sandbox.server import Server
from importer.sandbox.state import State
from importer.sandbox.store import Behaviour, Clock, Communication, Invoice, utc_now


class Sandbox:
    """A local Abillify API on loopback, in threads of this process.

    `with Sandbox(invoices=["RE1"]) as sandbox:` serves `sandbox.base_url` until the block ends. What it holds can be
    read afterwards, and `start()` goes on with it on the same port. `behaviour` is `Behaviour`'s fields.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        invoices: Iterable[str] = (),
        unknown: Iterable[str] = (),
        clock: Clock = utc_now,
        seed: int = 0,
        **behaviour: Any,
    ) -> None:
        if not ipaddress.IPv4Address(host).is_loopback:
            raise ValueError(f"the sandbox listens on loopback only, not on {host}")
        self._host, self._port = host, port
        self._invoices, self._unknown = tuple(invoices), tuple(unknown)
        self._behaviour, self._clock = Behaviour(**behaviour), clock
        self._server: Server | None = None
        self._state = self._life(seed)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Listens. Raises OSError when the port is taken."""
        self._state.store.gate = threading.Event()
        self._server = Server((self._host, self._port), self._state)
        self._port = self._server.port
        self._server.start()

    def close(self) -> None:
        """Ends all connections; from here on they are refused. Memory stays. May be called twice."""
        if self._server:
            self._server.stop()
            self._server = None

    def reset(self, seed: int = 0) -> None:
        """Begins anew, as it was made, without giving up the port. Requests under way are cut off."""
        before, self._state = self._state, self._life(seed)
        if self._server:
            self._server.state = self._state
        before.store.gate.set()

    @property
    def base_url(self) -> str:
        """As `api.base_url` wants it; the port is known from `start()` on."""
        return f"{self.url}/api"

    @property
    def url(self) -> str:
        """The server's root, under which the control door is."""
        return f"http://{self._host}:{self._port}"

    @property
    def behaviour(self) -> Behaviour:
        return self._state.store.behaviour

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests to the API in the order in which their bodies were read."""
        with self._state.lock:
            return tuple(self._state.store.requests)

    @property
    def effects(self) -> tuple[Communication, ...]:
        """All documents that were ever stored, as they were stored."""
        with self._state.lock:
            self._state.store.land()
            return tuple(self._state.store.effects)

    @property
    def communications(self) -> tuple[Communication, ...]:
        """The documents that are there now: without the deleted, with rewritten bytes."""
        with self._state.lock:
            self._state.store.land()
            return tuple(self._state.store.communications.values())

    @property
    def resends(self) -> tuple[Request, ...]:
        with self._state.lock:
            self._state.store.land()
            return tuple(self._state.store.resends)

    def add_invoice(self, reference: str, *, vouchers: int = 1, **given: Any) -> Invoice:
        """Makes an invoice known. `given`: `created`, `payments`, `fields` of `Invoice`."""
        with self._state.lock:
            return self._state.store.add_invoice(reference, vouchers=vouchers, **given)

    def fail(self, fault: Fault, *, endpoint: str | None = "import", **when: Any) -> None:
        """Switches a fault on, for the next import by default. `when`: `times`, `reference`, `skip`, `probability`.

        `endpoint` is one of `Endpoint`'s values, None is any; ValueError for another. Faults for the same requests
        queue up behind one another.
        """
        aimed = None if endpoint is None else Endpoint(endpoint)
        with self._state.lock:
            self._state.plan.add(Trigger(fault=fault, endpoint=aimed, **when))

    def clear(self) -> None:
        """Switches all faults off. Behaviour stays."""
        with self._state.lock:
            self._state.plan.clear()

    def change(self, **behaviour: Any) -> None:
        """Changes fields of `Behaviour` from the next request on."""
        with self._state.lock:
            self._state.store.behaviour = replace(self._state.store.behaviour, **behaviour)

    def release(self) -> None:
        """Ends all pauses under way and lands all late effects."""
        with self._state.lock:
            self._state.store.release()
            self._state.lock.notify_all()

    def delete(self, communication: str) -> None:
        """Remote deletion, by `Communication.id`. KeyError when it is not there."""
        with self._state.lock:
            del self._state.store.communications[communication]

    def duplicate(self, communication: str) -> Communication:
        """A second remote match: the document once more, under new IDs."""
        with self._state.lock:
            return self._state.store.duplicate(communication)

    def rewrite(self, communication: str, content: bytes) -> None:
        """Other bytes at the `publicUrl` of a stored document."""
        with self._state.lock:
            self._state.store.rewrite(communication, content)

    def forget_keys(self) -> None:
        """All idempotency keys are new again."""
        with self._state.lock:
            self._state.store.forget_keys()

    def wait_until(self, predicate: Callable[[], bool], timeout: float = 5.0) -> bool:
        """Waits for a request or an effect that makes `predicate` true; False after `timeout` real seconds."""
        with self._state.lock:
            return self._state.lock.wait_for(predicate, timeout)

    def _life(self, seed: int) -> State:
        state = State(self._behaviour, self._clock, seed)
        for reference in self._invoices:
            state.store.add_invoice(reference)
        state.store.unknown.update(self._unknown)
        return state


def serve(sandbox: Sandbox, announce: Callable[[str], object] = print) -> None:
    """Runs a sandbox until KeyboardInterrupt; `announce` gets the base URL once it listens. OSError: port taken."""
    with sandbox, suppress(KeyboardInterrupt):
        announce(sandbox.base_url)
        threading.Event().wait()
