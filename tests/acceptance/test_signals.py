"""A signal comes wherever the program is."""

import signal
import subprocess
import sys

INTERRUPTED_WITH_THE_LOCK = """
import os, signal, threading
from importer.cli.signals import on_signals

lock, heard = threading.Lock(), threading.Event()

def act():
    with lock:
        heard.set()

with on_signals(act):
    with lock:
        os.kill(os.getpid(), signal.SIGTERM)
    assert heard.wait(20)
"""


def test_an_act_may_want_a_lock_that_the_interrupted_code_holds():
    """As the service's event does: it was set by a handler that had interrupted its own waiting."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_WITH_THE_LOCK], timeout=30, check=False)
    assert done.returncode == 0


ASKED_TWICE = """
import os, signal
from importer.cli.signals import on_signals

heard = []
with on_signals(lambda: heard.append(True)):
    os.kill(os.getpid(), signal.SIGTERM)
assert heard
for number in (signal.SIGTERM, signal.SIGINT):
    os.kill(os.getpid(), number)
raise SystemExit(4)
"""


def test_who_is_asked_again_while_it_ends_ends_with_its_own_code():
    """The interpreter takes a while to go, and so does a summary to be printed."""
    done = subprocess.run([sys.executable, "-c", ASKED_TWICE], timeout=30, check=False)
    assert done.returncode == 4


NEVER_ASKED = """
import os, signal
from importer.cli.signals import on_signals

with on_signals():
    pass
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_who_was_never_asked_can_be_ended_all_the_same():
    """As while it prints a long answer."""
    done = subprocess.run([sys.executable, "-c", NEVER_ASKED], timeout=30, check=False)
    assert done.returncode == -signal.SIGTERM


HANDLER_OF_ANOTHER = """
import os, signal
from importer.cli.signals import on_signals

heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(True))
with on_signals():
    pass
os.kill(os.getpid(), signal.SIGTERM)
assert heard
"""


def test_a_handler_of_somebody_elses_comes_back():
    assert subprocess.run([sys.executable, "-c", HANDLER_OF_ANOTHER], timeout=30, check=False).returncode == 0
