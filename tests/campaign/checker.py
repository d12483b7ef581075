"""The checker: knows what the sandbox stored, what the ledger says and what lies on disk; none of the importer's code.

Each check yields sentences that begin with the invariant (exactly-once.md, "Invariants for the checker"); none is well.
"""

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path

from tests.campaign.ending import memory_of
from tests.campaign.instance import FOLDERS, PASSWORD

ON_ITS_WAY = {"pending", "sending", "uncertain", "deferred", "waiting"}
UNFINISHED_MOVE = ("move:after", "sweep", "moved:begin", "moved:before")
NEEDS_PERSON = {"rejected", "held"}
REFUSING, TOO_MANY = (401, 403), 429
STRAYS = ("rejected", "held", "archive/duplicates")
"""Where a file may lie with its reason beside it although the ledger was lost that knew of it."""


class Evidence:
    """An ending, with the ledger and the folder read for it."""

    def __init__(self, ending):
        self.ending = ending
        with closing(sqlite3.connect(ending.folder / "var" / "ledger.db")) as ledger:
            ledger.row_factory = sqlite3.Row
            self.rows = [_decoded(row) for row in ledger.execute("SELECT * FROM documents ORDER BY id")]
            self.damage = ledger.execute("PRAGMA integrity_check").fetchone()[0]
        self.files = {path: path.read_bytes() for path in ending.folder.rglob("*") if path.is_file()}
        self.hashes = {path: hashlib.sha256(content).hexdigest() for path, content in self.files.items()}
        memories = [*ending.memories, memory_of(ending.folder / "var" / "ledger.db")]
        self.intents = frozenset().union(*(memory.intents for memory in memories))
        self.forbidden = frozenset().union(*(memory.forbidden for memory in memories))
        self.imports = [request for request in ending.requests if request.endpoint == "import"]


def check(ending):
    """Every violation, as sentences."""
    evidence = Evidence(ending)
    checks = (_effects, _kept, _references, _intents, _keys, _settled, _line, _mistrust, _places, _reasons)
    return [told for one in checks for told in one(evidence)]


def _decoded(row):
    values = dict(row)
    for name in ("path", "location", "target", "inbox", "filename"):
        values[name] = values[name].decode("utf-8", "surrogateescape") if values[name] is not None else None
    values["reason"] = json.loads(values["reason"]) if values["reason"] else None
    return values


def _effects(evidence):
    """I1, and that nothing lies where no name said so."""
    ending = evidence.ending
    stored = Counter(
        (effect.reference, effect.kind, _sent(evidence, effect))
        for effect in ending.effects
        if effect.id not in ending.deleted
    )
    for (reference, kind, sha256), times in stored.items():
        if times > 1:
            yield f"I1 {times} effects of {sha256[:8]} at {reference} as {kind}"
    said = {(d.drop.reference, d.drop.kind and d.drop.kind.value, d.sha256) for d in ending.dropped}
    for wrong in stored.keys() - said:
        yield f"I1 nobody said that {wrong[2][:8]} belongs to {wrong[0]} as {wrong[1]}"


def _sent(evidence, effect):
    """The hash of what was sent; the server may have stored other bytes."""
    request = next((r for r in evidence.imports if r.number == effect.request), None)
    return request.form.sha256 if request else effect.sha256


def _kept(evidence):
    """I2: every file that nobody else touched is on disk, and has a row that ends somewhere."""
    on_disk = Counter(evidence.hashes.values())
    known = {Path(row["location"]) for row in evidence.rows}
    wanted = Counter(dropped.sha256 for dropped in evidence.ending.dropped if not dropped.disturbed)
    wanted -= _merged(evidence.ending)
    for sha256, times in wanted.items():
        if on_disk[sha256] < times:
            yield f"I2 {sha256[:8]} was dropped {times} times, and is on disk {on_disk[sha256]} times"
        rows = [row for row in evidence.rows if row["sha256"] == sha256]
        strays = [path for path in _strays(evidence, sha256) if path not in known]
        if len(rows) + len(strays) < times:
            yield f"I2 {sha256[:8]} was dropped {times} times, and has {len(rows)} rows"
    for row in evidence.rows:
        yield from _lies_where_it_says(evidence, row)


