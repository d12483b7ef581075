"""`importer status`."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click

from importer.adapters.ledger import LedgerReader
from importer.assembly import scanner_of
from importer.batches import sighting_of
from importer.cli.exits import Exit
from importer.cli.output import json_option, print_json
from importer.cli.reading import reading_ledger, settings_of
from importer.clock import local_zone
from importer.config import Settings
from importer.core.model import State
from importer.core.resending import ResendState
from importer.report import counted, local, timestamp
from importer.silence import Ear

MEANINGS: Mapping[str, str] = {
    "states": "How many documents are in each of the nine states.",
    "oldest_unfinished": "The one first seen of those on their way or held: `id`, `state`, `first_seen_at` and "
    "`reason` (its code); null when there is none.",
    "blocked": "What does not go on, by state and reason: `state`, `reason` (its code), `count` and `example`.",
    "line": "`code` is null while documents are sent; else why not, with `message` and `since`.",
    "resends": "How many invoices that are sent again are in each of their states.",
    "not_taken": "How many files in the inbox the ledger does not know as they are now.",
    "silent": "The sources of `[[expect]]` that have not delivered: `name` and `expected_by`.",
}
"""The fields of `--json`, one object."""


@click.command(epilog="\b\nExample:\n  importer status --json")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Counts by state, the oldest unfinished document, what is blocked and why, and which sources are silent.

    Ends with 5 when the credentials are refused, 3 when documents need a person or a source is silent, 4 when some
    documents will be tried again.
    """
    settings = settings_of(ctx)
    with reading_ledger(settings) as ledger:
        found = standing_of(settings, ledger)
    if as_json:
        print_json([found])
    else:
        _print(found)
    raise SystemExit(int(_code(found)))


def standing_of(settings: Settings, ledger: LedgerReader) -> dict[str, Any]:
    """All that `--json` prints."""
    return _status(ledger) | {"not_taken": _not_taken(settings, ledger), "silent": _silent(settings, ledger)}


def _status(ledger: LedgerReader) -> dict[str, Any]:
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
        "line": _line(ledger.line()),
        "resends": {state.value: count for state, count in sorted(ledger.resend_counts().items())},
    }


def _line(stopped: dict[str, Any] | None) -> dict[str, Any]:
    """Open, too, when nobody has said anything yet."""
    if stopped is None:
        return {"code": None}
    return stopped | {"since": timestamp(datetime.fromisoformat(stopped["since"]))}


def _not_taken(settings: Settings, ledger: LedgerReader) -> int:
    """Files in the inbox that the ledger does not know as they are now."""
    sightings = map(sighting_of, scanner_of(settings).files())
    count = 0
    while some := list(islice(sightings, 1000)):
        count += len(some) - len(ledger.seen_among(some))
    return count


def _silent(settings: Settings, ledger: LedgerReader) -> list[dict[str, Any]]:
    """The sources that should have delivered."""
    heard = Ear(settings.expect, ledger, local_zone(os.environ)).listen(datetime.now(UTC))
    return [
        {"name": source.name, "expected_by": timestamp(source.expected_by)}
        for source in heard
        if source.expected_by is not None
    ]


def _print(found: dict[str, Any]) -> None:
    for state, count in found["states"].items():
        if count:
            click.echo(f"{count:>8} {state}")
    if not any(found["states"].values()):
        click.echo("no documents yet")
    if oldest := found["oldest_unfinished"]:
        why = f" ({oldest['reason']})" if oldest["reason"] else ""
        click.echo(f"oldest unfinished: {oldest['id']}, {oldest['state']} since {_local(oldest['first_seen_at'])}{why}")
    for group in found["blocked"]:
        click.echo(
            f"{group['state']}: {group['count']} x {group['reason']}, for example {group['example']}; "
            f"see `importer list --state {group['state']}`"
        )
    for state, count in found["resends"].items():
        if state != ResendState.SENT:
            click.echo(f"{counted(count, 'resend')} {state}; see `importer show` of the invoice")
    if count := found["not_taken"]:
        click.echo(f"{counted(count, 'file')} in the inbox {'was' if count == 1 else 'were'} not taken yet")
    for source in found["silent"]:
        click.echo(f"silent: nothing has come from {source['name']}, expected by {_local(source['expected_by'])}")
    line = found["line"]
    click.echo(f"line stopped since {_local(line['since'])}: {line['message']}" if line["code"] else "line open")


def _local(moment: str) -> str:
    return local(datetime.fromisoformat(moment))


def _code(found: dict[str, Any]) -> Exit:
    states = found["states"]
    if found["line"]["code"] == "credentials_refused":
        return Exit.CREDENTIALS_REFUSED
    is_for_a_person = any(State(group["state"]).needs_person for group in found["blocked"])
    if found["silent"] or found["resends"].get(ResendState.HELD) or is_for_a_person:
        return Exit.NEEDS_PERSON
    return Exit.AGAIN_LATER if any(states[state] for state in states if State(state).is_on_its_way) else Exit.OK
