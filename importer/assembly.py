"""The composition root of every door: from settings to the parts, put together once and closed in the right order."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from importer.adapters.abillify import Abillify, Turns, steady
from importer.adapters.commands import Command
from importer.adapters.inbox import Scanner, file_system_of, is_silent
from importer.adapters.ledger import Ledger, LedgerMisplaced
from importer.adapters.patterns import compile_pattern
from importer.adapters.probe import Limits as ProbeLimits, Probe
from importer.adapters.processor import on_any_processor
from importer.adapters.rules_file import load_rules
from importer.adapters.telemetry import Redactor
from importer.archiving import Archivist
from importer.batches import Batches
from importer.clock import Clock, SystemClock
from importer.config import ConfigError, Credentials, Settings, load_credentials
from importer.config.environment import CONFIG
from importer.core.admission import AdmissionPolicy, Treatment
from importer.core.brake import BrakePolicy
from importer.core.hooks import Hook
from importer.core.lifecycle import Policy
from importer.core.naming import DoneFile
from importer.core.verdict import DocumentPolicy
from importer.decisions import Decisions
from importer.examination import Examiner
from importer.hooks import Hooks
from importer.lanes import claims
from importer.line import Line
from importer.pipeline import Pipeline, Policies
from importer.placement import Placement
from importer.resender import Resender
from importer.service import Limits, Service
from importer.stages import Measure, unmeasured
from importer.whereabouts import ledger_url, witness_of
from importer.writing import Writer

DEFAULT_ACCOUNT = "default"
ELSEWHERE = "set ledger.url to a file on a disk of this machine, or use PostgreSQL"
TEXT_LAYER = 200_000
"""Characters in which a reference is looked for; twenty printed pages hold far fewer."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The importer, put together."""

    settings: Settings
    ledger: Ledger
    client: Abillify
    line: Line
    pipeline: Pipeline
    resender: Resender
    hooks: Hooks
    """At work only as long as they are entered."""
    clock: Clock
    log: FilteringBoundLogger
    redactor: Redactor

    def service(self, scanner: Scanner, limits: Limits) -> Service:
        return Service(
            pipeline=self.pipeline,
            scanner=scanner,
            ledger=self.ledger,
            line=self.line,
            resender=self.resender,
            limits=limits,
            clock=self.clock,
            log=self.log,
        )


def share_of(settings: Settings) -> str | None:
    """Why the ledger must not be opened: it is a file on a network share. None where it is not."""
    file = settings.ledger.url.sqlite_path
    kind = file_system_of(file.parent) if file else None
    if kind is None or not is_silent(kind):
        return None
    return f"{file} is on {kind}: SQLite needs locks and memory that every process shares, which it has not"


@contextmanager
def opened_ledger(
    settings: Settings, environ: Mapping[str, str] | None = None, *, new_account: bool = False
) -> Iterator[Ledger]:
    """The ledger, for the verbs that send or record a person's decision; `environ` as for its address.

    Raises:
        LedgerNeedsPerson: it was replaced or restored, or belongs to another account.
        LedgerMisplaced: it is a file on a network share.
    """
    if message := share_of(settings):
        raise LedgerMisplaced(f"ledger {message}; {ELSEWHERE}")
    make_folders(settings)
    api = settings.api
    # Longer than any send can take: its turn by the rate limit, then a time-out before and one after the first byte.
    queueing = timedelta(0) if api.rate.is_unlimited else claims(api.concurrency) * api.rate.interval
    lease = 2 * api.timeout + timedelta(seconds=5) + queueing
    url, witness = ledger_url(settings, environ), witness_of(settings)
    with Ledger(url, lease=lease, place=placement(settings), witness=witness) as ledger:
        ledger.bind_account(account_of(settings), new_account=new_account)
        ledger.face_witness()
        yield ledger


