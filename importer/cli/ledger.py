"""`importer ledger`: verify, backup, rebuild, upgrade."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from importer.adapters.ledger import Database, LedgerNeedsPerson, back_up, holders_folder, is_outdated
from importer.adapters.locks import AlreadyHeld, alone
from importer.cli.assembly import account_of, make_folders
from importer.cli.exits import Exit, Stop
from importer.cli.output import json_option, print_json
from importer.cli.reading import settings_of, witness_of
from importer.config import Settings
from importer.core.naming import shown
from importer.rebuild import Places, Rebuilt, rebuild
from importer.verification import Finding, verify

EXAMPLES = """\b
Examples:
  importer ledger verify
  importer ledger backup /mnt/backup/ledger.db
  importer ledger rebuild
  importer ledger upgrade
"""


@click.group(epilog=EXAMPLES)
def command() -> None:
    """Look after the ledger: check it, back it up, make it anew, bring it to this version."""


@command.command("verify", epilog="\b\nExample:\n  importer ledger verify --json")
@json_option
@click.pass_context
def verify_command(ctx: click.Context, as_json: bool) -> None:
    """Check the ledger, its witness, every imported file and every receipt; changes nothing.

    One line a finding; ends with 7 when something is wrong. A service may be at work meanwhile.
    """
    places = _places(settings_of(ctx))
    findings = _findings(places)
    if as_json:
        print_json({"check": f.check, "fault": f.is_fault, "message": shown(f.message)} for f in findings)
    else:
        for finding in findings:
            click.echo(f"{'FAULT' if finding.is_fault else 'note '} {finding.check}: {shown(finding.message)}")
    wrong = any(finding.is_fault for finding in findings)
    if not wrong:
        click.echo(f"ledger {places.ledger}: all is well", err=True)
    raise SystemExit(int(Exit.LEDGER_NEEDS_PERSON if wrong else Exit.OK))


@command.command("backup", epilog="\b\nExample:\n  importer ledger backup /mnt/backup/ledger.db")
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@click.pass_context
def backup_command(ctx: click.Context, file: Path | None) -> None:
    """Copy the ledger while the importer may be at work; the copy is verified and safely on disk.

    Without FILE it goes to backup/ beside the ledger. Nothing is overwritten.
    """
    ledger = _existing_ledger(settings_of(ctx))
    copy = file.absolute() if file else _backup_of(ledger)
    back_up(ledger, copy)
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
    ledger = _existing_ledger(settings)
    with _alone(settings):
        if not is_outdated(settings.ledger.url.reveal()):
            click.echo(f"ledger {ledger}: nothing to do")
            return
        copy = _backup_of(ledger)
        back_up(ledger, copy)
        click.echo(f"backup: {copy}")
        Database(settings.ledger.url.reveal(), alone=True, upgrade=True).close()
    click.echo(f"ledger {ledger}: upgraded")


def _findings(places: Places) -> list[Finding]:
    if not places.ledger.exists():
        return [Finding("ledger", f"there is no ledger {places.ledger}")]
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
    """Neither `run` nor `backfill` nor any other verb has the ledger open, and none can open it."""
    ledger = _sqlite(settings)
    try:
        with alone(settings.inbox.path, ledger.with_suffix(".run"), holders_folder(ledger)):
            yield
    except AlreadyHeld:
        message = f"another importer works with the ledger {ledger} at this moment; stop it first"
        raise Stop(Exit.ALREADY_RUNNING, message) from None


def _places(settings: Settings) -> Places:
    return Places(
        ledger=_sqlite(settings),
        witness=witness_of(settings),
        archive=settings.archive.imported.root,
        inbox=settings.inbox.path,
    )


def _sqlite(settings: Settings) -> Path:
    path = settings.ledger.url.sqlite_path
    if path is None:
        raise Stop(
            Exit.USAGE, f"ledger {settings.ledger.url}: this is for ledgers in SQLite; see PostgreSQL's own tools"
        )
    return path


def _existing_ledger(settings: Settings) -> Path:
    ledger = _sqlite(settings)
    if not ledger.exists():
        raise Stop(Exit.LEDGER_NEEDS_PERSON, f"there is no ledger {ledger}; check ledger.url")
    return ledger


def _backup_of(ledger: Path) -> Path:
    return ledger.parent / "backup" / f"ledger-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.db"
