"""How far a backfill has come, told line by line."""

import time
from types import SimpleNamespace

from importer.cli.following import EVERY_LINE, following


def test_how_long_it_will_take_is_told_once_all_of_the_inbox_was_seen(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    intake = SimpleNamespace(looks=0, has_files=True)
    service = SimpleNamespace(intake=intake, touched=range(30), left=70, for_a_person=(), is_busy=True)

    with following(service, is_terminal=False):
        now += EVERY_LINE
        service.on_turn()
        intake.looks = 1
        now += EVERY_LINE
        service.on_turn()

    assert capsys.readouterr().err.splitlines() == [
        "importer: 30 of 100 files found so far, 3.0/s",
        "importer: 30 of 100 files, 1.5/s, 0:00:47 to go",
    ]
