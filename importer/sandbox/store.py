"""What the sandbox holds: invoices, documents, idempotency memory, and the records for a checker.

Callers hold `changed` while they use a store; it is the sandbox's one lock.
"""

import hashlib
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from importer.sandbox.replies import Reply
from importer.sandbox.requests import Request

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What the vendor leaves unspecified or configures, as switches. Durations are in seconds.

    Attributes:
        any_invoice: every reference exists, except those declared unknown.
        remember_refusals: a 400, 401 or 404 is remembered under its key too (the vendor says it is not).
        key_lifetime: 24 hours by abillify-api.md "Idempotency".
        underscore: the read-back's `id` and `file` keep the leading `_` (unspecified).
        echo: the read-back has `label` (or the file name) and `comment` (the description), else null (unspecified).
        readback_lag: how long an import stays invisible (unspecified).
        public_url: "" for this host, None for null, else the base of a foreign host such as `https://files.example`.
        public_auth: `publicUrl` wants the credentials (unspecified).
        first_page: whether pages count from 0 or 1 (unspecified).
        page_cap: the largest page that is served; 0 is no cap (unspecified).
        date_skew: seconds added to every `Date` header; None sends none.
    """

    username: str = "sandbox"
    password: str = "sandbox"  # noqa: S105 - it protects nothing
    any_invoice: bool = False
    remember_refusals: bool = False
    key_lifetime: float = 24 * 3600.0
    underscore: bool = False
    echo: bool = True
    readback_lag: float = 0.0
    public_url: str | None = ""
    public_auth: bool = True
    first_page: int = 1
    page_cap: int = 0
    date_skew: float | None = 0.0


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """A voucher record that documents can be linked to. An import goes to the last of its vouchers.

    Attributes:
        payments: rows of `GET /invoices/{reference}/payments`, served as they are.
        fields: further fields of the invoice, served as they are.
    """

    id: str
    reference: str
    created: datetime
    vouchers: tuple[str, ...]
    payments: tuple[dict[str, Any], ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Communication:
    """A stored document: one effect. `request` is the number of the request that caused it."""

    id: str
    file: str
    voucher: str
    reference: str
    kind: str
    filename: str
    label: str | None
    description: str | None
    content: bytes = field(repr=False)
    stored: datetime
    key: str | None
    request: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The record without the bytes, for the control door."""
        shown = {name: value for name, value in vars(self).items() if name != "content"}
        return {**shown, "stored": self.stored.isoformat(), "sha256": self.sha256}


@dataclass(frozen=True)
class _Late:
    due: datetime | None
    act: Callable[[], object]


class Store:
    """The sandbox's memory. `effects` only grows; `communications` is what is there now.

    Attributes:
        gate: opened once by `release()`; a request takes the gate that stands when it arrives.
    """

    def __init__(self, behaviour: Behaviour, clock: Clock = utc_now) -> None:
        self.behaviour = behaviour
        self.clock = clock
        self.changed = threading.Condition()
        self.gate = threading.Event()
        self.unknown: set[str] = set()
        self.invoices: dict[str, Invoice] = {}
        self.communications: dict[str, Communication] = {}
        self.requests: list[Request] = []
        self.effects: list[Communication] = []
        self.resends: list[Request] = []
        self._keys: dict[str, tuple[datetime, Reply]] = {}
        self._late: list[_Late] = []
        self._communications = itertools.count(10001)
        self._files = itertools.count(60001)
        self._vouchers = itertools.count(1001)
        self.numbers = itertools.count()

    def add_invoice(self, reference: str, *, vouchers: int = 1, **given: Any) -> Invoice:
        """Makes an invoice, or another one under the same reference. `given` is `Invoice`'s further fields."""
        ids = tuple(str(next(self._vouchers)) for _ in range(vouchers))
        given.setdefault("created", self.clock())
        self.invoices[reference] = Invoice(id=ids[0], reference=reference, vouchers=ids, **given)
        self.unknown.discard(reference)
        return self.invoices[reference]

    def find_invoice(self, reference: str) -> Invoice | None:
        """The invoice, made on the spot where any exists."""
        if reference in self.unknown:
            return None
        if reference not in self.invoices and self.behaviour.any_invoice:
            return self.add_invoice(reference)
        return self.invoices.get(reference)

    def import_document(self, invoice: Invoice, request: Request, appended: bytes = b"") -> Communication:
        """Stores the document of a validated request, as often as it is asked."""
        form = request.form
        stored = Communication(
            id=str(next(self._communications)),
            file=str(next(self._files)),
            voucher=invoice.vouchers[-1],
            reference=invoice.reference,
            kind=form.kind or "",
            filename=form.filename or "",
            label=form.label,
            description=form.description,
            content=(form.content or b"") + appended,
            stored=self.clock(),
            key=request.key,
            request=request.number,
        )
        return self.keep(stored)

    def keep(self, stored: Communication) -> Communication:
        self.effects.append(stored)
        self.communications[stored.id] = stored
        return stored

    def duplicate(self, communication: str) -> Communication:
        """Stores a document once more, under new IDs."""
        held = self.communications[communication]
        return self.keep(replace(held, id=str(next(self._communications)), file=str(next(self._files))))

    def rewrite(self, communication: str, content: bytes) -> None:
        """Changes a stored document's bytes; what was recorded as its effect stays."""
        self.communications[communication] = replace(self.communications[communication], content=content)

    def visible(self, voucher: str) -> list[Communication]:
        """The documents of a voucher that the read-back shows by now."""
        latest = self.clock() - timedelta(seconds=self.behaviour.readback_lag)
        return [held for held in self.communications.values() if held.voucher == voucher and held.stored <= latest]

    def remember(self, key: str, reply: Reply) -> None:
        """Keeps a reply under a key. One memory for all endpoints and invoices: a key's scope is unspecified."""
        self._keys[key] = (self.clock(), reply)

    def recall(self, key: str) -> Reply | None:
        """The reply that is kept under a key; a key as old as `key_lifetime` is a new one."""
        since, reply = self._keys.get(key, (None, None))
        lifetime = timedelta(seconds=self.behaviour.key_lifetime)
        return reply if since is not None and self.clock() - since < lifetime else None

    def forget_keys(self) -> None:
        self._keys.clear()

    def postpone(self, seconds: float | None, act: Callable[[], object]) -> None:
        """Has an effect land after so many seconds by the clock, or when it is released."""
        due = None if seconds is None else self.clock() + timedelta(seconds=seconds)
        self._late.append(_Late(due, act))

    def land(self, *, released: bool = False) -> None:
        """Lets the effects land that are due, or all of them."""
        now = self.clock()
        ready = [late for late in self._late if released or (late.due is not None and late.due <= now)]
        self._late = [late for late in self._late if late not in ready]
        for late in ready:
            late.act()

    def release(self) -> None:
        """Opens the gate for all that waits, and puts up a new one for what comes later."""
        self.gate.set()
        self.gate = threading.Event()
        self.land(released=True)
