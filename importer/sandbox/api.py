"""The vendor's endpoints over a store: a request and its fault in, a reply out. No sockets."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event
from typing import Any

from importer.sandbox import listing, replies
from importer.sandbox.fault import Effect, Fault, Memory
from importer.sandbox.replies import RefusedError, Reply
from importer.sandbox.requests import Endpoint, Form, Request
from importer.sandbox.store import Communication, Invoice, Store

# abillify-api.md "Import External Document"
KINDS = ("invoice", "creditnote", "reminder", "dunning1", "dunning2", "dunning3", "dunning4", "email", "letter")
EXTENSIONS = ("pdf", "eml")
LONGEST_KEY = 255  # abillify-api.md "Idempotency"

Handler = Callable[[Request, Invoice, Fault], Reply]


class Api:
    """Answers requests. The caller holds the store's lock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._about_an_invoice: dict[Endpoint, Handler] = {
            Endpoint.IMPORT: self._import,
            Endpoint.RESEND: self._resend,
            Endpoint.READBACK: self._documents,
            Endpoint.PAYMENTS: self._payments,
            Endpoint.INVOICE: self._show,
        }

    def answer(self, request: Request, fault: Fault, gate: Event) -> Reply | None:
        """The reply to send, after what the fault does to effect and memory; None when there is none to send."""
        self.store.land()
        known = self._known(request, fault)
        if known and fault.memory is Memory.FAULTY:
            return known  # a server that remembers its errors replays the first reply before it can fail again
        true = self._effect(request, fault, gate)
        reply = fault.reply or (self._another(request) if fault.another and true and true.status == 200 else true)
        if reply and request.key and fault.memory is Memory.FAULTY:
            self.store.remember(request.key, reply)
        return reply

    def _effect(self, request: Request, fault: Fault, gate: Event) -> Reply | None:
        if fault.effect is Effect.NEVER:
            return None
        if fault.effect is Effect.LATER and not gate.is_set():  # set: released while this request came in
            self.store.postpone(fault.later, lambda: self._process(request, fault))
            return None
        if fault.effect is Effect.TWICE:
            self._process(request, fault)
        return self._process(request, fault)

    def _process(self, request: Request, fault: Fault) -> Reply:
        """The API as it should be: credentials, idempotency, validation, effect."""
        try:
            self._authorize(request)
            known = self._known(request, fault)
            reply = known or self._handle(request, fault)
        except RefusedError as refused:
            self._remember(request, refused.reply, wanted=self.store.behaviour.remember_refusals)
            return refused.reply
        self._remember(request, reply, wanted=not known and not fault.ignores_key and fault.memory is Memory.TRUE)
        return reply

    def _known(self, request: Request, fault: Fault) -> Reply | None:
        keyed = request.method == "POST" and request.key and not fault.ignores_key
        return self.store.recall(request.key) if keyed and request.key else None

    def _remember(self, request: Request, reply: Reply, *, wanted: bool) -> None:
        if wanted and request.method == "POST" and request.key:
            self.store.remember(request.key, reply)

    def _authorize(self, request: Request) -> None:
        open_file = request.endpoint is Endpoint.FILE and not self.store.behaviour.public_auth
        if not request.authorized and not open_file:
            raise RefusedError(replies.error(401, "authentication failed"))

    def _handle(self, request: Request, fault: Fault) -> Reply:
        if request.endpoint is Endpoint.PROBE:
            return self._list(request, fault)
        if request.endpoint is Endpoint.FILE:
            return self._file(request)
        if handler := self._about_an_invoice.get(request.endpoint):
            return handler(request, self._invoice(request), fault)
        raise RefusedError(replies.error(404, "no such resource"))

    def _invoice(self, request: Request) -> Invoice:
        found = self.store.find_invoice(request.reference or "")
        if found is None:
            raise RefusedError(replies.error(404, "invoice not found"))
        return found

    def _import(self, request: Request, invoice: Invoice, fault: Fault) -> Reply:
        if faults := [*_faults(request.form), *_key_faults(request.key)]:
            raise RefusedError(replies.error(400, "invalid value", faults))
        return _references(self.store.import_document(invoice, request, fault.appended))

    def _another(self, request: Request) -> Reply:
        own = (request.reference, request.form.sha256)
        others = [held for held in self.store.effects if (held.reference, held.sha256) != own]
        if others:
            return _references(others[-1])
        invented = {"communicationReference": "_99991", "fileReference": "_99992", "voucherReference": "_99993"}
        return replies.of(invented)

    def _resend(self, request: Request, _invoice: Invoice, _fault: Fault) -> Reply:
        self.store.resends.append(request)
        return replies.of({"job": str(len(self.store.resends)), "result": "OK", "resultcode": "0"})

    def _documents(self, request: Request, invoice: Invoice, fault: Fault) -> Reply:
        vouchers = [self._voucher(request, invoice, voucher) for voucher in invoice.vouchers]
        return _checked(lambda: listing.part(vouchers, request.query, fault.shift))

    def _voucher(self, request: Request, invoice: Invoice, voucher: str) -> dict[str, Any]:
        communications = [self._communication(request, held) for held in self.store.visible(voucher)]
        return {
            "id": self._id(voucher),
            "issued": timestamp(invoice.created),
            "kind": "",
            "reference": invoice.reference,
            "communications": communications,
        }

    def _communication(self, request: Request, held: Communication) -> dict[str, Any]:
        behaviour = self.store.behaviour
        base = behaviour.public_url or f"http://{request.host}"
        public_url = None if behaviour.public_url is None else f"{base}/api/v1/communication/{held.id}/file"
        return {
            "id": self._id(held.id),
            "created": timestamp(held.stored),
            "kind": held.kind,
            "label": (held.label or held.filename) if behaviour.echo else None,
            "comment": held.description if behaviour.echo else None,
            "file": self._id(held.file),
            "data": {},
            "publicUrl": public_url,
        }

    def _id(self, number: str) -> str:
        return f"_{number}" if self.store.behaviour.underscore else number

    def _file(self, request: Request) -> Reply:
        held = self.store.communications.get((request.reference or "").removeprefix("_"))
        if held is None:
            raise RefusedError(replies.error(404, "file not found"))
        is_mail = held.filename.lower().endswith(".eml")
        return Reply(200, held.content, "message/rfc822" if is_mail else "application/pdf")

    def _payments(self, request: Request, invoice: Invoice, fault: Fault) -> Reply:
        return _checked(lambda: listing.part(invoice.payments, request.query, fault.shift))

    def _show(self, _request: Request, invoice: Invoice, _fault: Fault) -> Reply:
        return replies.of(_row(invoice))

    def _list(self, request: Request, fault: Fault) -> Reply:
        return _checked(lambda: self._page(request, fault.shift))

    def _page(self, request: Request, shift: int) -> dict[str, Any]:
        query, behaviour = request.query, self.store.behaviour
        page = listing.number(query, "page", behaviour.first_page)
        size = listing.number(query, "pageSize", listing.DEFAULT_LIMIT)
        served = min(size, behaviour.page_cap or size)
        start = (page - behaviour.first_page) * served
        if start < 0 or not served:
            raise ValueError("no such page")
        wanted = listing.conditions(query)
        rows = [row for row in map(_row, self.store.invoices.values()) if listing.matches(row, wanted)]
        start = max(start + shift, 0) if start else 0
        shown = listing.ordered(rows, query.get("sort", ""))[start : start + served]
        filters = {f"{name}[{sign}]": value for name, sign, value in wanted}
        return {"page": page, "pageSize": served, "query": filters, "rows": shown}