def _merged(ending):
    """Drops that may have finished an earlier one's move: the same path and bytes, after a death between move and T5.

    design.md section 3: "The same path and bytes with an unfinished archive step finish the move and make no new row."
    Unfinished it also is by the word of an older ledger.
    """
    deaths = sum(kind == "kill" and step.startswith(UNFINISHED_MOVE) for kind, step, _ in ending.strikes)
    deaths += len(ending.amnesias)
    drops = Counter((dropped.path, dropped.sha256) for dropped in ending.dropped if not dropped.disturbed)
    merged = Counter()
    for (_, sha256), times in drops.items():
        merged[sha256] += min(times - 1, deaths)
    return +merged


def _strays(evidence, sha256):
    """After a ledger was lost: files with these bytes that tell a person themselves why they lie where they lie."""
    for path, found in evidence.hashes.items():
        where = str(path.relative_to(evidence.ending.folder))
        has_reason = path.with_name(f"{path.name}.reason.txt") in evidence.files
        if evidence.ending.amnesias and found == sha256 and where.startswith(STRAYS) and has_reason:
            yield path


def _went_astray(evidence, row):
    """Whether the file was moved in a time that the ledger has forgotten; whoever looks finds it with a reason."""
    return row["state"] in NEEDS_PERSON and next(_strays(evidence, row["sha256"]), None) is not None


def _lies_where_it_says(evidence, row):
    path = next((path for path in evidence.files if str(path) == row["location"]), None)
    if path is None or evidence.hashes[path] != row["sha256"]:
        if _was_disturbed(evidence, row["sha256"]) or _went_astray(evidence, row):
            return
        yield f"I2 D{row['id']} ({row['state']}) does not lie at {row['location']!r}"
    elif row["state"] == "imported":
        receipt = evidence.files.get(path.with_name(path.name + ".receipt.json"))
        if receipt is None or json.loads(receipt)["communication_reference"] != row["communication_reference"]:
            yield f"I2 D{row['id']} has no receipt, or another one's"


def _references(evidence):
    """I3: what the ledger says is imported is there, once, with these bytes; what is there the ledger knows of."""
    effects = {effect.id: effect for effect in evidence.ending.effects}
    told = defaultdict(list)
    for row in evidence.rows:
        if row["state"] == "imported":
            effect = effects.get(row["communication_reference"].lstrip("_"))
            told[row["communication_reference"].lstrip("_")].append(row["id"])
            if effect is None:
                yield f"I3 D{row['id']} is imported as {row['communication_reference']}, which does not exist"
            elif not _agree(evidence, row, effect):
                yield f"I3 D{row['id']} is imported as {effect.id}, which is another document"
    for identifier, rows in told.items():
        if len(rows) > 1:
            yield f"I3 documents {rows} are all imported as {identifier}"
    for effect in effects.values():
        is_forgotten = evidence.ending.amnesias and _was_disturbed(evidence, _sent(evidence, effect))
        is_known = told[effect.id] or effect.id in evidence.ending.deleted or _is_open(evidence, effect)
        if not is_known and not is_forgotten:
            yield f"I3 {effect.id} at {effect.reference} is stored, and no row says so or asks a person"


def _agree(evidence, row, effect):
    ours = (row["invoice_reference"], row["kind"], row["sha256"])
    references = (row["file_reference"].lstrip("_"), row["voucher_reference"].lstrip("_"))
    theirs = (effect.reference, effect.kind, _sent(evidence, effect))
    return ours == theirs and references == (effect.file, effect.voucher)


def _is_open(evidence, effect):
    identity = (effect.reference, effect.kind, _sent(evidence, effect))
    known = (row for row in evidence.rows if (row["invoice_reference"], row["kind"], row["sha256"]) == identity)
    return any(row["state"] in ON_ITS_WAY | {"held"} for row in known)


def _intents(evidence):
    """I4: as many committed attempts as requests under every key, and each one before its request."""
    intended = defaultdict(int)
    for _, key, _ in evidence.intents:
        intended[key] += 1
    for key, times in Counter(request.key for request in evidence.imports).items():
        if times > intended[key]:
            yield f"I4 {times} imports under {key}, and {intended[key]} intents"


