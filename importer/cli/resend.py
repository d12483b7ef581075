"""`importer resend`."""

import secrets
from collections.abc import Iterable, Iterator
from typing import TextIO

import click

from importer.adapters.abillify.request import invoice_url
from importer.assembly import account_of, opened_ledger, resender_of
from importer.cli.desk import Desk, opened_desk
from importer.cli.exits import Exit, Stop
from importer.cli.output import json_option, print_json
from importer.cli.reading import settings_of
from importer.clock import SystemClock
from importer.core.resending import AlreadySent, GoOn, Resend, ResendState, Undecided, settled
from importer.decisions import person
from importer.invoice_report import resend_as_json, resend_told
from importer.resender import Resender

EPILOG = """\b
Ends with 0 when every invoice was sent again; with 3 when one had been already, was refused, or needs a person; else
with 4 when one is in doubt or was not sent yet. `importer run`, or the same command, then goes on under the same key.

\b
Examples:
  importer resend RE-2024-0815
  importer resend RE-2024-0815 --again
  importer resend --from-file references.txt
  importer resend RE-2024-0815 --was-sent
"""

TRIES = 2
"""Refused credentials are probed, and may have been about this one request."""

CODES = {
    ResendState.SENT: Exit.OK,
    ResendState.PENDING: Exit.AGAIN_LATER,
    ResendState.SENDING: Exit.AGAIN_LATER,
    ResendState.UNCERTAIN: Exit.AGAIN_LATER,
    ResendState.FAILED: Exit.NEEDS_PERSON,
    ResendState.HELD: Exit.NEEDS_PERSON,
}
GRAVITY = (Exit.OK, Exit.AGAIN_LATER, Exit.NEEDS_PERSON)

ALREADY = "it was sent again before; --again sends it once more"
UNDECIDED = "an earlier one may have gone out; say --was-sent or --was-not-sent first"


@click.command(epilog=EPILOG)
@click.argument("references", nargs=-1, metavar="[REFERENCE]...")
@click.option("--from-file", "file", type=click.File(encoding="utf-8-sig"), help="One a line; - is standard input.")
@click.option("--again", is_flag=True, help="Also invoices that were sent again before.")
@click.option("--was-sent", is_flag=True, help="You have found out that one in doubt went out. Sends nothing.")
@click.option("--was-not-sent", is_flag=True, help="You have found out that it did not. Sends nothing.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    references: tuple[str, ...],
    file: TextIO | None,
    again: bool,
    was_sent: bool,
    was_not_sent: bool,
    as_json: bool,
) -> None:
    """Have Abillify send the e-mail of invoices to their customers again.

    Each request has an idempotency key that is on disk before it is sent. One whose outcome is unknown is only ever
    repeated under that key, as long as it is young; after that it is held, and nothing more is sent for the invoice
    until a person says what became of it.
    """
    wanted = _wanted(references, file)
    if was_sent and was_not_sent:
        raise Stop(Exit.USAGE, "--was-sent and --was-not-sent contradict each other; give one of them")
    if was_sent or was_not_sent:
        _settle(ctx, wanted, was_sent=was_sent, as_json=as_json)
        return
    code = Exit.OK
    with opened_desk(ctx) as desk:
        resender = resender_of(desk.settings, desk.ledger, desk.client, desk.line, desk.log)
        resender.recover()
        for reference in wanted:
            resend, note = _resent(desk, resender, reference, again=again)
            _print(reference, resend, note, as_json=as_json)
            found = Exit.NEEDS_PERSON if note in (ALREADY, UNDECIDED) else _code(resend)
            code = max(code, found, key=GRAVITY.index)
            desk.stop_if_refused()
    raise SystemExit(int(code))


def _wanted(references: tuple[str, ...], file: TextIO | None) -> list[str]:
    """Each once, in the order in which they were named."""
    found = list(dict.fromkeys([*references, *_lines(file or ())]))
    if not found:
        raise Stop(Exit.USAGE, "name at least one invoice reference, or a file of them with --from-file")
    for reference in found:
        try:
            invoice_url("", reference)
        except ValueError:
            raise Stop(Exit.USAGE, f"{reference!r} cannot be an invoice reference") from None
    return found


def _lines(file: Iterable[str]) -> Iterator[str]:
    try:
        yield from filter(None, map(str.strip, file))
    except UnicodeDecodeError:
        raise Stop(Exit.USAGE, "the file with the references is not UTF-8; save it so") from None


def _resent(desk: Desk, resender: Resender, reference: str, *, again: bool) -> tuple[Resend | None, str]:
    """What has become of an invoice's request, and what there is to say beside that."""
    if not desk.line.is_open:
        return None, f"nothing was sent: {desk.line.stopped.message if desk.line.stopped else ''}"
    seed = f"resend:{secrets.token_hex(16)}"
    account = account_of(desk.settings)
    match resender.want(reference, account=account, seed=seed, actor=person(), again=again):
        case AlreadySent(resend):
            return resend, ALREADY
        case Undecided(resend):
            return resend, UNDECIDED
        case Resend() as resend:
            return _sent(desk, resender, resend), ""
        case GoOn(resend):
            return _sent(desk, resender, resend), "gone on with, under the same key"
    raise AssertionError("an intent that is to begin is recorded")


def _sent(desk: Desk, resender: Resender, resend: Resend) -> Resend:
    """One request; one more where the probe says that the credentials are accepted after all."""
    for _ in range(TRIES):
        resend = resender.send(resend.id) or desk.ledger.resends.get(resend.id) or resend
        if not (resend.forbidden and resend.state.is_open):
            break
        desk.line.tend()
    return resend


def _settle(ctx: click.Context, references: list[str], *, was_sent: bool, as_json: bool) -> None:
    refusals, now = [], SystemClock().now()

    def decide(resend: Resend) -> Resend | str:
        return settled(resend, now, was_sent=was_sent)

    with opened_ledger(settings_of(ctx)) as ledger:
        for reference in references:
            doubtful = [resend for resend in ledger.resends_of(reference) if resend.state.is_in_doubt]
            if not doubtful:
                refusals.append(f"no resend of invoice {reference} is in doubt")
            for resend in doubtful:
                decided = ledger.resends.settle(resend.id, decide, person(), now)
                if isinstance(decided, str):
                    refusals.append(decided)
                else:
                    _print(reference, decided, "", as_json=as_json)
    if refusals:
        raise Stop(Exit.USAGE, "; ".join(refusals))


def _code(resend: Resend | None) -> Exit:
    return Exit.AGAIN_LATER if resend is None else CODES[resend.state]


def _print(reference: str, resend: Resend | None, note: str, *, as_json: bool) -> None:
    if as_json:
        told = resend_as_json(resend) if resend else {"invoice_reference": reference, "state": None}
        print_json([told | {"note": note or None}])
    else:
        state = f"{resend.state}: {resend_told(resend)}" if resend else reference
        click.echo(f"{state}{f' ({note})' if note else ''}")
