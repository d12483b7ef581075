"""`importer status`."""

from typing import Any

import click

from importer.adapters.ledger import Ledger
from importer.cli.assembly import opened_ledger, settings_of
from importer.cli.exits import Exit
from importer.cli.output import json_option, print_json
from importer.core.model import State
from importer.report import timestamp


@click.command(epilog="\b\nExample:\n  importer status --json")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Counts by state, the oldest unfinished document, what is blocked and why.

    Ends with 5 when the credentials are refused, 3 when documents need a person, 4 when some will be tried again.
    """
    with opened_ledger(settings_of(ctx)) as ledger:
        found = _status(ledger)
    if as_json:
        print_json([found])
    else:
        _print(found)
    raise SystemExit(int(_code(found)))


def _status(ledger: Ledger) -> dict[str, Any]:
    counts = ledger.counts()
    oldest = ledger.oldest_unfinished()
    return {
        "states": {state.value: counts.get(state, 0) for state in State},
        "oldest_unfinished": oldest
        and {
            "id": f"D{oldest.id}",
            "state": oldest.state,
            "first_seen_at": timestamp(oldest.first_seen_at),
            "reason": oldest.reason and oldest.reason.code,
        },
        "blocked": [
            {"state": state.value, "reason": code, "count": count, "example": f"D{example}"}
            for state, code, count, example in ledger.blocked()
        ],
        "line": ledger.line() or {"code": None},
    }


def _print(found: dict[str, Any]) -> None:
    for state, count in found["states"].items():
        if count:
            click.echo(f"{count:>8} {state}")
    if not any(found["states"].values()):
        click.echo("no documents yet")
    if oldest := found["oldest_unfinished"]:
        why = f" ({oldest['reason']})" if oldest["reason"] else ""
        click.echo(f"oldest unfinished: {oldest['id']}, {oldest['state']} since {oldest['first_seen_at']}{why}")
    for group in found["blocked"]:
        click.echo(
            f"{group['state']}: {group['count']} x {group['reason']}, for example {group['example']}; "
            f"see `importer list --state {group['state']}`"
        )
    if found["line"]["code"]:
        click.echo(f"the line is stopped since {found['line']['since']}: {found['line']['message']}")


def _code(found: dict[str, Any]) -> Exit:
    states = found["states"]
    if found["line"]["code"] == "credentials_refused":
        return Exit.CREDENTIALS_REFUSED
    if states["held"] or states["rejected"]:
        return Exit.NEEDS_PERSON
    return Exit.AGAIN_LATER if any(states[state] for state in states if State(state).is_on_its_way) else Exit.OK
