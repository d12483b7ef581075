"""The guarded child process: nothing that a document does to it reaches the importer."""

import importlib.util
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from importer.adapters.probe import Limits, Probe, ProbeError
from importer.core.facts import Failure, Format
from tests.adapters.probe_documents import EML, embedding, endless_pdf, greedy_pdf, one_page, unfolding_pdf

needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux to wait for another's child")


@pytest.fixture(scope="module")
def probe():
    with Probe() as probe:
        yield probe


@contextmanager
def end_of(pid) -> Iterator[None]:
    """Wait at the end of the block until that process has ended."""
    descriptor = os.pidfd_open(pid)
    try:
        yield
        ended, _, _ = select.select([descriptor], [], [], 60)
        assert ended, f"process {pid} still runs"
    finally:
        os.close(descriptor)


def test_the_facts_come_back_from_the_child(probe):
    assert probe.probe(one_page(), "pdf").pdf.pages == 1
    assert probe.probe(EML, "eml").eml.subject == "Ihre Rechnung über Bürobedarf"
    assert probe.probe(b"", "pdf").format is Format.EMPTY
    assert probe.probe(embedding(b"factur-x.xml"), "pdf").pdf.embedded == ("factur-x.xml",)


@pytest.mark.parametrize("extension", ["PDF", ".pdf", ".Pdf", "pdf"])
def test_the_extension_is_told_in_one_way(probe, extension):
    assert probe.probe(one_page(), extension).extension == "pdf"


def test_a_document_larger_than_a_pipe_comes_through(probe):
    content = one_page()[:-6] + b" " * 3_000_000 + b"%%EOF\n"

    facts = probe.probe(content, "pdf")

    assert (facts.size, facts.pdf.pages) == (len(content), 1)


def test_one_child_serves_one_document_after_the_other():
    with Probe(workers=4) as probe:
        assert probe.pids == ()
        probe.probe(EML, "eml")
        (first,) = probe.pids
        probe.probe(EML, "eml")

        assert probe.pids == (first,)


def test_a_child_can_be_started_before_the_first_document():
    with Probe(workers=2) as probe:
        probe.get_ready()
        (ready,) = probe.pids
        probe.get_ready()
        probe.probe(EML, "eml")
        assert probe.pids == (ready,)
    probe.get_ready()
    assert probe.pids == (), "it is closed"


def test_many_threads_at_once_each_get_their_own_facts():
    documents = [EML.replace(b"anbei", b"x" * n) for n in range(200)]
    with Probe(workers=3) as probe, ThreadPoolExecutor(16) as threads:
        facts = list(threads.map(lambda content: probe.probe(content, "eml"), documents))

        assert [fact.size for fact in facts] == [len(content) for content in documents]
        assert 1 <= len(probe.pids) <= 3


def test_a_document_that_takes_too_much_processor_time_is_too_complex():
    with Probe(limits=Limits(cpu_seconds=1)) as probe:
        facts = probe.probe(endless_pdf(), "pdf")

        assert facts.failure is Failure.TOO_COMPLEX
        assert probe.probe(one_page(), "pdf").pdf.pages == 1


def test_a_document_that_takes_too_long_is_too_complex():
    with Probe(limits=Limits(seconds=1.5)) as probe:
        facts = probe.probe(endless_pdf(), "pdf")

        assert facts.failure is Failure.TOO_COMPLEX
        assert probe.pids == ()
        assert probe.probe(one_page(), "pdf").pdf.pages == 1


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses a limit on the address space")
def test_a_document_that_takes_too_much_memory_is_too_complex():
    document = greedy_pdf()
    with Probe(limits=Limits(memory=84 * 1024**2)) as narrow, Probe() as wide:
        assert narrow.probe(document, "pdf").failure is Failure.TOO_COMPLEX
        assert narrow.probe(one_page(), "pdf").pdf.pages == 1
        assert wide.probe(document, "pdf").failure is None


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses a limit on the address space")
def test_what_a_document_has_unfolded_to_is_not_charged_to_the_next():
    document = unfolding_pdf()
    with Probe(workers=1, limits=Limits(memory=300 * 1024**2)) as probe:
        facts, children = [], set()
        for _ in range(3):
            facts.append(probe.probe(document, "pdf"))
            children.update(probe.pids)

        assert [fact.failure for fact in facts] == [None] * 3
        assert len(children) == 1, "one that had run out of memory would have been replaced"


def test_a_document_that_alone_fills_the_memory_is_not_even_sent():
    with Probe(limits=Limits(memory=400)) as probe:
        assert probe.probe(bytes(101), "pdf").failure is Failure.TOO_COMPLEX
        assert probe.pids == ()


def test_the_processor_time_of_one_document_is_not_charged_to_the_next():
    content = one_page(b"/Fields[" + b" ".join(b"%d 0 R" % n for n in range(1000, 1250)) + b"]", bytes(400_000))
    with Probe(limits=Limits(cpu_seconds=1)) as probe:
        facts = [probe.probe(content, "pdf") for _ in range(8)]

        assert [fact.failure for fact in facts] == [None] * 8


