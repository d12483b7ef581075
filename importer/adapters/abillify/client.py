"""The client: one method for each question that the importer has for Abillify."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

import httpx

from importer.adapters.abillify.answers import (
    invoice_outcome,
    is_html,
    probe_outcome,
    read_failed,
    resend_outcome,
    send_outcome,
)
from importer.adapters.abillify.invoices import InvoiceTold, Rows, every_row, invoice_told, page_of
from importer.adapters.abillify.listing import Communication, Listing, read_listing
from importer.adapters.abillify.readback import match
from importer.adapters.abillify.request import (
    HEADERS,
    Request,
    identity_of,
    import_request,
    invoice_url,
    resend_request,
)
from importer.adapters.abillify.throttle import Pacer, Turns
from importer.adapters.abillify.transport import steady
from importer.adapters.abillify.wire import JSON_LIMIT, Answer, NoReply, Timeouts, Wire
from importer.core.model import (
    Absent,
    Digest,
    Document,
    InvoiceOutcome,
    InvoiceUnknown,
    ProbeOutcome,
    ReadbackOutcome,
    ReadFailed,
    SendOutcome,
    digest_of,
)
from importer.core.resending import ResendOutcome

LISTING_LIMIT = 16 << 20
FILE_LIMIT = 64 << 20
AnyOutcome = SendOutcome | ReadbackOutcome | InvoiceOutcome | ProbeOutcome
Told = TypeVar("Told", bound=AnyOutcome)
OnOutcome = Callable[[str, AnyOutcome, float], None]
"""The endpoint (`import`, `documents`, `invoice` or `probe`), its outcome and the seconds that it took."""

PASSING = frozenset({408, 425, 429, *range(500, 600)})
"""Statuses of a file's address after which it is worth asking again."""


