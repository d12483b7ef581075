"""The operator's page put together: what it asks and does, and how it stands beside the service."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Turns
from importer.adapters.telemetry import Redactor
from importer.assembly import Parts, opened_ledger, recording
from importer.auditing import Audits
from importer.cli.auditor import audits
from importer.cli.exits import Exit, Stop
from importer.cli.explain import explainer
from importer.cli.reading import reading_ledger
from importer.cli.resolve import read_back
from importer.cli.status import standing_of
from importer.clock import SystemClock
from importer.config import ConfigError, ListenAddress, Settings, read_token
from importer.core.model import Document
from importer.core.resending import Resend
from importer.decisions import Decide, Decided, person
from importer.resolving import EVENTS, decide_as

if TYPE_CHECKING:
    from importer.dashboard import Ask, Choose, Desk, Page, Settle

DEFAULT = ListenAddress("127.0.0.1", 8426)
MISSING = "the operator's page is not installed; requirements/web.txt, or the extra `web`, has what it needs"


def desk_of(settings: Settings, log: FilteringBoundLogger, decided: Callable[[], None], audits: Audits) -> "Desk":
    """What the page asks and does; `decided` is called after each decision.

    Raises:
        Stop: the extra `web` is not installed.
    """
    try:
        from importer.dashboard import Desk  # noqa: PLC0415 - only who wants the page waits for it
    except ModuleNotFoundError as error:
        raise Stop(Exit.USAGE, f"{MISSING} ({error.name})") from None
    token_file = settings.dashboard.token_file
    return Desk(
        reading=lambda: reading_ledger(settings, partial(_warn, log)),
        standing=partial(standing_of, settings),
        decide=partial(_decide, settings, log, decided),
        settle=partial(_settle, settings, decided),
        explain=partial(_explain, settings),
        audits=audits,
        max_size=settings.documents.max_size,
        operator=person(),
        token=partial(read_token, token_file) if token_file else None,
        language=settings.dashboard.language,
        log=log,
    )


def _warn(log: FilteringBoundLogger, message: str) -> None:
    log.warning("ledger.untrusted", message=message)


def _explain(settings: Settings, name: str) -> Mapping[str, Any]:
    with explainer(settings) as explain:
        return explain(settings.inbox.path / name, None).as_json()


def _decide(
    settings: Settings, log: FilteringBoundLogger, decided: Callable[[], None], ask: "Ask", choose: "Choose"
) -> list[Decided]:
    """As `retry` and `resolve` do it, and as safe: alone with each document, and on a ledger that can be trusted."""
    with opened_ledger(settings) as ledger, recording(settings, ledger, log) as decisions:
        look, grace = partial(read_back, settings), settings.api.readback_grace
        decide = decide_as(ask.decision, ask.references, look, grace, ledger.last_attempt_at)
        found = [
            decisions.record(document, EVENTS[ask.decision], _unless_changed(ask, decide), ask.note, actor=ask.actor)
            for document in choose(ledger)
        ]
    decided()
    return found


def _settle(
    settings: Settings, decided: Callable[[], None], resend_id: int, settle: "Settle", actor: str
) -> Resend | str:
    """As `resend --was-sent` does it."""
    now = SystemClock().now()
    with opened_ledger(settings) as ledger:
        found = ledger.resends.settle(resend_id, lambda resend: settle(resend, now), actor, now)
    decided()
    return found


def _unless_changed(ask: "Ask", decide: Decide) -> Decide:
    def checked(document: Document, now: datetime) -> Document | str:
        return ask.objection(document) or decide(document, now)

    return checked


@contextmanager
def served(
    settings: Settings,
    redactor: Redactor,
    log: FilteringBoundLogger,
    address: ListenAddress,
    *,
    decided: Callable[[], None] = lambda: None,
    turns: Turns | None = None,
) -> Iterator["Page"]:
    """The page, as long as the context lasts.

    Args:
        settings: all of them.
        redactor: told of the credentials when they are read.
        log: what it redacts.
        address: where to listen.
        decided: called after each decision.
        turns: of whoever asks Abillify in this process already.

    Raises:
        Stop: it cannot be served there, or not so.
        ConfigError: its token cannot be read.
    """
    with audits(settings, redactor, log, turns) as background:
        desk = desk_of(settings, log, decided, background)
        with _served(desk, log, address) as page:
            yield page


@contextmanager
def _served(desk: "Desk", log: FilteringBoundLogger, address: ListenAddress) -> Iterator["Page"]:
    from importer.dashboard import TokenTooShort, serving  # noqa: PLC0415 - only who wants the page waits for it

    if not address.is_loopback and desk.token is None:
        raise Stop(Exit.USAGE, f"{address.host} can be reached by others: set dashboard.token_file")
    try:
        page = serving(desk, address.host, address.port)
        opened = page.__enter__()
    except TokenTooShort as error:
        raise Stop(Exit.USAGE, f"dashboard.token_file: {error}") from None
    except OSError as error:
        where = f"{address.host}:{address.port}"
        raise Stop(Exit.USAGE, f"dashboard.listen: {where}: {error.strerror}; name another address") from None
    try:
        log.info("dashboard.served", url=opened.url)
        yield opened
    finally:
        page.__exit__(None, None, None)


def beside(parts: Parts, decided: Callable[[], None]) -> AbstractContextManager[object]:
    """The page of a running service, where one is wanted. Documents matter more: nothing of it ends the service.

    Args:
        parts: the service's.
        decided: called after each decision, which gives the service something to do.
    """
    address = parts.settings.dashboard.listen
    return nullcontext() if address is None else _beside(parts, address, decided)


@contextmanager
def _beside(parts: Parts, address: ListenAddress, decided: Callable[[], None]) -> Iterator[None]:
    turns = parts.client.turns
    page = served(parts.settings, parts.redactor, parts.log, address, decided=decided, turns=turns)
    try:
        page.__enter__()
    except (Stop, ConfigError) as error:
        parts.log.error("dashboard.unavailable", message=str(error))  # noqa: TRY400 - no fault of the code
        yield
        return
    try:
        yield
    finally:
        page.__exit__(None, None, None)
