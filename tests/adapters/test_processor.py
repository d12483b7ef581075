"""The threads of a busy importer share one processor; the programs that it starts have them all."""

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from importer.adapters.processor import CHOICE, STAY, OneProcessor, on_any_processor
from tests.acceptance.test_hooks import Told

ALL = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()

pytestmark = pytest.mark.skipif(len(ALL) < 2, reason="left out: needs Linux and two processors")


@pytest.fixture
def another_thread():
    """Its id in the system."""
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    yield thread.native_id
    ended.set()
    thread.join()


@pytest.fixture
def processor():
    kept = OneProcessor()
    yield kept
    kept.let_go()


def test_all_threads_are_on_one_and_now_and_then_the_system_chooses_anew(processor, another_thread):
    def allowed():
        return {frozenset(os.sched_getaffinity(thread)) for thread in (os.getpid(), another_thread)}

    assert allowed() == {frozenset(ALL)}
    for moment in (100.0, 100.0 + STAY + CHOICE):
        processor.tend(moment)
        (one,) = allowed()
        assert len(one) == 1
        processor.tend(moment + STAY / 2)
        assert allowed() == {one}
        processor.tend(moment + STAY)
        assert allowed() == {frozenset(ALL)}
    processor.tend(1000.0)
    processor.let_go()
    assert allowed() == {frozenset(ALL)}


def test_a_program_that_is_started_meanwhile_has_them_all(processor):
    processor.tend(100.0)
    kept = os.sched_getaffinity(0)
    with on_any_processor():
        told = subprocess.check_output([sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"])
    assert {int(number) for number in told.split()} == ALL
    assert os.sched_getaffinity(0) == kept
    assert len(kept) == 1


def test_an_importer_that_can_open_no_file_goes_on_where_it_is(processor):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        processor.tend(100.0)
        processor.tend(100.0 + STAY)
        processor.let_go()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert os.sched_getaffinity(0) == ALL
    processor.tend(200.0)
    processor.tend(201.0)
    assert len(os.sched_getaffinity(0)) == 1


def allowed(process):
    status = Path(f"/proc/{process}/status").read_text()
    return status.partition("Cpus_allowed_list:")[2].split()[0]


def test_an_importer_at_work_keeps_to_one_and_what_it_starts_does_not(world):
    here, pipe = allowed(os.getpid()), world.folder / "pipe"
    os.mkfifo(pipe)
    ask = f"grep ^Cpus_allowed_list: /proc/self/status > {pipe}; rm {pipe}"
    world.environ["IMPORTER_HOOKS__AFTER_IMPORT"] = Told(world.folder, before=ask).command
    with world.running() as service:
        importer = service.process.pid
        for number in range(10, 30):  # once in a while the system chooses anew
            world.drop(f"RE100{number}.pdf")
            service.wait_for("document.imported", path=f"RE100{number}.pdf")
            if (kept := allowed(importer)) != here:
                break
        assert kept.isdigit()
        threads = Path(f"/proc/{importer}/task").iterdir()
        children = {child for thread in threads for child in (thread / "children").read_text().split()}
        assert {allowed(child) for child in children} == {here}
        assert pipe.read_text().split()[1] == here
