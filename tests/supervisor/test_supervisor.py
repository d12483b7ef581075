"""Ten kills of the real service in the suite; `make campaign-kills` has a hundred."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from tests.supervisor.schedule import drawn
from tests.supervisor.supervisor import Supervisor


def test_ten_kills_at_any_moment_lose_and_double_nothing(tmp_path):
    supervisor = Supervisor(drawn(2026, 10), tmp_path)
    result = supervisor.play()
    assert result.violations == []
    assert result.kills == 10
    assert result.effects > 0 < result.faults


def test_a_schedule_is_the_same_for_its_seed():
    assert drawn(7, 20) == drawn(7, 20) != drawn(8, 20)


@pytest.fixture
def played(tmp_path):
    """A small campaign that is over, and all is well."""
    supervisor = Supervisor(drawn(3, 1), tmp_path)
    assert supervisor.play().violations == []
    return supervisor


def test_what_is_wrong_is_seen(played, tmp_path):
    ledger, archive = tmp_path / "importer" / "var" / "ledger.db", tmp_path / "importer" / "archive"
    row = "WHERE id = (SELECT min(id) FROM documents WHERE state = 'imported')"
    kept = shutil.copy(ledger, tmp_path / "kept.db")
    for change, seen in {
        f"UPDATE documents SET state = 'sending' {row}": "I6",
        f"UPDATE documents SET communication_reference = '_1' {row}": "I3",
        "DELETE FROM attempts": "I4",
    }.items():
        with closing(sqlite3.connect(ledger)) as connection, connection:
            connection.execute(change)
        assert any(told.startswith(seen) for told in played._checked()), change
        shutil.copy(kept, ledger)
    for receipt in archive.rglob("*.receipt.json"):
        receipt.unlink()
    assert any("no receipt" in told for told in played._checked())
    for document in archive.rglob("*.pdf"):
        document.unlink()
    assert any(told.startswith("I2") for told in played._checked())
    (archive / ".importer-left").touch()
    assert any("left behind" in told for told in played._traces())
