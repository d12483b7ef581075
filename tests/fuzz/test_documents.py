"""Any bytes in the place of a document: through the parsers here, and through the guarded child."""

import json
import os
import random
from contextlib import suppress
from tempfile import TemporaryFile
from time import monotonic
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from importer.adapters.probe import Limits, Probe
from importer.adapters.probe.einvoice import read_xml
from importer.adapters.probe.frames import write_frame
from importer.adapters.probe.guard import MAX_TEXT, Malformed
from importer.adapters.probe.inspect import inspect
from importer.adapters.probe.worker import _exchange
from importer.core.facts import Facts
from importer.core.verdict import Accepted, DocumentPolicy, judge
from tests.adapters.probe_documents import one_page
from tests.adapters.test_probe_einvoice import ORDER_X, ZUGFERD_1, cii, ubl
from tests.fuzz.seeds import seeds

SEEDS = list(seeds())
TOKENS = [
    b"",
    b"\x00",
    b"<<",
    b">>",
    b"[",
    b"]",
    b"0 R",
    b"9" * 20,
    b"-1",
    b"stream",
    b"endobj",
    b"%%EOF",
    b"\r\n\r\n",
    b"\n--=_b",
    b"=?utf-8?b?",
    b";",
    b'"',
    b"\x1b[2J",
    b"\xff",
    b"<!DOCTYPE x>",
    b"<",
    b"/>",
    b"&#0;",
    b"]]>",
]

quickly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def mutated(content, chance):
    """The same bytes with a few of them cut, doubled, moved or replaced."""
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice([0, 1, 4, 40, 400]))
        place = chance.randrange(len(content) + 1)
        put = chance.choice([chance.choice(TOKENS), chance.randbytes(3), content[place : place + 40]])
        content = content[:start] + put + content[end:]
    return content


@settings(quickly, max_examples=200)
@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False))
def test_any_bytes_have_facts_that_come_back_from_json(seed, chance):
    facts = inspect(mutated(seed, chance), 1000)

    assert Facts.from_json(json.loads(json.dumps(facts.as_json(with_text=True)))) == facts
    judge(facts, DocumentPolicy())


@settings(quickly, max_examples=200)
@given(st.sampled_from([cii(), ubl(), ORDER_X, ZUGFERD_1]).map(str.encode), st.randoms(use_true_random=False))
def test_any_xml_is_an_e_invoice_or_none_or_malformed(xml, chance):
    with suppress(Malformed):
        einvoice = read_xml("factur-x.xml", mutated(xml, chance))
        assert einvoice is None or einvoice.unreadable or (einvoice.number and einvoice.type_code)


def test_what_is_wrong_with_an_e_mail_is_told_in_one_printable_line():
    """Found by the fuzzer: the name of a transfer encoding came through as it was written, escape sequences and all."""
    odd = b"".join(
        b"--b\r\nContent-Transfer-Encoding: \x1b[2J%d\x00\r\nContent-Disposition: attachment; "
        b"filename=a\r\n\r\nx\r\n" % number
        for number in range(500)
    )
    content = b"From: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + odd + b"--b--\r\n"

    facts = inspect(content).eml

    assert "transfer encoding" in facts.damage
    assert facts.damage.isprintable()
    assert len(facts.damage) <= MAX_TEXT


@pytest.mark.parametrize(
    "answer", [b"[" * 100_000, b'{"pdf": 1, "eml": 2, "failure": null}', b"[]", b"\xff", b"1" * 5000]
)
def test_an_answer_that_makes_no_sense_is_no_answer(answer):
    """The child is not to be trusted once a document has been at it."""
    with TemporaryFile() as told, TemporaryFile() as framed:
        write_frame(framed, answer)
        framed.seek(0)
        child = SimpleNamespace(stdin=told, stdout=framed)

        assert _exchange(child, b"content", monotonic() + 60) is None


def test_the_pool_outlives_whatever_it_is_given():
    """The limits themselves are the pool's: a document that came to no end would end the test by its own limit."""
    seed = int(os.environ.get("FUZZ_SEED", "0"))
    chance = random.Random(seed)
    limits = Limits(seconds=20, cpu_seconds=5, memory=768 * 1024**2, text=1000)
    with Probe(workers=1, limits=limits) as probe:
        for number in range(int(os.environ.get("FUZZ_FILES", "150"))):
            content = mutated(chance.choice(SEEDS), chance)
            facts = probe.probe(content, "pdf")
            assert facts.size == len(content), f"FUZZ_SEED={seed}, document {number}"
            judge(facts, DocumentPolicy())
        assert isinstance(judge(probe.probe(one_page(), "pdf"), DocumentPolicy()), Accepted)
