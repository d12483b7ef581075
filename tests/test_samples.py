"""The demo's files are what their stories say."""

import sys

import pytest

from importer.adapters.probe import Probe
from importer.core.facts import extension_of
from importer.core.model import State
from importer.core.verdict import Accepted, DocumentPolicy, judge, judge_name
from importer.demo import DemoError, write_samples

REFUSED = {
    "Rechnung_RE-2024-00130.pdf": ["empty_file"],
    "Rechnung_RE-2024-00131.pdf": ["truncated"],
    "Rechnung_RE-2024-00132.pdf": ["encrypted"],
    "Rechnung_RE-2024-00133.docx": ["unsupported_type"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("inbox")


@pytest.fixture(scope="module")
def samples(folder):
    return {sample.path.name: sample for sample in write_samples(folder)}


@pytest.fixture(scope="module")
def facts(samples):
    with Probe(workers=1) as probe:
        return {name: probe.probe(sample.path.read_bytes(), extension_of(name)) for name, sample in samples.items()}


def test_every_sample_is_judged_as_its_story_goes(samples, facts):
    for name in samples:
        verdict = judge(facts[name], DocumentPolicy())
        codes = [] if isinstance(verdict, Accepted) else [reason.code for reason in verdict.reasons]
        assert codes == REFUSED.get(name, []), name


def test_every_name_may_be_seen_by_a_debtor(samples):
    assert [judge_name(name) for name in samples] == [()] * len(samples)


def test_each_sample_ends_in_a_state_and_tells_its_story_in_a_sentence(samples):
    for sample in samples.values():
        assert State(sample.expected)
        assert sample.what.endswith(".")
        assert sample.what.isprintable()
    assert {sample.expected for sample in samples.values()} == {"imported", "duplicate", "rejected", "waiting"}


def test_what_no_reader_can_use_is_expected_to_be_rejected(samples):
    assert {samples[name].expected for name in REFUSED} == {"rejected"}


def test_the_files_on_disk_are_the_samples_and_nothing_else(folder, samples):
    assert {path for path in folder.rglob("*") if path.is_file()} == {sample.path for sample in samples.values()}


def test_two_runs_write_the_same_bytes(folder, samples, tmp_path):
    for sample in write_samples(tmp_path / "again"):
        first = folder / sample.path.relative_to(tmp_path / "again")
        assert sample.path.read_bytes() == first.read_bytes(), sample.path.name


def test_writing_again_changes_nothing(tmp_path):
    def bytes_by_path():
        return {sample.path: sample.path.read_bytes() for sample in write_samples(tmp_path)}

    assert bytes_by_path() == bytes_by_path()


def test_only_the_copy_has_the_bytes_of_another(samples):
    by_content = {}
    for name, sample in samples.items():
        by_content.setdefault(sample.path.read_bytes(), []).append(name)

    assert [names for names in by_content.values() if len(names) > 1] == [
        ["Rechnung_RE-2024-00123.pdf", "Rechnung RE-2024-00123.pdf"]
    ]


def test_the_samples_are_small(samples):
    assert max(sample.path.stat().st_size for sample in samples.values()) < 8 * 1024


def test_the_email_is_a_real_one(facts):
    mail = facts["E-Mail RE-2024-00123.eml"].eml

    assert mail.sender == "Nordlicht Bürobedarf GmbH <rechnung@nordlicht-buero.example>"
    assert mail.subject == "Ihre Rechnung RE-2024-00123 über Kopierpapier und Kassenrollen"
    assert mail.attachments == ("RE-2024-00123.pdf",)
    assert (mail.has_body, mail.defects) == (True, ())


def test_without_fpdf2_the_way_to_get_it_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "fpdf", None)

    with pytest.raises(DemoError, match=r"pip install '\.\[demo\]'"):
        write_samples(tmp_path)
