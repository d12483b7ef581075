"""A running sandbox with a client in front of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from importer.sandbox import Sandbox

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
PDF = b"%PDF-1.7\r\n--not-a-boundary\r\n\x00\xff\r\n\r\n%%EOF\r\n"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class Bench:
    """The sandbox under test, its clock, and a client with the right credentials."""

    def __init__(self, sandbox: Sandbox, client: httpx.Client, clock: Clock) -> None:
        self.sandbox, self.client, self.clock = sandbox, client, clock

    def send(self, reference: str = "RE1", *, key: str | None = None, content: bytes = PDF, **data: str) -> Any:
        """An import; with a key where one is given."""
        form = {"filename": "invoice.pdf", "kind": "invoice", **data}
        return self.client.post(
            f"/invoices/{quote(reference, safe='')}/importExternalDocument",
            data=form,
            files={"file": ("upload.pdf", content, "application/pdf")},
            headers={"Idempotency-Key": key} if key else {},
        )

    def get(self, path: str, **query: Any) -> Any:
        reply = self.client.get(path, params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def documents(self, reference: str = "RE1", **query: Any) -> list[dict[str, Any]]:
        """All communications of an invoice, over all vouchers."""
        vouchers = self.get(f"/invoices/{quote(reference, safe='')}/documents", **{"limit": 0, **query})
        return [held for voucher in vouchers for held in voucher["communications"]]

    def lost(self, **sent: Any) -> None:
        """An import of which no reply comes back."""
        with pytest.raises(httpx.TransportError):
            self.send(**sent)


@pytest.fixture
def start() -> Iterator[Callable[..., Bench]]:
    """Starts sandboxes that know the invoice RE1, on a clock that stands still."""
    with ExitStack() as stack:

        def started(**options: Any) -> Bench:
            clock = Clock()
            sandbox = stack.enter_context(Sandbox(**{"invoices": ["RE1"], "clock": clock, **options}))
            client = httpx.Client(base_url=sandbox.base_url, auth=("sandbox", "sandbox"), trust_env=False)
            return Bench(sandbox, stack.enter_context(client), clock)

        yield started


@pytest.fixture
def bench(start: Callable[..., Bench]) -> Bench:
    return start()
