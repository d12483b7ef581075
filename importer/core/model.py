"""The words of the trade: what a document is, what state it is in, what the outside world answered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NewType

Digest = NewType("Digest", str)
"""SHA-256 of a document's bytes, 64 hexadecimal digits."""


def digest_of(content: bytes) -> Digest:
    return Digest(hashlib.sha256(content).hexdigest())


class Kind(StrEnum):
    """What a document is to the debtor (abillify-api.md, "Import External Document", part `kind`)."""

    INVOICE = "invoice"
    CREDITNOTE = "creditnote"
    REMINDER = "reminder"
    DUNNING1 = "dunning1"
    DUNNING2 = "dunning2"
    DUNNING3 = "dunning3"
    DUNNING4 = "dunning4"
    EMAIL = "email"
    LETTER = "letter"

    @property
    def is_singular(self) -> bool:
        """Whether an invoice is expected to have only one document of this kind; another one is a revision."""
        return self not in (Kind.EMAIL, Kind.LETTER)


class State(StrEnum):
    """Where a document stands (design.md section 3)."""

    PENDING = "pending"
    SENDING = "sending"
    UNCERTAIN = "uncertain"
    DEFERRED = "deferred"
    WAITING = "waiting"
    IMPORTED = "imported"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    HELD = "held"

    @property
    def is_on_its_way(self) -> bool:
        """Whether the importer goes on with it by itself."""
        return self in ON_ITS_WAY

    @property
    def needs_person(self) -> bool:
        return self in (State.REJECTED, State.HELD)


ON_ITS_WAY = frozenset({State.PENDING, State.SENDING, State.UNCERTAIN, State.DEFERRED, State.WAITING})

REPEATABLE = frozenset({State.DUPLICATE, State.REJECTED})
"""The same document may be seen, or refused, any number of times; in all other states together it is there once."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a document is where it is: a stable code for machines, a sentence for a person."""

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As the ledger keeps it and the reading verbs print it (design.md section 4)."""
        return {"code": self.code, "message": self.message, "details": dict(self.details)}


class ReferencesFrom(StrEnum):
    """Who named the references: the import's reply, a read-back, or a person."""

    REPLY = "reply"
    READBACK = "readback"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class References:
    """Abillify's names for an imported document, as they came (with or without a leading `_`: unspecified)."""

    communication: str
    file: str
    voucher: str
    source: ReferencesFrom = ReferencesFrom.REPLY


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two files the same document: account, invoice reference, kind and bytes."""

    account: str
    invoice_reference: str
    kind: Kind
    sha256: Digest

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits over the four parts; derivable again without a ledger."""
        return _fingerprint(self)


@lru_cache(maxsize=1024)  # a document on its way is asked for it at each step
def _fingerprint(identity: Identity) -> str:
    # Length prefixes keep ("a", "bc") and ("ab", "c") apart.
    parts = (identity.account, identity.invoice_reference, identity.kind.value, identity.sha256)
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The idempotency key in use and what is known of its sends (exactly-once.md, "Keys").

    All times are by the server's clock; None where it is not known, which counts as "too old".
    """

    generation: int = 1
    born_at: datetime | None = None
    """First send under this generation."""
    last_sent_at: datetime | None = None
    """Latest moment at which a send in doubt may still have been on its way."""
    in_doubt: bool = False
    """Whether any send of this document, of this or an earlier generation, may have been stored."""
    answer: str | None = None
    """Fingerprint of the vendor's last error under this key; the same again seals the key."""
    sealed: bool = False
    absent_at: datetime | None = None
    """The first complete, empty read-back since the last send."""


@dataclass(frozen=True, kw_only=True)  # no slots, for the sake of `evolve`
class Document:
    """One file's content on its way to one voucher: the ledger's row."""

    id: int
    account: str
    sha256: Digest
    size: int
    inbox: str
    """The folder under which it was found, absolute."""
    path: str
    """Where it was first seen, relative to its inbox."""
    location: str
    """Where it lies now, absolute."""
    target: str | None = None
    """Where it is to be moved, absolute; None when nothing is left to move."""
    in_place: bool = False
    """Whether the file stays where it is, whatever becomes of the document."""
    filename: str
    """The name that the debtor sees."""
    invoice_reference: str | None = None
    kind: Kind | None = None
    label: str = ""
    description: str = ""
    rule: str | None = None
    unjudged: bool = False
    """Sent back by a person: to be looked at anew; what the last look said still stands here."""
    state: State = State.PENDING
    came_from: State | None = None
    """The state before `sending`, to which refused credentials send it back."""
    reason: Reason | None = None
    attempts: int = 0
    tries: int = 0
    """Fruitless acts in a row (sends, read-backs, questions); widens the back-off."""
    next_attempt_at: datetime | None = None
    waiting_since: datetime | None = None
    forbidden: bool = False
    """Refused with 401 or 403 the last time although the line was open."""
    accepted: frozenset[str] = frozenset()
    """Codes of the reasons that a person has accepted for this document."""
    key: Key = Key()
    references: References | None = None
    duplicate_of: int | None = None
    first_seen_at: datetime
    imported_at: datetime | None = None

    @property
    def identity(self) -> Identity | None:
        """None until the rules have given it a reference and a kind."""
        if self.unjudged or self.invoice_reference is None or self.kind is None:
            return None
        return Identity(self.account, self.invoice_reference, self.kind, self.sha256)

    @property
    def idempotency_key(self) -> str:
        """`<identity>:<generation>`; at most 255 characters (abillify-api.md, "Idempotency").

        Raises:
            ValueError: the document has no identity yet, so it must not be sent.
        """
        if self.identity is None:
            raise ValueError(f"document D{self.id} has no invoice reference or kind")
        return f"{self.identity.fingerprint}:{self.key.generation}"

    def evolve(self, **changes: Any) -> "Document":
        """The same document with other values: `dataclasses.replace`, at a fraction of its cost.

        Raises:
            TypeError: a document has no such field.
        """
        evolved = object.__new__(Document)
        fields = vars(evolved)
        fields.update(vars(self))
        fields.update(changes)
        if len(fields) != len(vars(self)):
            raise TypeError(f"a document has no such field: {sorted(changes.keys() - vars(self).keys())}")
        return evolved


