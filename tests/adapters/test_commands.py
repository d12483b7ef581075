"""Programs of the operator's: whatever they are and say, whoever called them goes on."""

import os
import shutil
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from importer.adapters.commands import Command, NotStarted

NOBODY = 65534


@pytest.fixture
def folder():
    """Open to every user."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def shell(folder, script, timeout=30.0):
    return Command(["/bin/sh", "-c", script], folder, os.environ, timedelta(seconds=timeout))


@pytest.fixture
def as_nobody():
    os.setresuid(NOBODY, NOBODY, 0)
    yield
    os.setresuid(0, 0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program that becomes another user")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="without setpriv (util-linux) no program changes its user")
def test_a_program_that_becomes_another_user_is_left_alone_and_no_second_one_is_started(folder, request, monkeypatch):
    monkeypatch.setattr("importer.adapters.commands.GRACE", 0.2)
    if os.statvfs(folder).f_flag & os.ST_NOSUID:
        pytest.skip("no program in /tmp becomes another user (nosuid)")
    gate, become = folder / "gate", folder / "become"
    os.mkfifo(gate)
    gate.chmod(0o666)
    shutil.copy(shutil.which("setpriv"), become)
    become.chmod(0o4755)
    request.getfixturevalue("as_nobody")
    command = Command([str(become), "--reuid=0", "cat", str(gate)], folder, os.environ, timedelta(seconds=0.3))
    try:
        assert "may not be ended" in command.run(b"", {})
        with pytest.raises(NotStarted, match="still runs"):
            command.run(b"", {})
        command.end()
    finally:
        gate.open("w").close()
        command._process.wait(30)
    # Whoever waits for one of an hour is given back soon
    long = Command([str(become), "--reuid=0", "cat", str(gate)], folder, os.environ, timedelta(hours=1))
    thread = threading.Thread(target=long.run, args=(b"", {}), daemon=True)
    thread.start()
    with gate.open("w"):  # opened by then by the program
        long.end()
        thread.join(30)
        assert not thread.is_alive()
    long._process.wait(30)


def test_what_it_says_does_nothing_to_a_terminal(folder):
    said = shell(folder, r"printf 'no\033]0;title\007 \233route\n' >&2; exit 3").run(b"", {})
    assert said.startswith(r"it ended with 3: no\x1b]0;title\x07 ")
    assert said.isprintable()


def test_without_room_for_its_input_it_is_not_started(folder, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "none"))
    with pytest.raises(NotStarted, match="no room"):
        shell(folder, "exit 0").run(b"{}", {})
    monkeypatch.undo()
    assert shell(folder, "exit 0").run(b"{}", {}) is None
