"""The checker: knows what the sandbox stored, what the ledger says and what lies on disk; none of the importer's code.

Each check yields sentences that begin with the invariant (exactly-once.md, "Invariants for the checker"); none is well.
"""

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing

from tests.campaign.instance import FOLDERS, PASSWORD

ON_ITS_WAY = {"pending", "sending", "uncertain", "deferred", "waiting"}
NEEDS_PERSON = {"rejected", "held"}
LINE_STOPS = {"status_401", "status_403", "status_429"}


class Evidence:
    """An ending, with the ledger and the folder read for it."""

    def __init__(self, ending):
        self.ending = ending
        with closing(sqlite3.connect(ending.folder / "var" / "ledger.db")) as ledger:
            ledger.row_factory = sqlite3.Row
            self.rows = [_decoded(row) for row in ledger.execute("SELECT * FROM documents ORDER BY id")]
            self.attempts = [dict(row) for row in ledger.execute("SELECT * FROM attempts ORDER BY id")]
            self.forbidden = {
                row[0]
                for row in ledger.execute("SELECT document_id FROM events WHERE name = 'document.held'")
            }  # fmt: skip
            self.damage = ledger.execute("PRAGMA integrity_check").fetchone()[0]
        self.files = {path: path.read_bytes() for path in ending.folder.rglob("*") if path.is_file()}
        self.hashes = {path: hashlib.sha256(content).hexdigest() for path, content in self.files.items()}
        self.imports = [request for request in ending.requests if request.endpoint == "import"]


def check(ending):
    """Every violation, as sentences."""
    evidence = Evidence(ending)
    checks = (_effects, _kept, _references, _intents, _keys, _settled, _line, _places, _reasons)
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
    wanted = Counter(dropped.sha256 for dropped in evidence.ending.dropped if not dropped.disturbed)
    for sha256, times in wanted.items():
        if on_disk[sha256] < times:
            yield f"I2 {sha256[:8]} was dropped {times} times, and is on disk {on_disk[sha256]} times"
        rows = [row for row in evidence.rows if row["sha256"] == sha256]
        if len(rows) < times:
            yield f"I2 {sha256[:8]} was dropped {times} times, and has {len(rows)} rows"
    for row in evidence.rows:
        yield from _lies_where_it_says(evidence, row)


def _lies_where_it_says(evidence, row):
    path = next((path for path in evidence.files if str(path) == row["location"]), None)
    file_may_be_gone = any(d.disturbed and d.sha256 == row["sha256"] for d in evidence.ending.dropped)
    if (path is None or evidence.hashes[path] != row["sha256"]) and not file_may_be_gone:
        yield f"I2 D{row['id']} ({row['state']}) does not lie at {row['location']!r}"
    elif path is not None and row["state"] == "imported" and evidence.hashes[path] == row["sha256"]:
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
        if not told[effect.id] and effect.id not in evidence.ending.deleted and not _is_open(evidence, effect):
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
    for attempt in evidence.attempts:
        intended[attempt["key"]] += 1
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
    stopped = defaultdict(lambda: True)
    for number, request in enumerate(evidence.ending.requests):
        life = _caller(evidence.ending.callers, number)
        if request.endpoint == "probe":
            stopped[life] = not request.authorized or request.fault != "none"
        elif request.endpoint == "import":
            if stopped[life]:
                yield f"I7 import {request.number} of life {life + 1} while its line was stopped"
            refused = request.fault in LINE_STOPS or (request.fault == "none" and not request.authorized)
            stopped[life] = refused and not _is_forbidden(evidence, request)


def _caller(callers, number):
    return next(life for first, life in reversed(callers) if first <= number)


def _is_forbidden(evidence, request):
    """A document that was refused twice is held, and does not stop the line for the others."""
    owners = {attempt["document_id"] for attempt in evidence.attempts if attempt["key"] == request.key}
    return not owners.isdisjoint(evidence.forbidden)


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
        if not told and reason.get("code") != "file_gone" and not _was_disturbed(evidence, row):
            yield f"I9 D{row['id']} is {row['state']} and nothing beside {row['location']!r} says why"


def _was_disturbed(evidence, row):
    return any(dropped.disturbed and dropped.sha256 == row["sha256"] for dropped in evidence.ending.dropped)
