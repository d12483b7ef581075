"""`importer ledger`: verify, backup, rebuild, upgrade, copy."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from importer.adapters.ledger import (
    Database,
    LedgerNeedsPerson,
    back_up,
    back_up_before_upgrade,
    holders_folder,
    is_outdated,
    transfer,
)
from importer.adapters.locks import AlreadyHeld, alone
from importer.assembly import account_of, make_folders
from importer.cli.exits import Exit, Stop
from importer.cli.output import json_option, print_json
from importer.cli.reading import settings_of
from importer.config import Settings
from importer.config.units import MalformedError
from importer.config.urls import LedgerUrl, parse_ledger_url
from importer.core.naming import shown
from importer.rebuild import Places, Rebuilt, rebuild
from importer.verification import Finding, verify
from importer.whereabouts import ledger_url, witness_of

EXAMPLES = """\b
Examples:
  importer ledger verify
  importer ledger backup /mnt/backup/ledger.db
  importer ledger rebuild
  importer ledger upgrade
  importer ledger copy --to postgresql+psycopg://importer@db/importer
"""


@click.group(epilog=EXAMPLES)
def command() -> None:
    """Look after the ledger: check it, back it up, make it anew, bring it to this version or to another place."""


@command.command("verify", epilog="\b\nExample:\n  importer ledger verify --json")
@json_option
@click.pass_context
def verify_command(ctx: click.Context, as_json: bool) -> None:
    """Check the ledger, its witness, every imported file and every receipt; changes nothing.

    One line a finding; ends with 7 when something is wrong. A service may be at work meanwhile.
    """
    settings = settings_of(ctx)
    findings = _findings(settings)
    if as_json:
        print_json({"check": f.check, "fault": f.is_fault, "message": shown(f.message)} for f in findings)
    else:
        for finding in findings:
            click.echo(f"{'FAULT' if finding.is_fault else 'note '} {finding.check}: {shown(finding.message)}")
    wrong = any(finding.is_fault for finding in findings)
    if not wrong:
        click.echo(f"ledger {settings.ledger.url.sqlite_path or settings.ledger.url}: all is well", err=True)
    raise SystemExit(int(Exit.LEDGER_NEEDS_PERSON if wrong else Exit.OK))


@command.command("backup", epilog="\b\nExample:\n  importer ledger backup /mnt/backup/ledger.db")
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@click.pass_context
def backup_command(ctx: click.Context, file: Path | None) -> None:
    """Copy the ledger while the importer may be at work; the copy is verified and safely on disk.

    Without FILE it goes to backup/ beside the ledger, or with PostgreSQL to var/backup/. Nothing is overwritten. The
    copy is a SQLite file in either case; `importer ledger copy` brings it back to a server.
    """
    settings = settings_of(ctx)
    _existing_ledger(settings)
    copy = file.absolute() if file else _backup_of(settings)
    back_up(ledger_url(settings), copy)
    click.echo(str(copy))


@command.command("rebuild", epilog="\b\nExample:\n  importer ledger rebuild && importer run")
@click.pass_context
def rebuild_command(ctx: click.Context) -> None:
    """Make the ledger anew from the archive's receipts and what the old one still tells. Sends nothing.

    The old ledger is kept beside the new one. Whatever was not finished is looked up at Abillify before anything is
    sent, and from then on every new document too. Ends with 3 when a receipt could not be used.
    """
    settings = settings_of(ctx)
    make_folders(settings)
    with _alone(settings):
        rebuilt = rebuild(_places(settings), account_of(settings), datetime.now(UTC))
    _tell(rebuilt)
    raise SystemExit(int(Exit.NEEDS_PERSON if rebuilt.problems else Exit.OK))


@command.command("upgrade", epilog="\b\nExample:\n  importer ledger upgrade")
@click.pass_context
def upgrade_command(ctx: click.Context) -> None:
    """Bring a ledger of an older importer to this version; a backup is made first."""
    settings = settings_of(ctx)
    ledger, url = _existing_ledger(settings), ledger_url(settings)
    with _alone(settings):
        if not is_outdated(url):
            click.echo(f"ledger {ledger}: nothing to do")
            return
        click.echo(f"backup: {back_up_before_upgrade(url, _backup_of(settings), datetime.now(UTC))}")
        Database(url, alone=True, upgrade=True).close()
    click.echo(f"ledger {ledger}: upgraded")


@command.command("copy", epilog="\b\nExample:\n  importer ledger copy --to postgresql+psycopg://importer@db/importer")
@click.option("--to", "address", required=True, metavar="URL", help="An empty database, or a new file.")
@click.pass_context
def copy_command(ctx: click.Context, address: str) -> None:
    """Bring the ledger to another place, from SQLite to PostgreSQL or back, and compare the two row by row.

    Nobody may work with either meanwhile. Interrupted, it goes on where it was when it is started again. Afterwards set
    ledger.url to the new address. A password of PostgreSQL's belongs into a PGPASSFILE.
    """
    settings = settings_of(ctx)
    _existing_ledger(settings)
    target = _address(address, settings)
    with (
        _alone(settings),
        closing(Database(ledger_url(settings), alone=True)) as source,
        closing(Database(target.reveal(), alone=True)) as copy,
    ):
        documents = transfer(source, copy)
    click.echo(f"{documents} documents, compared; set ledger.url to {target}")


def _address(address: str, settings: Settings) -> LedgerUrl:
    try:
        url = parse_ledger_url(address, settings.root, may_hold_password=False)
    except MalformedError as error:
        raise Stop(Exit.USAGE, f"--to {error}") from None
    if (path := url.sqlite_path) is not None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    return url


def _findings(settings: Settings) -> list[Finding]:
    path, places = settings.ledger.url.sqlite_path, _places(settings)
    if path is not None and not path.exists():
        return [Finding("ledger", f"there is no ledger {path}")]
    findings: list[Finding] = []
    try:
        findings.extend(verify(places))
    except LedgerNeedsPerson as error:
        findings.append(Finding("ledger", str(error)))
    except (TypeError, ValueError) as error:  # a value that the importer would never have written
        findings.append(Finding("ledger", f"a row cannot be read: {error}"))
    return findings


def _tell(rebuilt: Rebuilt) -> None:
    for problem in rebuilt.problems:
        click.echo(f"importer: {shown(problem)}", err=True)
    if rebuilt.kept:
        click.echo(f"old ledger: {rebuilt.kept}")
    click.echo(f"{rebuilt.documents} documents in the new ledger, epoch {rebuilt.epoch}")
    click.echo(f"{rebuilt.restored:>6} restored from receipts")
    click.echo(f"{rebuilt.to_look_up:>6} to be looked up at Abillify before anything is sent")


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Neither `run` nor `backfill` nor any other verb has the ledger open, and none can open it.

    With PostgreSQL the database sees to that, for as long as the ledger is being changed.
    """
    path = settings.ledger.url.sqlite_path
    if path is None:
        with closing(Database(ledger_url(settings), alone=True, as_it_is=True)) as ledger, ledger.transaction():
            pass  # at once, also where there turns out to be nothing to do
        yield
        return
    try:
        # Whoever starts has the ledger open first: it must not lose its inbox to somebody who will be refused.
        with alone(holders_folder(path), settings.inbox.path, path.with_suffix(".run")):
            yield
    except AlreadyHeld:
        message = f"another importer works with the ledger {path} at this moment; stop it first"
        raise Stop(Exit.ALREADY_RUNNING, message) from None


def _places(settings: Settings) -> Places:
    return Places(
        ledger=ledger_url(settings),
        witness=witness_of(settings),
        archive=settings.archive.imported.root,
        inbox=settings.inbox.path,
    )


def _existing_ledger(settings: Settings) -> str:
    """The ledger in messages."""
    path = settings.ledger.url.sqlite_path
    if path is not None and not path.exists():
        raise Stop(Exit.LEDGER_NEEDS_PERSON, f"there is no ledger {path}; check ledger.url")
    return str(path or settings.ledger.url)


def _backup_of(settings: Settings) -> Path:
    path = settings.ledger.url.sqlite_path or settings.root / "var" / "ledger.db"
    return path.parent / "backup" / f"ledger-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.db"
