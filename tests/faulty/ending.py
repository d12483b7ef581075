"""What must hold when the machine is sound again. Looks at the sandbox, the ledger's file and the folder only."""

import hashlib
import json
import sqlite3
from contextlib import closing


def documents(world):
    """The ledger's rows, by the name of the file."""
    with closing(sqlite3.connect(world.folder / "var" / "ledger.db")) as ledger:
        ledger.row_factory = sqlite3.Row
        rows = [dict(row) for row in ledger.execute("SELECT * FROM documents")]
    return {row["path"].decode(): row for row in rows}


def posts(world):
    return sum(request.endpoint == "import" for request in world.sandbox.requests)


def holds_in_the_end(world, names):
    """A run on a sound machine finds everything as if nothing had happened: each file stored, told and kept once."""
    world.importer("backfill", "--wait", "20s", exits=0)
    told = documents(world)
    assert {name: row["state"] for name, row in told.items()} == dict.fromkeys(names, "imported")
    stored = {effect.sha256: effect for effect in world.sandbox.effects}
    assert len(stored) == len(world.sandbox.effects) == len(names), "each document once"
    for name, row in told.items():
        effect = stored[row["sha256"]]
        references = [row[f"{part}_reference"].lstrip("_") for part in ("communication", "file", "voucher")]
        assert references == [effect.id, effect.file, effect.voucher]
        (archived,) = (world.folder / "archive").rglob(name)
        assert str(archived).encode() == row["location"]
        assert hashlib.sha256(archived.read_bytes()).hexdigest() == row["sha256"]
        receipt = json.loads(archived.with_name(name + ".receipt.json").read_bytes())
        assert receipt["communication_reference"] == row["communication_reference"]
        assert row["claim_token"] is None
    left = [path for path in world.folder.rglob("*") if path.name.startswith(".importer-")]
    assert left + list(world.inbox.rglob("*.pdf")) == [], "nothing is left behind"
    assert list((world.folder / "var" / "ledger.db.holders").iterdir()) == []