def timestamp(moment: datetime) -> str:
    """As in `2020-01-01T00:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _row(invoice: Invoice) -> dict[str, Any]:
    row = {"id": invoice.id, "reference": invoice.reference, "created": timestamp(invoice.created)}
    return {**row, "currency": "EUR", "detail": {"dunning": None}, **invoice.fields}


def _references(held: Communication) -> Reply:
    return replies.of(
        {
            "communicationReference": f"_{held.id}",
            "fileReference": f"_{held.file}",
            "voucherReference": f"_{held.voucher}",
        }
    )


def _checked(make: Callable[[], object]) -> Reply:
    try:
        return replies.of(make())
    except ValueError as wrong:
        fault = replies.detail(str(wrong), "query", "see the reference")
        raise RefusedError(replies.error(400, "invalid query", [fault])) from wrong


def _faults(form: Form) -> list[dict[str, Any]]:
    kinds = ", ".join(KINDS)
    checks = (
        (form.content is not None, "missing", "file", "the document's bytes"),
        (form.kind in KINDS, "invalid" if form.kind else "missing", "kind", f"one of {kinds}"),
        (_has_extension(form.filename), "invalid" if form.filename else "missing", "filename", "ends in .pdf or .eml"),
    )
    return [replies.detail(error, name, hint) for valid, error, name, hint in checks if not valid]


def _has_extension(filename: str | None) -> bool:
    stem, _, extension = (filename or "").rpartition(".")
    return bool(stem) and extension.lower() in EXTENSIONS


def _key_faults(key: str | None) -> list[dict[str, Any]]:
    too_long = key is not None and len(key) > LONGEST_KEY
    return [replies.detail("too long", "Idempotency-Key", "at most 255 characters")] if too_long else []
