"""A service that is watched from outside: `service.metrics` and `[[expect]]` put into effect."""

import json
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

from importer.adapters.abillify import AnyOutcome
from importer.adapters.metrics.server import Page, Server
from importer.adapters.metrics.textfile import write_textfile
from importer.assembly import Parts
from importer.clock import local_zone
from importer.config import ListenAddress
from importer.core.model import InDoubt, ProbeRefused, ReadFailed, Refused, VendorError
from importer.helpers import Helpers
from importer.lookout import Fault, Lookout
from importer.pipeline import outcome_name
from importer.progress import Patience
from importer.rounds import Rounds
from importer.service import Service
from importer.silence import Ear

MINUTE = 60.0

ERRORS = frozenset(
    {"ClientError", "Unauthorized", "Forbidden", "NotFound", "ERR_UNIQUE_VIOLATION", "TooManyRequests", "ServerError"}
)
"""The vendor's names (abillify-api.md, "Errors"). Another one counts by its status: a label must not grow for ever."""


@contextmanager
def watched(parts: Parts, service: Service, patience: Patience, helpers: Helpers) -> Iterator[Lookout]:
    """Serves or writes the metrics, and looks for silent sources, as long as the context lasts."""
    settings = parts.settings
    every = settings.service.heartbeat.total_seconds() or MINUTE
    ear = Ear(settings.expect, parts.ledger, local_zone(os.environ))
    rounds = Rounds(ear, lambda: service.has_caught_up, every=every, clock=parts.clock, log=parts.log)
    lookout = Lookout(
        service,
        parts.ledger,
        parts.line,
        patience=patience,
        inbox=settings.inbox.path,
        ledger_file=settings.ledger.url.sqlite_path,
        heard=lambda: rounds.heard,
        clock=parts.clock,
    )
    with ExitStack() as stack:
        match settings.service.metrics:
            case ListenAddress() as address:
                stack.enter_context(_served(parts, lookout, address))
            case Path() as file:
                stack.enter_context(_written(parts, lookout, rounds, file))
        if settings.expect or isinstance(settings.service.metrics, Path):
            stack.enter_context(helpers.running("thread that looks for silent sources", rounds.go))
        yield lookout


def _page_of(parts: Parts, lookout: Lookout) -> Callable[[], bytes]:
    """The metrics, which count from now on."""
    # Only who wants metrics waits for the library.
    from importer.adapters.metrics.registry import Metrics  # noqa: PLC0415

    metrics = Metrics(lookout.view, version=version("abillify-importer"), python=platform.python_version())

    def asked(endpoint: str, outcome: AnyOutcome, seconds: float) -> None:
        metrics.asked(endpoint, outcome_name(outcome), error_of(outcome), seconds)

    parts.client.on_outcome = asked
    return metrics.page


def error_of(outcome: AnyOutcome) -> str:
    """The error that Abillify has named, or its status; empty where it named none."""
    match outcome:
        case Refused(error) | ProbeRefused(error) | InDoubt(error=VendorError() as error):
            return next((name for name in (error.type, error.name) if name in ERRORS), str(error.status))
        case ReadFailed(status=int(status)):
            return str(status)
    return ""


def _served(parts: Parts, lookout: Lookout, address: ListenAddress) -> AbstractContextManager[object]:
    try:
        server = Server(address.host, address.port, pages_of(lookout, _page_of(parts, lookout)))
    except OSError as error:
        # Documents matter more than figures about them; whoever watches sees that nobody answers.
        why = f"service.metrics: {address.host}:{address.port}: {error.strerror}; name another port, and restart"
        parts.log.error("metrics.unavailable", message=why)  # noqa: TRY400 - no fault of the code
        return nullcontext()
    parts.log.info("metrics.served", host=address.host, port=server.server_port)
    return server


def pages_of(lookout: Lookout, metrics: Callable[[], bytes]) -> dict[str, Callable[[], Page]]:
    """What is served, by path."""
    return {
        "/metrics": lambda: Page(metrics(), "text/plain; version=0.0.4; charset=utf-8"),
        "/healthz": lambda: _verdict("alive", "stuck", [fault] if (fault := lookout.stuck()) else []),
        "/readyz": lambda: _verdict("ready", "not_ready", lookout.faults()),
    }


def _verdict(well: str, ill: str, faults: Sequence[Fault]) -> Page:
    told = [{"code": fault.code, "message": fault.message} for fault in faults]
    content = json.dumps({"status": ill if told else well, "faults": told}, ensure_ascii=False) + "\n"
    status = HTTPStatus.SERVICE_UNAVAILABLE if told else HTTPStatus.OK
    return Page(content.encode(errors="backslashreplace"), "application/json", status)


@contextmanager
def _written(parts: Parts, lookout: Lookout, rounds: Rounds, file: Path) -> Iterator[None]:
    """A file that is written again and again; a service that has ended has none."""
    page = _page_of(parts, lookout)
    complaints = [""]

    def write() -> None:
        complaint = ""
        try:
            write_textfile(file, page())
        except OSError as error:
            complaint = f"service.metrics: {file}: {error.strerror}"
        if complaint and complaint != complaints[-1]:
            parts.log.warning("metrics.unwritten", message=complaint)
        complaints[:] = [complaint]

    rounds.on_round = write
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()
