"""PDFs made to hurt: each comes to an end within its limits, is told what it is, and the next file goes on."""

import sys

import pytest

from importer.adapters.probe import Limits, Probe
from importer.core.facts import Failure
from importer.core.verdict import Accepted, DocumentPolicy, Refused, judge
from tests.adapters.hostile_documents import HOSTILE
from tests.adapters.probe_documents import one_page

POLICY = DocumentPolicy(max_size=2**30)

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses a limit on the address space")


@pytest.fixture(scope="module")
def probe():
    with Probe(workers=1, limits=Limits(cpu_seconds=4, memory=768 * 1024**2)) as probe:
        yield probe


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_hurts_nobody(probe, name):
    facts = probe.probe(HOSTILE[name](), "pdf")

    assert facts.failure is not Failure.CRASHED
    verdict = judge(facts, POLICY)
    # What is accepted is what every reader shows: the one page that is really there.
    assert not isinstance(verdict, Accepted) or facts.pdf.pages == 1
    assert isinstance(judge(probe.probe(one_page(), "pdf"), POLICY), Accepted)


@pytest.mark.parametrize(
    "name", ["a page tree in a ring", "more pages than atoms", "a million pages by ten levels of kids"]
)
def test_pages_without_end_are_refused_with_the_reason(probe, name):
    facts = probe.probe(HOSTILE[name](), "pdf")

    assert isinstance(judge(facts, POLICY), Refused)
    # An address in memory would make of one fault a new reason each time.
    assert probe.probe(HOSTILE[name](), "pdf") == facts


def test_a_crowd_of_embedded_programs_fills_no_ledger(probe):
    facts = probe.probe(HOSTILE["thousands of embedded programs"](), "pdf")

    assert facts.pdf.embedded
    assert len(facts.pdf.embedded) + len(facts.pdf.active) <= 200
