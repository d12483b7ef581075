"""An invoice at Abillify: what was paid or charged, and whether anything is still open.

The vendor specifies few fields, so everything is kept as it came, and what nobody has promised is only taken for a
sign, never for a fact.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from importer.core.model import Document, Kind, Reason, State

Row = Mapping[str, Any]

INVOICE_PAID = "invoice_paid"

REMINDING = frozenset({Kind.REMINDER, Kind.DUNNING1, Kind.DUNNING2, Kind.DUNNING3, Kind.DUNNING4})
"""Kinds that ask a debtor for money that should have come."""


class Booking(StrEnum):
    """What a row of an invoice's payments is (abillify-api.md, "Invoices")."""

    BANK_TRANSFER = "bank_transfer"
    """`booking.transaction` is set."""
    CREDIT_NOTE = "credit_note"
    """That is null, and `booking.voucher` is set."""
    CHARGE = "charge"
    """Dunning fees, write-offs, other adjustments."""

    @property
    def is_payment(self) -> bool:
        return self is not Booking.CHARGE


def booking_of(row: Row) -> Booking:
    booking = row.get("booking")
    booked = booking if isinstance(booking, Mapping) else {}
    if booked.get("transaction") is not None:
        return Booking.BANK_TRANSFER
    return Booking.CHARGE if booked.get("voucher") is None else Booking.CREDIT_NOTE


# ---------------------------------------------------------------- is anything still open?

_PAID = frozenset({"paid", "settled", "bezahlt", "beglichen", "ausgeglichen"})
_CANCELLED = frozenset({"cancelled", "canceled", "void", "voided", "storno", "storniert"})
_OPEN = frozenset({"open", "unpaid", "overdue", "partial", "partiallypaid", "due", "offen", "teilbezahlt", "dunning"})
_STATUSES = frozenset({"status", "state", "paymentstatus", "paymentstate"})
_PAID_FLAGS = frozenset({"paid", "ispaid", "settled", "issettled"})
_CANCELLED_FLAGS = frozenset({"cancelled", "canceled", "iscancelled", "iscanceled", "voided"})
_CANCELLED_AT = frozenset({"cancelledat", "canceledat", "cancelled", "canceled", "voidedat"})
_PAID_AT = frozenset({"paidat", "settledat"})
_OPEN_AMOUNTS = frozenset({"openamount", "amountopen", "open", "outstanding", "outstandingamount", "amountdue", "due"})
_TOTALS = frozenset({"amount", "total", "gross", "grossamount", "totalamount", "amountgross", "totalgross"})
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")


def nothing_open(invoice: Row, payments: Sequence[Row] | None = None) -> str | None:
    """Why nobody need be reminded of this invoice, in a clause for a person; None where that is not clear.

    No field is specified for it. Looked at, whatever the case and with or without `_`, are, at the top of the invoice:
    a status (`status`, `state`, `paymentStatus`) that says paid or cancelled; flags and dates such as `paid`,
    `isCancelled`, `paidAt`; an open amount (`openAmount`, `outstanding`, `amountDue`) of 0; and, where payments are
    given, a total (`amount`, `total`, `gross`) that bank transfers and credit notes reach, each with an `amount` of its
    own. One sign that something is open outweighs all others; charges count neither way.

    Args:
        invoice: as it came.
        payments: rows of its payments and charges, as they came; None where nobody has asked for them.
    """
    signs = list(_signs(invoice))
    if any(is_open for is_open, _ in signs):
        return None
    for _, why in signs:
        return why
    return _covered(invoice, payments or ())


def is_unclear(invoice: Row) -> bool:
    """Whether the invoice alone does not say, so that its payments are worth a question."""
    return not list(_signs(invoice))


def _signs(invoice: Row) -> Iterator[tuple[bool, str]]:
    """Each sign: whether it says that something is open, and what it is."""
    for name, value in invoice.items():
        plain = name.replace("_", "").lower()
        told = f"{name} is {value!r}"
        if plain in _STATUSES and isinstance(value, str):
            word = re.sub(r"[^a-z]", "", value.lower())
            if word in _PAID | _CANCELLED | _OPEN:
                yield word in _OPEN, told
        elif isinstance(value, bool):
            if plain in _PAID_FLAGS:
                yield not value, told
            elif plain in _CANCELLED_FLAGS and value:
                yield False, told
        elif plain in _PAID_AT | _CANCELLED_AT and isinstance(value, str) and value[:4].isdigit():
            yield False, told
        elif plain in _OPEN_AMOUNTS and (cents := _amount(value)) is not None:
            yield cents > 0, told


def _covered(invoice: Row, payments: Sequence[Row]) -> str | None:
    totals = {cents for name, value in invoice.items() if _is_total(name) and (cents := _amount(value)) is not None}
    if len(totals) != 1 or not payments:
        return None
    paid = [_amount(row.get("amount")) for row in payments if booking_of(row).is_payment]
    amounts = [cents for cents in paid if cents is not None and cents > 0]
    (total,) = totals
    if not amounts or len(amounts) < len(paid) or total <= 0 or sum(amounts) < total:
        return None
    return "its payments reach its total"


def _is_total(name: str) -> bool:
    return name.replace("_", "").lower() in _TOTALS


def _amount(value: object) -> int | None:
    """In millionths, so that no cent is lost; None for what is no plain amount."""
    text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    if not _AMOUNT.fullmatch(text):
        return None
    whole, _, rest = text.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * 1_000_000 + sign * int(rest.ljust(6, "0") or 0)


def held_as_paid(document: Document, why: str) -> Document:
    """A reminder that is not sent, because there seems to be nothing to remind of."""
    reason = Reason(
        INVOICE_PAID,
        f"Abillify shows invoice {document.invoice_reference} as paid or cancelled ({why}). Look at it there; if the "
        f"{document.kind} is to go out all the same, `importer resolve D{document.id} --accept`.",
        {"sign": why},
    )
    return document.evolve(state=State.HELD, reason=reason, next_attempt_at=None)
