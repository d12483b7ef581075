"""What only one process may hold."""

import fcntl
import os

import pytest

from importer.adapters import locks
from importer.adapters.locks import AlreadyHeld, alone, is_held


def test_what_one_holds_no_other_gets(tmp_path):
    with alone(tmp_path, tmp_path / "ledger.run"):
        assert is_held(tmp_path)
        with pytest.raises(AlreadyHeld, match="another importer runs"), alone(tmp_path / "ledger.run"):
            pass
    with alone(tmp_path, tmp_path / "ledger.run"):
        pass
    assert not is_held(tmp_path)


def test_who_only_asks_keeps_nobody_from_starting(tmp_path, monkeypatch):
    asking = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)  # as `is_held` does it for a moment
    monkeypatch.setattr(locks, "sleep", lambda _: os.close(asking))
    with alone(tmp_path):
        pass
