"""What an invoice's unspecified fields are taken for."""

import pytest

from importer.core.invoice import Booking, booking_of, nothing_open

TRANSFER = {"amount": 60, "booking": {"transaction": "T1"}}
FEE = {"amount": 5, "booking": {"transaction": None, "voucher": None}}


@pytest.mark.parametrize(
    ("row", "booking"),
    [
        (TRANSFER, Booking.BANK_TRANSFER),
        ({"booking": {"transaction": "T", "voucher": "V"}}, Booking.BANK_TRANSFER),
        ({"booking": {"transaction": None, "voucher": "V"}}, Booking.CREDIT_NOTE),
        (FEE, Booking.CHARGE),
        ({}, Booking.CHARGE),
        ({"booking": "odd"}, Booking.CHARGE),
    ],
)
def test_payments_and_charges_are_told_apart(row, booking):
    assert booking_of(row) is booking


@pytest.mark.parametrize(
    ("invoice", "payments", "is_settled"),
    [
        ({}, [], False),
        ({"status": "Paid"}, [], True),
        ({"status": "partially_paid"}, [], False),
        ({"state": "storniert"}, [], True),
        ({"status": "whatever"}, [], False),
        ({"paid": True}, [], True),
        ({"paid": True, "status": "open"}, [], False),
        ({"isCancelled": False}, [], False),
        ({"cancelled_at": "2026-10-01T00:00:00Z"}, [], True),
        ({"cancelledAt": None}, [], False),
        ({"openAmount": "0.00"}, [], True),
        ({"open_amount": 0.5}, [], False),
        ({"outstanding": -3}, [], True),
        ({"amount": 60}, [TRANSFER], True),
        ({"amount": 60.01}, [TRANSFER], False),
        ({"amount": 65}, [TRANSFER, FEE], False),
        ({"amount": 60}, [TRANSFER, {"booking": {"transaction": "T2"}}], False),
        ({"amount": 60, "total": 70}, [TRANSFER], False),
        ({"amount": 0}, [TRANSFER], False),
        ({"amount": "60 EUR"}, [TRANSFER], False),
    ],
)
def test_only_a_clear_sign_counts(invoice, payments, is_settled):
    assert (nothing_open(invoice, payments) is not None) is is_settled