def _keys(evidence):
    """I5: under one key never two byte strings, invoices or kinds."""
    sent = defaultdict(set)
    for request in evidence.imports:
        if request.whole:
            sent[request.key].add((request.reference, request.form.kind, request.form.sha256))
    for key, documents in sent.items():
        if key is None or len(documents) > 1:
            yield f"I5 {len(documents)} documents under the key {key}"


def _settled(evidence):
    """I6: nothing is left on its way."""
    for row in evidence.rows:
        if row["state"] in ON_ITS_WAY or row["target"] is not None or row["claim_token"] is not None:
            yield f"I6 D{row['id']} is still {row['state']}, target {row['target']}, claim {row['claim_token']}"
    if not evidence.ending.settled:
        yield "I6 it did not come to rest in bounded time"
    if evidence.damage != "ok":
        yield f"I6 the ledger is damaged: {evidence.damage}"


def _line(evidence):
    """I7: a life sends nothing before its first probe, nor after a refusal of credentials before the next one."""
    stopped, refused = defaultdict(lambda: True), set()
    for number, request in enumerate(evidence.ending.requests):
        life = _caller(evidence.ending.callers, number)
        if request.endpoint == "probe":
            stopped[life] = request.status != 200 or request.fault == "no_date"
        elif request.endpoint == "import" and stopped[life]:
            yield f"I7 import {request.number} of life {life + 1} while its line was stopped"
        elif _stops_the_line(request) and request.reference not in evidence.forbidden:
            # Twice, with an accepted probe in between: it is about this document, also where its claim was lost.
            stopped[life] = request.status == TOO_MANY or request.key not in refused
            refused.add(request.key)


def _stops_the_line(request):
    """By what the server answered; a document that was refused twice is held instead."""
    if request.endpoint == "import":
        return request.status in (*REFUSING, TOO_MANY)
    return request.endpoint in ("readback", "invoice") and request.status in REFUSING


def _caller(callers, number):
    return next(life for first, life in reversed(callers) if first <= number)


def _mistrust(evidence):
    """I7: a ledger that has forgotten something sends nothing until it is rebuilt."""
    for amnesia in evidence.ending.amnesias:
        if amnesia.refused_at is None:
            continue
        for request in evidence.ending.requests[amnesia.refused_at : amnesia.rebuilt_at]:
            if request.endpoint == "import":
                yield f"I7 import {request.number} on the word of a ledger that was {amnesia.fate}"


def _places(evidence):
    """I8: nothing beside our folders, no password in any file."""
    folder = evidence.ending.folder
    for path, content in evidence.files.items():
        if path.relative_to(folder).parts[0] not in FOLDERS:
            yield f"I8 {path} lies outside of the configured folders"
        if PASSWORD.encode() in content:
            yield f"I8 the password stands in {path}"
        if path.name.startswith(".importer-") and evidence.ending.settled and not evidence.ending.strikes:
            yield f"I8 {path} was left behind"


def _reasons(evidence):
    """I9: whoever stops says why, also beside the file."""
    for row in evidence.rows:
        if row["state"] not in NEEDS_PERSON:
            continue
        reason = row["reason"] or {}
        if not reason.get("code") or not reason.get("message"):
            yield f"I9 D{row['id']} is {row['state']} without a reason"
        told = any(str(path) == f"{row['location']}.reason.txt" for path in evidence.files)
        is_away = (
            reason.get("code") == "file_gone" or _was_disturbed(evidence, row["sha256"]) or _went_astray(evidence, row)
        )
        if not told and not is_away:
            yield f"I9 D{row['id']} is {row['state']} and nothing beside {row['location']!r} says why"


def _was_disturbed(evidence, sha256):
    return any(dropped.disturbed and dropped.sha256 == sha256 for dropped in evidence.ending.dropped)


def by_invariant(violations):
    """How many there are of each kind, for a table."""
    return {
        "duplicates (I1)": sum(violation.startswith("I1") for violation in violations),
        "losses (I2, I3)": sum(violation.startswith(("I2", "I3")) for violation in violations),
        "stuck (I6)": sum(violation.startswith("I6") for violation in violations),
        "other violations": sum(not violation.startswith(("I1", "I2", "I3", "I6")) for violation in violations),
    }
