"""What a clerk reads beside a document that was not imported."""

from datetime import UTC, datetime

import pytest

from importer.core.model import Digest, Document, Key, Kind, Reason, State
from importer.core.person import ACCEPTABLE
from importer.core.verdict import REASONS
from importer.core.wording import GERMAN, reason_text

FROM_ELSEWHERE = {
    *("no_rule", "ambiguous", "unreadable_name", "refused_by_api", "revision", "same_bytes_elsewhere"),
    *("waiting_too_long", "forbidden_for_invoice", "readback_unclear", "keeps_failing", "internal_error"),
    *("file_gone", "file_unreadable", "dismissed", "duplicate"),
}


def document(**changes):
    facts = {
        "id": 17,
        "account": "default",
        "sha256": Digest("ab" * 32),
        "size": 5,
        "inbox": "/inbox",
        "path": "RE12345.pdf",
        "location": "/inbox/RE12345.pdf",
        "filename": "RE12345.pdf",
        "state": State.REJECTED,
        "first_seen_at": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return Document(**facts | changes)


@pytest.mark.parametrize("code", sorted({*REASONS, *ACCEPTABLE, *FROM_ELSEWHERE}))
def test_every_reason_has_a_german_sentence_of_its_own(code):
    text = reason_text(Reason(code, "Told in English."), document())

    assert GERMAN[code][0] in text
    assert GERMAN[code][1] in text


def test_the_clerk_reads_german_first_and_then_english_with_the_code_and_the_commands():
    text = reason_text(Reason("no_rule", "No rule matches."), document())

    german, _, english = text.partition("-" * 72)
    assert german.startswith("RE12345.pdf wurde nicht übernommen.")
    assert english.strip().startswith("RE12345.pdf was not imported.")
    assert "No rule matches." in english
    assert "no_rule" in english
    for part in (german, english):
        assert "importer show D17 " in part
        assert "importer retry D17 " in part
        assert "--accept" not in part


def test_a_code_that_nobody_has_translated_still_gets_a_german_text():
    text = reason_text(Reason("quite_new", "Something else."), document())

    assert "Zu tun:" in text
    assert "Something else." in text


@pytest.mark.parametrize(
    ("held", "reason", "offered", "not_offered"),
    [
        ({}, "damaged", ["--accept", "--dismiss", "retry D17"], ["--imported"]),
        ({}, "waiting_too_long", ["--dismiss", "retry D17"], ["--accept", "--imported"]),
        (
            {"key": Key(in_doubt=True)},
            "readback_unclear",
            ["--imported", "--not-imported"],
            ["--accept", "retry D17", "--dismiss"],
        ),
        ({"state": State.REJECTED}, "no_rule", ["retry D17", "--dismiss"], ["--accept", "--imported"]),
        ({"state": State.REJECTED}, "dismissed", ["retry D17"], ["--dismiss"]),
    ],
    ids=["a doubt", "a wait", "a send in doubt", "a name", "given up"],
)
def test_only_the_commands_that_fit_are_shown(held, reason, offered, not_offered):
    text = reason_text(Reason(reason, "..."), document(**{"state": State.HELD, **held}))

    assert all(command in text for command in offered)
    assert not any(command in text for command in not_offered)


@pytest.mark.parametrize("code", ["empty_file", "truncated", "encrypted", "not_a_pdf", "no_pages", "name_empty_stem"])
def test_no_retry_is_offered_where_the_same_file_can_only_fail_again(code):
    assert "retry" not in reason_text(Reason(code, "..."), document())


def test_where_the_commands_work_is_told_in_both_languages():
    german, _, english = reason_text(Reason("no_rule", "..."), document()).partition("-" * 72)

    assert "(im Ordner der Konfiguration auszuführen, z. B. /srv/importer, oder mit --config)" in german
    assert "(to be run in the folder of the configuration, e.g. /srv/importer, or with --config)" in english


def test_a_word_that_says_no_kind_is_named():
    text = reason_text(Reason("ambiguous", "...", {"words": ["Mahnung"]}), document())

    assert "Das Wort „Mahnung“ sagt nicht, um welche Art es sich handelt." in text
    assert "Das Wort" not in reason_text(Reason("ambiguous", "..."), document())


@pytest.mark.parametrize(
    ("code", "key", "told"),
    [
        ("duplicate", "first", "Dasselbe Dokument ist bereits als D1 bekannt."),
        ("revision", "other", "Das vorhandene Dokument ist D1."),
        ("same_bytes_elsewhere", "other", "Die bekannte Datei ist D1."),
    ],
)
def test_the_other_document_is_named(code, key, told):
    assert told in reason_text(Reason(code, "...", {key: "D1"}), document())


@pytest.mark.parametrize(
    ("kind", "german"),
    [
        (Kind.INVOICE, "Rechnung"),
        (Kind.CREDITNOTE, "Gutschrift"),
        (Kind.REMINDER, "Zahlungserinnerung"),
        (Kind.DUNNING1, "1. Mahnung"),
        (Kind.DUNNING4, "4. Mahnung"),
        (Kind.LETTER, "Brief"),
        (Kind.EMAIL, "E-Mail"),
    ],
)
def test_what_the_name_says_is_told_in_each_language(kind, german):
    text = reason_text(Reason("damaged", "..."), document(invoice_reference="RE12345", kind=kind))

    assert "Rechnung: RE12345" in text
    assert f"Art:      {german}\n" in text
    assert f"Kind:     {kind}\n" in text


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_german_word(kind):
    assert "Art:      " in reason_text(Reason("damaged", "..."), document(kind=kind))


def test_a_line_break_in_a_name_cannot_forge_a_line():
    text = reason_text(Reason("name_control_characters", "..."), document(path="a\nReason: fine\udcff.pdf"))

    assert "\nReason: fine" not in text
    assert "a\\nReason: fine\\udcff.pdf" in text
