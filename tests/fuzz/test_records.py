"""What the importer has written itself, and reads again: receipts, the witness, facts; damaged in any way."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from importer.adapters.ledger import LedgerNeedsPerson, read_witness, witness
from importer.adapters.ledger.witness import SLOT
from importer.core.facts import EinvoiceFacts, EmlFacts, Encryption, Facts, Failure, Format, PdfFacts
from importer.core.model import Kind, Receipt, References, ReferencesFrom, digest_of
from importer.core.receipts import receipt_from_json, receipt_to_json
from tests.fuzz.material import BROKEN_JSON, DEEP, JSON, NAMES, json_trees

quickly = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
OFFSETS = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(3000, 1, 1), timezones=OFFSETS)  # noqa: DTZ001
RECEIPTS = st.builds(
    Receipt,
    document_id=st.integers(1, 2**63),
    account=NAMES,
    invoice_reference=NAMES,
    kind=st.sampled_from(Kind),
    label=NAMES,
    filename=NAMES,
    path=NAMES,
    sha256=st.binary().map(digest_of),
    size=st.integers(0, 2**63),
    rule=st.none() | NAMES,
    generation=st.integers(1, 2**31),
    references=st.builds(References, NAMES, NAMES, NAMES, st.sampled_from(ReferencesFrom)),
    first_seen_at=MOMENTS,
    imported_at=MOMENTS,
)


@quickly
@given(RECEIPTS)
def test_a_receipt_comes_back_as_it_was(receipt):
    assert receipt_from_json(receipt_to_json(receipt)) == receipt


@quickly
@given(RECEIPTS, st.data())
def test_a_receipt_with_a_spoilt_byte_is_none_or_says_the_same(receipt, data):
    content = bytearray(receipt_to_json(receipt))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))

    with suppress(ValueError):
        assert receipt_from_json(bytes(content)) == receipt


@quickly
@given(json_trees("receipt_sha256", "kind", "sha256").map(json.dumps).map(str.encode) | BROKEN_JSON)
@example(b"[" * DEEP)
def test_what_is_no_receipt_is_told(content):
    with pytest.raises(ValueError):
        receipt_from_json(content)


TESTIMONY = {"ledger": "a", "epoch": 1, "sequence": 7, "hash": "b"}


def in_slot(told):
    """As the witness writes it: a line that begins with the hash of the rest."""
    rest = json.dumps({"number": 3} | told if isinstance(told, dict) else told)
    return json.dumps([hashlib.sha256(rest.encode()).hexdigest(), rest]).encode().ljust(SLOT)


def test_a_testimony_comes_back_as_it_was(tmp_path):
    file = tmp_path / "witness"
    file.write_bytes(bytes(SLOT) + in_slot(TESTIMONY))

    assert asdict(read_witness(file)) == TESTIMONY


@quickly
@given(
    (st.dictionaries(st.sampled_from(list(TESTIMONY)), JSON).map(lambda changes: TESTIMONY | changes) | JSON).map(
        in_slot
    )
    | BROKEN_JSON
)
@example(in_slot(TESTIMONY | {"sequence": "7"}))
@example(in_slot(TESTIMONY | {"epoch": None}))
@example(in_slot(TESTIMONY | {"number": "7"}) + in_slot(TESTIMONY))
def test_a_damaged_witness_is_told_or_can_be_compared(tmp_path, content):
    file = tmp_path / "witness"
    file.write_bytes(content)
    try:
        known = read_witness(file)
    except LedgerNeedsPerson:
        return
    assert known.reaches(witness.Testimony(**TESTIMONY)) in (True, False)
    assert isinstance(known.ledger, str)
    assert isinstance(known.hash, str)


TEXTS, MANY = st.text(max_size=5), st.lists(st.text(max_size=5), max_size=2).map(tuple)
EINVOICES = st.builds(EinvoiceFacts, name=TEXTS, number=TEXTS, preceding=MANY, seller=TEXTS, unreadable=TEXTS)
PDFS = st.builds(
    PdfFacts,
    pages=st.none() | st.integers(0, 9),
    encryption=st.sampled_from(Encryption),
    active=MANY,
    embedded=MANY,
    einvoices=st.lists(EINVOICES, max_size=2).map(tuple),
    text=TEXTS,
)
EMLS = st.builds(
    EmlFacts, subject=TEXTS, attachments=MANY, doubled=MANY, defects=MANY, active=MANY, parts=st.integers(0, 9)
)
FACTS = st.builds(
    Facts,
    format=st.sampled_from(Format),
    size=st.integers(0),
    extension=TEXTS,
    failure=st.none() | st.sampled_from(Failure),
    pdf=st.none() | PDFS,
    eml=st.none() | EMLS,
)


@quickly
@given(FACTS)
def test_facts_come_back_as_they_were(facts):
    assert Facts.from_json(json.loads(json.dumps(facts.as_json(with_text=True)))) == facts


@quickly
@given(FACTS, st.sampled_from(["format", "size", "extension", "failure", "pdf", "eml"]), JSON)
def test_what_are_no_facts_is_told(facts, key, value):
    tree = json.loads(json.dumps(facts.as_json(with_text=True)))
    for spoilt in ({name: item for name, item in tree.items() if name != key}, tree | {key: value}, value):
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            Facts.from_json(spoilt)