def test_a_child_is_replaced_after_its_share_of_documents():
    with Probe(limits=Limits(documents=2)) as probe:
        seen = []
        for _ in range(4):
            probe.probe(EML, "eml")
            seen.append(probe.pids)

        assert [len(pids) for pids in seen] == [1, 0, 1, 0]
        assert seen[0] != seen[2]


@needs_pidfd
def test_a_child_killed_while_idle_is_not_the_documents_fault():
    with Probe() as probe:
        probe.probe(EML, "eml")
        (pid,) = probe.pids
        with end_of(pid):
            os.kill(pid, signal.SIGKILL)

        assert probe.probe(one_page(), "pdf").pdf.pages == 1
        assert probe.pids != (pid,)


@needs_pidfd
def test_a_child_killed_in_the_middle_of_a_document_is_given_a_second_chance():
    with Probe(workers=1) as probe, ThreadPoolExecutor(1) as thread:
        probe.probe(EML, "eml")
        (pid,) = probe.pids
        # Stopped, it takes the first part of the document into the pipe and reads nothing.
        os.kill(pid, signal.SIGSTOP)
        answer = thread.submit(probe.probe, one_page() + bytes(1_000_000), "pdf")
        with end_of(pid):
            os.kill(pid, signal.SIGKILL)

        assert answer.result().pdf.pages == 1


@needs_pidfd
def test_a_document_over_which_two_children_die_is_refused():
    with Probe(workers=1) as probe, ThreadPoolExecutor(1) as thread:
        answer = thread.submit(probe.probe, endless_pdf(), "pdf")
        killed = set()
        while len(killed) < 2 and not answer.done():
            for pid in set(probe.pids) - killed:
                with end_of(pid):
                    os.kill(pid, signal.SIGKILL)
                killed.add(pid)

        assert answer.result().failure is Failure.CRASHED
        assert probe.probe(one_page(), "pdf").pdf.pages == 1


def test_an_interrupted_probe_never_gives_one_documents_facts_to_another():
    """Ctrl-C in the middle: the answer that is still to come must not meet the next document."""
    with Probe(workers=1) as probe:
        probe.probe(EML, "eml")
        (pid,) = probe.pids
        os.kill(pid, signal.SIGSTOP)
        # Nothing tells when the main thread has begun to wait for the child; earlier would be no test, but no failure.
        ringing = threading.Timer(0.2, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
        ringing.start()
        with pytest.raises(KeyboardInterrupt):
            probe.probe(EML, "eml")
        ringing.join()

        assert probe.probe(one_page(), "pdf").format is Format.PDF


@needs_pidfd
@pytest.mark.parametrize("end", ["os._exit(1)", "os.kill(os.getpid(), 9)", "raise SystemExit"])
def test_children_end_with_their_parent_however_it_ends(end):
    program = (
        "import os; from importer.adapters.probe import Probe; p = Probe(); p.probe(b'', 'pdf'); "
        f"print(*p.pids, flush=True); input(); {end}"
    )
    with (
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as parent,
        end_of(int(parent.stdout.readline())),
    ):
        parent.communicate("go\n")


@needs_pidfd
def test_closing_ends_the_children():
    probe = Probe()
    probe.probe(EML, "eml")
    (pid,) = probe.pids
    with end_of(pid):
        probe.close()

    assert probe.pids == ()
    probe.close()
    with pytest.raises(ValueError, match="closed"):
        probe.probe(EML, "eml")


def test_a_child_that_cannot_start_is_no_documents_fault(monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))

    with Probe() as probe, pytest.raises(ProbeError, match=r"exit status 3.* run: .*importer\.adapters\.probe\.child"):
        probe.probe(one_page(), "pdf")


def test_a_child_of_another_version_is_no_documents_fault(monkeypatch, tmp_path):
    """As after an upgrade beneath a running importer: its answers would look like crashes."""
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\nprintf '\\0\\0\\0\\0\\0\\0\\0\\5other'\ncat >/dev/null\n")
    other.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(other))

    with Probe() as probe, pytest.raises(ProbeError, match="another version"):
        probe.probe(one_page(), "pdf")


def test_an_interpreter_that_is_gone_is_no_documents_fault(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with Probe() as probe, pytest.raises(ProbeError, match="cannot be started"):
        probe.probe(one_page(), "pdf")


def test_the_child_imports_parsers_only():
    assert importlib.util.find_spec("PIL"), "what draws the demo's invoices brings it"
    code = "import sys; from importer.adapters.probe.child import inspection; inspection(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "pypdf" in loaded
    assert not {"httpx", "sqlalchemy", "structlog", "importer.adapters.ledger"} & set(loaded)
    assert not {"PIL.Image", "fontTools.ttLib"} & set(loaded)


def test_the_parent_does_not_import_the_parsers():
    code = "import sys, importer.adapters.probe; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "pypdf" not in loaded