@contextmanager
def archivist(
    settings: Settings, ledger: Ledger, writer: Writer, log: FilteringBoundLogger, measure: Measure = unmeasured
) -> Iterator[Archivist]:
    done_file = DoneFile.parse(settings.inbox.done_file)
    with closing(Archivist(ledger, writer, SystemClock(), log, done_file=done_file, measure=measure)) as opened:
        yield opened


@contextmanager
def recording(settings: Settings, ledger: Ledger, log: FilteringBoundLogger) -> Iterator[Decisions]:
    """For whoever records what a person has decided."""
    with closing(Writer(ledger)) as writer, archivist(settings, ledger, writer, log) as shelves:
        yield Decisions(ledger, shelves, policies(settings).lifecycle)


@contextmanager
def examiner(settings: Settings) -> Iterator[Examiner]:
    """Rules and probe: all that `explain` needs."""
    rules = load_rules(settings.rules, compile_pattern)
    with Probe(limits=probe_limits(settings), starting=on_any_processor) as probe:
        yield Examiner(probe, rules, document_policy(settings), account_of(settings))


@contextmanager
def opened_client(
    settings: Settings, credentials: Credentials, ledger: Ledger | None = None, turns: Turns | None = None
) -> Iterator[Abillify]:
    """The client; at the pace that it shares with others, where the ledger is shared, or they name it."""
    api = settings.api
    if turns is None and ledger is not None and not api.rate.is_unlimited:
        turns = ledger.pacer(api.rate.interval, steady)
    with Abillify(
        str(api.base_url),
        credentials.username,
        credentials.password.reveal(),
        concurrency=api.concurrency,
        rate_per_second=api.rate.per_second,
        connect_timeout=api.connect_timeout.total_seconds(),
        timeout=api.timeout.total_seconds(),
        fingerprint=api.fingerprint,
        turns=turns,
    ) as client:
        yield client


@contextmanager
def put_together(
    settings: Settings,
    environ: Mapping[str, str],
    redactor: Redactor,
    log: FilteringBoundLogger,
    *,
    look_first: bool = False,
    new_account: bool = False,
    measure: Measure = unmeasured,
) -> Iterator[Parts]:
    """The parts, opened in the order of their needs and closed the other way round."""
    credentials = load_credentials(settings, environ)
    redactor.hide(credentials.username, credentials.password.reveal())
    clock = SystemClock()
    with ExitStack() as stack:
        judge = stack.enter_context(examiner(settings))
        ledger = stack.enter_context(opened_ledger(settings, environ, new_account=new_account))
        client = stack.enter_context(opened_client(settings, credentials, ledger))
        reload = _reloading(settings, environ, client, redactor, log)
        line = Line(client, ledger, clock, log, backoff=settings.schedule.backoff, on_refused=reload)
        writer = stack.enter_context(closing(Writer(ledger, measure)))
        shelves = stack.enter_context(archivist(settings, ledger, writer, log, measure))
        pipeline = Pipeline(
            ledger=ledger,
            writer=writer,
            examiner=judge,
            client=client,
            line=line,
            archivist=shelves,
            batches=Batches(brake_policy(settings), judge, clock),
            policies=policies(settings, look_first=look_first, rebuilt_at=ledger.rebuilt_at()),
            clock=clock,
            log=log,
            measure=measure,
        )
        resender = resender_of(settings, ledger, client, line, log)
        pipeline.on_resend = resender.expect
        stack.enter_context(pipeline)
        hooks = Hooks(commands_of(settings, os.environ), ledger, clock, log)
        yield Parts(settings, ledger, client, line, pipeline, resender, hooks, clock, log, redactor)


def _reloading(
    settings: Settings, environ: Mapping[str, str], client: Abillify, redactor: Redactor, log: FilteringBoundLogger
) -> Callable[[], None]:
    """After a refusal the credentials are read anew: an operator who corrects the file need not restart anything."""

    def reload() -> None:
        try:
            credentials = load_credentials(settings, environ)
            redactor.hide(credentials.username, credentials.password.reveal())
            client.use_credentials(credentials.username, credentials.password.reveal())
        except (ConfigError, ValueError) as error:
            # Perhaps in the middle of being written; the next refusal looks again.
            log.warning("credentials.unreadable", message=str(error))

    return reload


