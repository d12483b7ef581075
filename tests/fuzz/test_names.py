"""Any name: of a file, of a marker, of a document on the command line."""

import os
from itertools import islice

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from importer.adapters.ledger import Ledger
from importer.adapters.patterns import compile_pattern
from importer.adapters.probe.guard import clean
from importer.adapters.rules_file import load_rules
from importer.cli.exits import Stop
from importer.cli.output import document_of, find_documents
from importer.core.facts import EmlFacts, Facts, Format
from importer.core.naming import RECEIPT, DoneFile, numbered, shown
from importer.core.rules import Ambiguous, FileName, Match, NoMatch, with_near_misses
from importer.core.verdict import MAX_NAME_BYTES, judge_name
from tests.fuzz.material import ANY_TEXT, NAMES
from tests.test_shipped_rules import FILE

RULES = load_rules(FILE, compile_pattern, run_their_examples=False)
BY_MAIL = load_rules(FILE.parents[1] / "tests" / "fuzz" / "mail_rules.toml", compile_pattern)

FACTS = NAMES.map(clean)
"""As the probe tells them."""

quickly = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@quickly
@given(NAMES | ANY_TEXT, NAMES | ANY_TEXT, st.sampled_from([".pdf", ".eml", ".PDF", ""]))
def test_the_shipped_rules_have_an_answer_for_any_name(folder, stem, extension):
    name = FileName.parse(f"{folder}/{stem}{extension}")

    inference = RULES.explain(name)

    assert len(inference.accounts) == len(RULES.rules)
    assert isinstance(inference, Match | NoMatch | Ambiguous)
    if isinstance(inference, Match):
        assert inference.reference.isprintable()
        inference.reference.encode()
    else:
        inference.reason.message.encode()
        if len(stem) < 40:
            assert len(with_near_misses(RULES, name, inference)) == len(RULES.rules)


@quickly
@given(st.lists(FACTS, max_size=3), FACTS, st.sampled_from(["_", "RE12345", ""]))
def test_rules_for_e_mails_have_an_answer_for_any_subject_and_attachments(attachments, subject, stem):
    eml = EmlFacts(subject=subject, attachments=tuple(attachments), sender=subject, date=stem, parts=1, has_body=True)
    facts = Facts(format=Format.EML, size=1, extension="eml", eml=eml)

    inference = BY_MAIL.explain(FileName((), f"{stem}.eml"), facts)

    assert len(inference.accounts) >= len(BY_MAIL.rules)


@quickly
@given(NAMES)
def test_any_name_makes_room_for_its_like_and_for_its_receipt(name):
    for candidate in islice(numbered(name), 3):
        assert len(os.fsencode(candidate + RECEIPT)) <= MAX_NAME_BYTES
    assert shown(name).isprintable()
    assert all(reason.message.isprintable() for reason in judge_name(name))


@quickly
@given(NAMES | st.sampled_from(["{name}.done", "{stem}.ok", ".done", "{name}{stem}", "{", "{name}"]), NAMES)
def test_the_marker_of_any_file_is_a_marker(template, name):
    done = DoneFile.parse(template)

    assert (done is None) == (template == "")
    if done is not None and name not in ("", ".", "..") and "/" not in name:
        assert done.is_marker(done.marker_of(name))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    file = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with Ledger(f"sqlite:///{file}") as ledger:
        yield ledger


@quickly
@given(NAMES | st.from_regex(r"[Dd][0-9]{1,25}", fullmatch=True))
@example("D9223372036854775807")
@example("D" + "9" * 18)
@example("D" + "9" * 5000)
@example("\udc80.pdf")
@example("D²")
@example("D٣")
def test_a_document_that_nobody_knows_is_not_found_whatever_it_is_called(ledger, name):
    assert find_documents(ledger, name) == []
    with pytest.raises(Stop):
        document_of(ledger, name)