# What a send can come to. Only errors from before the first byte are "not sent"; what is not promised is in doubt.


@dataclass(frozen=True, slots=True)
class VendorError:
    """An error answered by Abillify itself (abillify-api.md, "Errors")."""

    status: int
    name: str = ""
    type: str = ""
    message: str = ""
    details: tuple[Mapping[str, Any], ...] = ()
    """Each with the vendor's `error`, `fields` and `hint`, where given."""

    @property
    def fingerprint(self) -> str:
        return f"{self.status}|{self.name}|{self.type}|{self.message}"

    def __str__(self) -> str:
        hints = "; ".join(
            " ".join(
                part
                for part in (
                    str(detail.get("error") or ""),
                    f"(fields: {', '.join(map(str, detail['fields']))})" if detail.get("fields") else "",
                    f"hint: {detail['hint']}" if detail.get("hint") else "",
                )
                if part
            )
            for detail in self.details
        )
        return ": ".join(
            part for part in (f"{self.status} {self.type or self.name}".strip(), self.message, hints) if part
        )


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not one byte left: name resolution, connect, TLS, no free connection."""

    cause: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """200 with three references."""

    references: References
    server_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A documented 4xx with the vendor's own body: nothing was stored by this send (assumption A4)."""

    error: VendorError
    retry_after: float | None = None
    """Seconds, already clipped to something sane; None when absent."""
    server_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Everything else: the document may have been stored."""

    cause: str
    """For a person: "read timed out", "502 from a proxy", ..."""
    error: VendorError | None = None
    """The vendor's own error, where it gave one; the same one twice seals the key."""
    server_time: datetime | None = None


SendOutcome = NotSent | Confirmed | Refused | InDoubt


@dataclass(frozen=True, slots=True)
class Found:
    """The read-back shows the document."""

    references: References
    matched_by: str
    """`references`, `fingerprint` or `bytes`."""
    server_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """A complete listing without the document."""

    server_time: datetime | None = None
    unknown_invoice: bool = False
    """The listing answered 404: complete only when no send is in doubt."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The listing shows something that may or may not be the document; only a person can tell."""

    cause: str
    candidates: tuple[Mapping[str, Any], ...] = ()
    is_there: bool = False
    """Whether Abillify certainly has it, and only which entry it is cannot be told: then it must not be sent again."""


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """The question could not be asked or was not answered; nothing is known."""

    cause: str
    status: int | None = None
    retry_after: float | None = None


ReadbackOutcome = Found | Absent | Unclear | ReadFailed


@dataclass(frozen=True, slots=True)
class InvoiceKnown:
    """`GET /invoices/{reference}` answered 200."""


@dataclass(frozen=True, slots=True)
class InvoiceUnknown:
    """It answered 404."""


InvoiceOutcome = InvoiceKnown | InvoiceUnknown | ReadFailed


@dataclass(frozen=True, slots=True)
class ProbeAccepted:
    """`GET /invoices?page=1&pageSize=1` answered 200: the credentials hold, and the server told its time."""

    server_time: datetime | None


@dataclass(frozen=True, slots=True)
class ProbeRefused:
    """401 or 403: the line stays stopped."""

    error: VendorError


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    """Neither: unreachable, or an answer that is not Abillify's."""

    cause: str
    status: int | None = None
    """Of whoever answered; None when nobody did."""


ProbeOutcome = ProbeAccepted | ProbeRefused | ProbeFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Written beside an archived document: what was imported where, readable without the ledger."""

    document_id: int
    account: str
    sha256: Digest
    size: int
    path: str
    filename: str
    invoice_reference: str
    kind: Kind
    label: str
    rule: str | None
    generation: int
    references: References
    first_seen_at: datetime
    imported_at: datetime
