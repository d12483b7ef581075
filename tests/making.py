"""Values that tests need and do not care about."""

from datetime import UTC, datetime, timedelta

from importer.core.lifecycle import Now, Policy
from importer.core.model import Document, Kind, References, VendorError, digest_of

START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)

POLICY = Policy(
    backoff=(timedelta(seconds=30), timedelta(hours=1)),
    waiting=(timedelta(minutes=10), timedelta(hours=24)),
    waiting_limit=timedelta(days=14),
    key_lifetime=timedelta(hours=20),
    readback_grace=timedelta(minutes=10),
)

REFERENCES = References("_12345", "_67890", "_1234")


def document(**changes) -> Document:
    values = {
        "id": 1,
        "account": "acme",
        "sha256": digest_of(b"invoice"),
        "size": 7,
        "inbox": "/inbox",
        "path": "RE12345.pdf",
        "location": "/inbox/RE12345.pdf",
        "filename": "RE12345.pdf",
        "invoice_reference": "RE12345",
        "kind": Kind.INVOICE,
        "first_seen_at": START,
    }
    return Document(**(values | changes))


def at(seconds: float = 0, *, server: bool = True) -> Now:
    moment = START + timedelta(seconds=seconds)
    return Now(moment, moment if server else None)


def error(status: int, message: str = "no") -> VendorError:
    return VendorError(status, name="Error", type="ERR", message=message)


class made:  # noqa: N801 - reads as a verb: `made(ledger).release(claim)`
    """What can become of documents, each change written at once and by itself."""

    def __init__(self, ledger):
        self._ledger = ledger

    def __getattr__(self, name):
        change = getattr(self._ledger.changes, name)
        return lambda *arguments, **named: self._ledger.write(change(*arguments, **named))