class Abillify:
    """Abillify's API with one credential. Thread-safe; a context manager that closes its connections.

    A request may take `timeout` seconds from the connection to the reply's last byte, and a read-back as a whole no
    longer. Waiting for the rate limit comes before that time; only the further pages of a long list wait within it.
    """

    def __init__(  # noqa: PLR0913 - named plain values, so that nothing here depends on the configuration
        self,
        base_url: str,
        username: str,
        password: str,
        *,
        concurrency: int,
        rate_per_second: float,
        connect_timeout: float,
        timeout: float,
        fingerprint: bool = True,
        turns: Turns | None = None,
        clock: Callable[[], float] = steady,
    ) -> None:
        """Opens no connection yet.

        Args:
            base_url: as in `https://host/api`.
            username: of the API credential.
            password: of the API credential.
            concurrency: how many threads will use it; a few connections more are allowed.
            rate_per_second: requests of all threads together; 0 sets no limit.
            connect_timeout: seconds until a connection stands.
            timeout: seconds for a whole request.
            fingerprint: whether an import's description carries the document's fingerprint.
            turns: who tells the requests their turns, if not this client by itself.
            clock: seconds that only grow; `start_by` of `import_document` is by it too.

        Raises:
            ValueError: the credentials are no valid text, or the environment names a proxy that is not supported.
        """
        self._base_url = base_url.rstrip("/")
        self._fingerprint = fingerprint
        self._timeout = timeout
        self._clock = clock
        self.on_outcome: OnOutcome = lambda _endpoint, _outcome, _seconds: None
        """Told of each outcome by the thread that asked; must return at once."""
        self._wire = Wire(
            self._base_url,
            max_connections=concurrency + 2,
            pacer=turns or Pacer(rate_per_second, clock=clock),
            timeouts=Timeouts(connect=connect_timeout, total=timeout),
            clock=clock,
        )
        self._wire.use_credentials(username, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

    def use_credentials(self, username: str, password: str) -> None:
        """From the next request on.

        Raises:
            ValueError: they are no valid text.
        """
        self._wire.use_credentials(username, password)

    @property
    def turns(self) -> Turns:
        """Who tells its requests their turns; another client can share them."""
        return self._wire.pacer

    def server_time(self) -> datetime | None:
        """What the server's clock shows now, by its last `Date` header; None before the first one."""
        return self._wire.server_clock.now()

    @property
    def is_paced(self) -> bool:
        """Whether there is a rate limit to wait for."""
        return self._wire.pacer.is_limited

    def wait_for_turn(self) -> None:
        """Returns when the rate limit lets the next upload out: before its intent, which must not grow old waiting."""
        self._wire.wait_for_turn()

    def end_waiting(self) -> None:
        """Has nobody wait for the rate limit any longer: no more uploads are wanted."""
        self._wire.end_waiting()

    def import_document(self, document: Document, content: bytes, *, start_by: float | None = None) -> SendOutcome:
        """Sends a document, once, without waiting for the rate limit: see `wait_for_turn`.

        Args:
            document: with an identity; its key goes with the request.
            content: the document's bytes.
            start_by: nothing is sent after this moment by the clock; that is `NotSent`.

        Raises:
            ValueError: the document has no identity, or a reference that no address can carry: a fault of ours.
        """
        request = import_request(document, self._base_url, fingerprint=self._fingerprint)
        began = self._clock()
        outcome = send_outcome(self._wire.ask(request.with_file(content), start_by=start_by, paced=False))
        return self._told("import", outcome, began)

    def resend_invoice(self, reference: str, key: str, *, start_by: float | None = None) -> ResendOutcome:
        """Has Abillify send an invoice's e-mail again, once, without waiting for the rate limit.

        Args:
            reference: the invoice's.
            key: goes with the request.
            start_by: as for an import.

        Raises:
            ValueError: no address can carry the reference.
        """
        request = resend_request(reference, key, self._base_url)
        return resend_outcome(self._wire.ask(request, start_by=start_by, paced=False))

    def read_back(self, document: Document) -> ReadbackOutcome:
        """Looks for a document among those of its invoice.

        Raises:
            ValueError: the document has no identity, or a reference that no address can carry: a fault of ours.
        """
        self.wait_for_turn()  # before its time begins: at a slow rate the queue may be longer than a request may be
        began = self._clock()
        return self._told("documents", self._read_back(document, by=began + self._timeout), began)

    def communications(self, reference: str) -> Listing | Absent | ReadFailed:
        """Every document that Abillify has for an invoice; `Absent` when it answers that it knows no such invoice.

        Raises:
            ValueError: no address can carry the reference: a fault of ours.
        """
        self.wait_for_turn()
        return self._listing(reference, self._clock() + self._timeout)

    def content_of(self, entry: Communication) -> Digest | ReadFailed:
        """The hash of a listed document's bytes, read from the configured host and no other."""
        found = self._digest_at(entry.public_url, self._clock() + self._timeout)
        return found or ReadFailed("its bytes cannot be read at an address of the configured host")

    def invoice_exists(self, reference: str) -> InvoiceOutcome:
        """Whether Abillify knows an invoice.

        Raises:
            ValueError: no address can carry the reference: a fault of ours.
        """
        began = self._clock()
        return self._told("invoice", invoice_outcome(self._get(invoice_url(self._base_url, reference))), began)

    def invoice(self, reference: str) -> InvoiceTold | InvoiceUnknown | ReadFailed:
        """An invoice with all its fields as they came.

        Raises:
            ValueError: no address can carry the reference: a fault of ours.
        """
        return invoice_told(self._get(invoice_url(self._base_url, reference), limit=LISTING_LIMIT))

    def payments(self, reference: str) -> Rows | InvoiceUnknown | ReadFailed:
        """All that was paid and charged on an invoice, as it came; also of a server that cuts the list into pages.

        Raises:
            ValueError: no address can carry the reference: a fault of ours.
        """
        url = invoice_url(self._base_url, reference, "payments")
        return every_row(
            lambda offset: self._get(f"{url}?limit=0&offset={offset}", limit=LISTING_LIMIT), first=0, steps_by_rows=True
        )

    def invoices(self, page: int, size: int) -> Rows | ReadFailed:
        """One page of all invoices that the credentials may see. Where pages begin, and their size, is the server's."""
        rows = page_of(self._get(f"{self._base_url}/invoices?page={page}&pageSize={size}", limit=LISTING_LIMIT))
        return (
            ReadFailed("there is no list of invoices at that address", 404)
            if isinstance(rows, InvoiceUnknown)
            else rows
        )

    def file_of(self, entry: Communication) -> bytes | ReadFailed:
        """A listed document's bytes, read from the configured host and no other."""
        found = self._content_at(entry.public_url, self._clock() + self._timeout)
        return (
            found if found is not None else ReadFailed("its bytes cannot be read at an address of the configured host")
        )

    def probe(self) -> ProbeOutcome:
        """Whether the credentials are accepted; also brings the server's time."""
        began = self._clock()
        return self._told("probe", probe_outcome(self._get(f"{self._base_url}/invoices?page=1&pageSize=1")), began)

    def _told(self, endpoint: str, outcome: Told, began: float) -> Told:
        self.on_outcome(endpoint, outcome, self._clock() - began)
        return outcome

    def _read_back(self, document: Document, *, by: float) -> ReadbackOutcome:
        listing = self._listing(identity_of(document).invoice_reference, by)
        if not isinstance(listing, Listing):
            return listing
        return match(
            document, listing, fingerprint=self._fingerprint, fetch=lambda address: self._digest_at(address, by)
        )

    def _listing(self, reference: str, by: float) -> Listing | Absent | ReadFailed:
        url = invoice_url(self._base_url, reference, "documents")
        return read_listing(
            lambda offset: self._get(f"{url}?limit=0&offset={offset}", limit=LISTING_LIMIT, by=by, paced=offset > 0)
        )

    def _get(
        self,
        url: str,
        *,
        accept: str = "application/json",
        limit: int = JSON_LIMIT,
        by: float | None = None,
        paced: bool = True,
    ) -> Answer:
        request = Request("GET", url, {**HEADERS, "Accept": accept})
        return self._wire.ask(request, limit=limit, by=by, paced=paced)

    def _digest_at(self, address: str | None, by: float) -> Digest | ReadFailed | None:
        content = self._content_at(address, by)
        return digest_of(content) if isinstance(content, bytes) else content

    def _content_at(self, address: str | None, by: float) -> bytes | ReadFailed | None:
        """Only from the configured host: no other one is ever asked, let alone shown the credentials."""
        if address is None or not self._is_ours(address):
            return None
        answer = self._get(address, accept="*/*", limit=FILE_LIMIT, by=by)
        if isinstance(answer, NoReply) or answer.status in PASSING:
            return read_failed(answer)
        # Abillify holds mails and PDFs; an HTML page is a log-in form or an apology.
        if answer.status != 200 or answer.body is None or is_html(answer):
            return None
        return answer.body

    def _is_ours(self, address: str) -> bool:
        try:
            theirs, ours = httpx.URL(address), httpx.URL(self._base_url)
        except httpx.InvalidURL:
            return False
        return not theirs.userinfo and (theirs.scheme, theirs.host, theirs.port) == (ours.scheme, ours.host, ours.port)
