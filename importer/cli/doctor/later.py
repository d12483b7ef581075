"""What comes after an import: invoices that are sent again, and programs of the operator's that are told."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from importer.adapters.ledger import LedgerError, LedgerReader
from importer.cli.doctor.finding import Finding, warning
from importer.cli.reading import reading_ledger
from importer.config import Settings
from importer.core.hooks import Hook, Progress
from importer.core.resending import ResendState
from importer.report import counted

MEND_HOOK = "run the program by hand as the importer's user, with a line of `importer list --json` as its input"


@contextmanager
def _reading(settings: Settings) -> Iterator[LedgerReader]:
    """What may be wrong with the ledger itself is told by its own check."""
    with reading_ledger(settings, warn=lambda _: None) as ledger:
        yield ledger


def resends(settings: Settings) -> Iterator[Finding]:
    """Those of which only a person can tell whether the e-mail went out; nothing else is sent for that invoice."""
    try:
        with _reading(settings) as ledger:
            held = ledger.resends_in(ResendState.HELD)
    except LedgerError:
        return  # told as `ledger`
    if held:
        references = list(dict.fromkeys(resend.invoice_reference for resend in held))
        more = f" and {counted(len(references) - 1, 'other')}" if len(references) > 1 else ""
        message = f"{counted(len(held), 'request')} may or may not have gone out: {references[0]}{more}"
        remedy = f"ask Abillify, then `importer resend {references[0]} --was-sent` or `--was-not-sent`"
        yield warning("resends", message, remedy)


def hooks(settings: Settings) -> Iterator[Finding]:
    """Of those that are set: whether the program is there, and how far its calls have come."""
    wanted = {Hook.AFTER_IMPORT: settings.hooks.after_import, Hook.NEEDS_PERSON: settings.hooks.needs_person}
    told: dict[Hook, tuple[Progress, int]] = {}
    if any(wanted.values()):
        try:
            with _reading(settings) as ledger:
                told = ledger.hooks()
        except LedgerError:
            pass  # told as `ledger`
    for hook, arguments in wanted.items():
        if arguments:
            yield _hook(hook, arguments[0], told.get(hook))


def _hook(hook: Hook, program: str, found: tuple[Progress, int] | None) -> Finding:
    check = f"hooks.{hook.value}"
    if shutil.which(program) is None:
        message = f"{program} is not there, or may not be run; documents are imported, and its calls wait for it"
        return warning(check, message, "put it there and make it executable (chmod a+x), or correct the setting")
    if found is None:
        return Finding(check, f"{program}; it has not been called yet")
    progress, waiting = found
    told = [program]
    told += [f"{counted(waiting, 'call')} to be made"] if waiting else []
    told += [f"{counted(len(progress.again), 'call')} will be tried again"] if progress.again else []
    told += [f"{counted(progress.given_up, 'call')} given up after a day"] if progress.given_up else []
    if progress.failing:
        return warning(check, f"{'; '.join(told)}; the last call: {progress.failing}", MEND_HOOK)
    return Finding(check, "; ".join(told))
