"""`importer --help` is printed without click, and nobody can tell but by the clock."""

import fcntl
import os
import pty
import runpy
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.pages import ROOT
from tests.terminal import all_shown

IMPORTER = Path(sys.executable).parent / "importer"
KEPT = ("--help",)
BY_CLICK = ("--log-level", "info", "--help")
"""The same question, with an option beside it: click answers it."""
FULL = Path("/dev/full")


def importer(*arguments, stdout=subprocess.PIPE, **environ):
    """The console script, at a width that nothing tells."""
    environ = os.environ | {"COLUMNS": "", **environ}
    return subprocess.run(
        [IMPORTER, *arguments], env=environ, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )


def ending(done):
    return done.returncode, done.stdout, done.stderr


def test_the_kept_text_is_what_click_renders():
    made = runpy.run_path(str(ROOT / "scripts" / "help"))
    kept = made["MODULE"].read_text(encoding="utf-8")
    assert kept == made["rendered"](), "run `make reference`"
    assert kept.isascii(), "every terminal must be able to show it"


@pytest.mark.parametrize("columns", ["", "0", "many", "40", "79", "80", "200"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_it_is_as_wide_as_click_would_make_it(option, columns):
    assert ending(importer(option, COLUMNS=columns)) == ending(importer(*BY_CLICK, COLUMNS=columns))


@pytest.mark.parametrize("columns", [60, 79, 80, 132])
def test_it_fits_the_terminal(columns):
    shown, by_click = (shown_on_a_terminal(columns, arguments) for arguments in (KEPT, BY_CLICK))

    assert shown.startswith("Usage: importer ")
    assert shown == by_click


def shown_on_a_terminal(columns, arguments):
    leader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([IMPORTER, *arguments], env=os.environ | {"COLUMNS": ""}, stdout=terminal)
    os.close(terminal)
    shown = all_shown(leader)
    os.close(leader)
    assert process.wait(60) == 0
    return shown


def test_usage_goes_to_standard_error():
    assert ending(importer()) == (2, "", importer(*KEPT).stdout)


@pytest.mark.parametrize("arguments", [KEPT, BY_CLICK])
@pytest.mark.skipif(not FULL.exists(), reason="left out: there is no /dev/full")
def test_a_full_disk_is_told(arguments):
    with FULL.open("w") as full:
        done = importer(*arguments, stdout=full)

    assert ending(done) == (1, None, "importer: No space left on device; make room and start again\n")


@pytest.mark.parametrize("arguments", [KEPT, BY_CLICK])
def test_a_reader_that_has_gone_is_nothing_to_tell_of(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as unread:
        done = importer(*arguments, stdout=unread)

    assert ending(done) == (1, None, "")


def test_a_shell_that_completes_gets_what_it_asks_for():
    done = importer(*KEPT, _IMPORTER_COMPLETE="bash_source")

    assert ending(done) == ending(importer(*BY_CLICK, _IMPORTER_COMPLETE="bash_source"))
    assert "_importer_completion" in done.stdout