def scanner_of(settings: Settings, paths: Sequence[Path] = (), *, settle: timedelta | None = None) -> Scanner:
    """Over the inbox, or over the given files and trees; `settle` in the place of the setting."""
    inbox, archive = settings.inbox, settings.archive
    return Scanner(
        inbox.path,
        settle=(inbox.settle if settle is None else settle).total_seconds(),
        recursive=inbox.recursive,
        ignore=inbox.ignore,
        done_file=inbox.done_file,
        exclude=[archive.imported.root, archive.duplicates, archive.rejected, archive.held],
        paths=paths or None,
    )


def policies(settings: Settings, *, look_first: bool = False, rebuilt_at: datetime | None = None) -> Policies:
    """What the settings say; after a rebuild of the ledger, Abillify is looked at before every first send."""
    api, documents = settings.api, settings.documents
    return Policies(
        admission=AdmissionPolicy(
            revision=documents.revision,
            same_bytes_elsewhere=documents.same_bytes_elsewhere,
            forgotten_until=rebuilt_at and rebuilt_at + api.readback_grace,
        ),
        lifecycle=lifecycle_policy(settings),
        send_timeout=api.timeout.total_seconds(),
        uploads=api.concurrency,
        asks_whether_paid=documents.paid_invoice == "hold",
        look_first=look_first or rebuilt_at is not None or api.check_remote == "always",
    )


def lifecycle_policy(settings: Settings) -> Policy:
    schedule, api = settings.schedule, settings.api
    return Policy(
        backoff=schedule.backoff,
        waiting=schedule.waiting,
        waiting_limit=schedule.waiting_limit,
        key_lifetime=api.key_lifetime,
        readback_grace=api.readback_grace,
    )


def resender_of(
    settings: Settings, ledger: Ledger, client: Abillify, line: Line, log: FilteringBoundLogger
) -> Resender:
    return Resender(
        ledger=ledger,
        client=client,
        line=line,
        policy=lifecycle_policy(settings),
        timeout=settings.api.timeout.total_seconds(),
        clock=SystemClock(),
        log=log,
    )


def commands_of(settings: Settings, environ: Mapping[str, str]) -> dict[Hook, Command]:
    """The programs that are to be told of documents, by what they are told of."""
    hooks, variables = settings.hooks, {**environ, CONFIG: str(settings.file)}
    wanted = {Hook.AFTER_IMPORT: hooks.after_import, Hook.NEEDS_PERSON: hooks.needs_person}
    return {
        hook: Command(arguments, settings.root, variables, hooks.timeout)
        for hook, arguments in wanted.items()
        if arguments
    }


def probe_limits(settings: Settings) -> ProbeLimits:
    wants_text = settings.documents.text_must_contain_reference is not Treatment.ALLOW
    return ProbeLimits(text=TEXT_LAYER if wants_text else 0)


def document_policy(settings: Settings) -> DocumentPolicy:
    documents = settings.documents
    return DocumentPolicy(
        max_size=documents.max_size,
        encrypted=documents.encrypted,
        damaged=documents.damaged,
        active_content=documents.active_content,
        einvoice_mismatch=documents.einvoice_mismatch,
        text_must_contain_reference=documents.text_must_contain_reference,
    )


def brake_policy(settings: Settings) -> BrakePolicy:
    brake = settings.brake
    return BrakePolicy(files_per_reference=brake.files_per_reference, fallback_share=brake.fallback_share)


def placement(settings: Settings) -> Placement:
    archive = settings.archive
    return Placement(
        imported=archive.imported.at,
        duplicates=archive.duplicates,
        rejected=archive.rejected,
        held=archive.held,
    )


def account_of(settings: Settings) -> str:
    return settings.api.account or DEFAULT_ACCOUNT


def make_folders(settings: Settings) -> None:
    for folder in settings.folders():
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
