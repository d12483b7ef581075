"""A signal comes wherever the program is."""

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
