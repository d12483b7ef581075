"""The two sides of one invoice, beside one another."""

import pytest

from importer.core.comparison import Listed, Mark, compare
from importer.core.model import Digest, Key, Kind, ReadFailed, References, State
from tests.making import document

IMPORTED = document(state=State.IMPORTED, references=References("_5", "_65", "_7"))
IN_DOUBT = Key(in_doubt=True)


def listed(communication="5", **changes):
    return Listed(**({"communication": communication, "file": "65", "voucher": "7", "kind": "invoice"} | changes))


def only(documents, entries):
    (finding,) = compare(documents, entries)
    return finding


@pytest.mark.parametrize(
    "entry",
    [
        listed(),
        listed("_5", file="_65", voucher="_7"),
        listed(file="", voucher="", kind=""),
        listed(content=IMPORTED.sha256),
    ],
    ids=["plain", "with _", "what is not told is no difference", "the same bytes"],
)
def test_both_sides_alike(entry):
    finding = only([IMPORTED], [entry])
    assert (finding.mark, finding.document, finding.communication_reference) == (Mark.ALIKE, IMPORTED, "_5")
    assert not finding.needs_person


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "letter"}, "kind is letter at Abillify, invoice in the ledger"),
        ({"file": "_66"}, "file reference is 66 at Abillify, 65 in the ledger"),
        ({"voucher": "8"}, "voucher reference is 8 at Abillify, 7 in the ledger"),
        ({"content": Digest("0" * 64)}, f"SHA-256 is {'0' * 64} at Abillify"),
    ],
)
def test_each_difference_is_told(change, told):
    finding = only([IMPORTED], [listed(**change)])
    assert finding.mark is Mark.DIFFERENT
    assert told in finding.detail
    assert finding.needs_person


def test_all_differences_are_told_at_once():
    assert only([IMPORTED], [listed(kind="letter", file="66", voucher="8")]).detail.count(";") == 2


def test_bytes_that_cannot_be_had_leave_it_unchecked_unless_something_differs():
    unread = ReadFailed("timed out")
    assert only([IMPORTED], [listed(content=unread)]).mark is Mark.UNCHECKED
    assert only([IMPORTED], [listed(content=unread)]).detail == "timed out"
    assert only([IMPORTED], [listed(content=unread, kind="letter")]).mark is Mark.DIFFERENT


def test_what_abillify_does_not_list_is_missing_there():
    assert only([IMPORTED], []).mark is Mark.ONLY_HERE


def test_what_nobody_imported_is_only_there():
    ours, stranger = compare([IMPORTED], [listed(), listed("6", label="Brief", created="2026-01-01")])
    assert ours.mark is Mark.ALIKE
    assert (stranger.mark, stranger.document, stranger.communication_reference) == (Mark.ONLY_THERE, None, "6")
    assert stranger.invoice_reference == IMPORTED.invoice_reference
    assert stranger.detail == "'Brief' 2026-01-01"


@pytest.mark.parametrize("state", [State.DUPLICATE, State.REJECTED, State.PENDING])
def test_a_document_that_was_never_sent_explains_nothing(state):
    other = document(id=2, state=state)
    assert compare([IMPORTED, other], [listed(), listed("6")])[1].mark is Mark.ONLY_THERE


@pytest.mark.parametrize(
    "other",
    [
        document(id=2, state=State.SENDING),
        document(id=2, state=State.UNCERTAIN, key=IN_DOUBT),
        document(id=2, state=State.HELD, key=IN_DOUBT),
    ],
    ids=lambda other: other.state,
)
def test_what_may_be_an_upload_in_doubt_is_left_open(other):
    finding = compare([IMPORTED, other], [listed(), listed("6", kind="")])[1]
    assert finding.mark is Mark.UNCHECKED
    assert f"may be D2, which is {other.state}" in finding.detail
    # another kind cannot be it
    assert compare([IMPORTED, other], [listed(), listed("6", kind="letter")])[1].mark is Mark.ONLY_THERE


def test_two_documents_of_the_ledger_cannot_be_the_same_one_there():
    twin = document(id=2, kind=Kind.LETTER, state=State.IMPORTED, references=References("5", "65", "7"))
    first, second = compare([IMPORTED, twin], [listed(kind="")])
    assert first.mark is Mark.ALIKE
    assert second.mark is Mark.DIFFERENT
    assert "D1" in second.detail


def test_nothing_is_told_twice_or_left_out():
    others = [document(id=n, state=State.IMPORTED, references=References(f"_{n}", "", "")) for n in (10, 11)]
    found = compare([IMPORTED, *others], [listed(), listed("11"), listed("12"), listed("13")])
    assert [(f.mark.value, f.communication_reference) for f in found] == [
        ("=", "_5"),
        ("-", "_10"),
        ("*", "_11"),
        ("+", "12"),
        ("+", "13"),
    ]
