"""Credentials, API and clock, by one question to Abillify."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from importer.assembly import opened_client
from importer.cli.doctor.finding import Finding, fault
from importer.cli.exits import Exit
from importer.config import Credentials, Settings
from importer.core.model import ProbeAccepted, ProbeFailed, ProbeRefused

CLOCK_TOLERANCE = timedelta(minutes=2)
NOT_THE_API = frozenset({*range(200, 400), 404, 405, 410})
"""What an address answers that is not the API's: a page, a way to elsewhere, nothing there."""

ADDRESS = "set api.base_url to the address of the API itself, as in https://HOST/api: no web page, and no /invoices"
REFUSED = (
    "check user name and password; and whether the credential is limited to other IP addresses than this machine's "
    "(Settings / API Credentials)"
)
BARRED = "a firewall or proxy may stand between, or let other IP addresses through only; ask whoever runs it"
SANDBOX = "nothing listens there on this machine: set api.base_url to Abillify's address, or start `importer sandbox`"
PATIENCE = "check api.base_url and the network; where both are right, it passes by itself"


def api(settings: Settings, credentials: Credentials) -> Iterator[Finding]:
    address = settings.api.base_url
    with opened_client(settings, credentials) as client:
        outcome = client.probe()
    match outcome:
        case ProbeRefused(error):
            message = f"{address} refused the credentials: {error}"
            yield fault("api", message, REFUSED, Exit.CREDENTIALS_REFUSED)
        case ProbeFailed(cause, status):
            remedy, code = _remedy(address, status)
            yield fault("api", f"{address}: {cause}", remedy, code)
        case ProbeAccepted(server_time):
            yield Finding("api", f"{address} accepts the credentials")
            yield _clock(server_time)


def _remedy(address: str, status: int | None) -> tuple[str, Exit]:
    if status in NOT_THE_API:
        return ADDRESS, Exit.USAGE
    if status is None and address.startswith("http:"):  # which is allowed to this machine only
        return SANDBOX, Exit.AGAIN_LATER
    return BARRED if status == 403 else PATIENCE, Exit.AGAIN_LATER


def _clock(server_time: datetime | None) -> Finding:
    if server_time is None:
        return fault("clock", "the server's replies carry no Date header", "a proxy may remove it; look there")
    off = abs(datetime.now(UTC) - server_time)
    if off > CLOCK_TOLERANCE:
        return fault("clock", f"this machine and the server differ by {off}", "set the clock (NTP)")
    return Finding("clock", f"differs from the server's by {off.total_seconds():.0f} s")
