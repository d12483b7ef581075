"""Whether a document is found again: against the sandbox, and against listings of every shape."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from importer.core.model import Absent, Found, Kind, ReadFailed, References, ReferencesFrom, Unclear, digest_of
from importer.sandbox import Sandbox, faults
from tests.adapters.misbehaving import CONTENT, Misbehaving, answering, client, document, error, reply, serving

SERVER_TIME = datetime(2026, 1, 1, 12, tzinfo=UTC)
OURS = f"Für die Akte [import {document().identity.fingerprint[:32]}]"
THEIRS = f"[import {'0' * 32}]"
OTHER = b"%PDF-1.7 something else"


def entry(identifier="5", **changes) -> dict:
    """A communication as Abillify lists it; `{base}` in its address is the server's."""
    given = {
        "id": identifier,
        "created": "2026-01-01T00:00:00.000Z",
        "kind": "invoice",
        "label": "anything",
        "comment": "anything",
        "file": f"6{identifier}",
        "data": {},
        "publicUrl": f"{{base}}/v1/communication/{identifier}/file",
    }
    return {**given, **changes}


def voucher(*communications, identifier="7") -> dict:
    return {"id": identifier, "kind": "", "reference": "RE1", "communications": list(communications)}


def look(vouchers, files=None, given=None, **options):
    """The read-back of a document against a listing; `files` are replies by communication."""
    asked = []

    def handler(request):
        asked.append(request)
        path = urlsplit(request.target).path
        if path.endswith("/documents"):
            rows = json.loads(json.dumps(vouchers).replace("{base}", server.base_url))
            return reply(200, rows if parse_qs(urlsplit(request.target).query)["offset"] == ["0"] else [])
        return (files or {})[path.split("/")[-2]]

    with Misbehaving(serving(handler)) as server, client(server.base_url, **options) as abillify:
        return abillify.read_back(given or document())


def file(content=CONTENT, **headers) -> bytes:
    return reply(200, content, Content_Type="application/pdf", **headers)


def found(identifier="5", matched_by="fingerprint"):
    return Found(References(identifier, f"6{identifier}", "7", ReferencesFrom.READBACK), matched_by, SERVER_TIME)


# ------------------------------------------------------------ with the sandbox


@pytest.fixture
def stored():
    """A sandbox that holds the document although its reply was lost, and a client."""
    with Sandbox(invoices=["RE1"]) as sandbox, client(sandbox.base_url) as abillify:
        sandbox.fail(faults.lost_reply())
        abillify.import_document(document(), CONTENT)
        yield sandbox, abillify


def test_a_document_whose_reply_was_lost_is_found_by_its_fingerprint(stored):
    sandbox, abillify = stored
    (effect,) = sandbox.effects
    outcome = abillify.read_back(document())
    assert outcome.references == References(effect.id, effect.file, effect.voucher, ReferencesFrom.READBACK)
    assert outcome.matched_by == "fingerprint"
    assert outcome.server_time is not None


@pytest.mark.parametrize("behaviour", [{"echo": False}, {"echo": False, "underscore": True, "public_auth": False}])
def test_without_any_text_it_is_found_by_its_bytes(stored, behaviour):
    sandbox, abillify = stored
    sandbox.change(**behaviour)
    outcome = abillify.read_back(document())
    assert outcome.matched_by == "bytes"
    assert outcome.references.communication.removeprefix("_") == sandbox.effects[0].id


@pytest.mark.parametrize("underscore", [True, False])
def test_known_references_are_found_with_and_without_the_underscore(stored, underscore):
    sandbox, abillify = stored
    sandbox.change(echo=False, public_url=None, underscore=underscore)
    (effect,) = sandbox.effects
    known = References(f"_{effect.id}", f"_{effect.file}", f"_{effect.voucher}")
    assert abillify.read_back(document(references=known)).matched_by == "references"


def test_a_document_that_was_deleted_is_absent(stored):
    sandbox, abillify = stored
    sandbox.delete(sandbox.effects[0].id)
    outcome = abillify.read_back(document())
    assert isinstance(outcome, Absent)
    assert not outcome.unknown_invoice
    assert outcome.server_time is not None


def test_a_document_that_is_there_twice_is_unclear_with_both(stored):
    sandbox, abillify = stored
    sandbox.duplicate(sandbox.effects[0].id)
    outcome = abillify.read_back(document())
    assert isinstance(outcome, Unclear)
    assert [shown["id"] for shown in outcome.candidates] == [effect.id for effect in sandbox.effects]


def test_bytes_that_are_there_twice_are_unclear_with_both(stored):
    sandbox, abillify = stored
    sandbox.change(echo=False)
    sandbox.duplicate(sandbox.effects[0].id)
    assert len(abillify.read_back(document()).candidates) == 2


def test_an_unreadable_nameless_document_is_unclear(stored):
    sandbox, abillify = stored
    sandbox.change(echo=False, public_url=None)
    assert isinstance(abillify.read_back(document()), Unclear)


def test_an_address_on_another_host_is_never_asked(stored):
    sandbox, abillify = stored
    with Misbehaving(answering(file())) as other:
        sandbox.change(echo=False, public_url=other.base_url.removesuffix("/api"))
        assert isinstance(abillify.read_back(document()), Unclear)
        assert other.received == []


def test_the_same_bytes_of_another_kind_are_another_document(stored):
    _, abillify = stored
    assert isinstance(abillify.read_back(document(kind=Kind.DUNNING1)), Absent)


def test_an_unknown_invoice_is_absent_and_says_so(stored):
    _, abillify = stored
    outcome = abillify.read_back(document(invoice_reference="RE2"))
    assert isinstance(outcome, Absent)
    assert outcome.unknown_invoice


@pytest.mark.parametrize("by", [1, -1])
def test_one_document_among_many_on_several_vouchers_is_found(by):
    with Sandbox() as sandbox, client(sandbox.base_url) as abillify:
        sandbox.add_invoice("RE1", vouchers=3)
        sandbox.fail(faults.shifted_page(by), endpoint="readback", times=None)
        for number in range(40):
            given = document(sha256=digest_of(b"%d" % number), kind=Kind.LETTER)
            abillify.import_document(given, b"%d" % number)
        abillify.import_document(document(), CONTENT)
        outcome = abillify.read_back(document())
        assert outcome.references.communication == sandbox.effects[-1].id


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(500),
        faults.proxy_page(404),
        faults.proxy_page(502),
        faults.not_json(),
        faults.cut(),
        faults.empty(),
    ],
    ids=lambda fault: fault.name,
)
def test_a_listing_that_fails_says_nothing(stored, fault):
    sandbox, abillify = stored
    sandbox.fail(fault, endpoint="readback")
    assert isinstance(abillify.read_back(document()), ReadFailed)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_bytes_that_may_be_had_later_make_it_a_failed_read(stored, status):
    sandbox, abillify = stored
    sandbox.change(echo=False)
    sandbox.fail(faults.status(status, retry_after=5), endpoint="file")
    outcome = abillify.read_back(document())
    assert isinstance(outcome, ReadFailed)
    assert (outcome.status, outcome.retry_after) == (status, 5)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_bytes_that_cannot_be_had_leave_a_doubt(stored, status):
    sandbox, abillify = stored
    sandbox.change(echo=False)
    sandbox.fail(faults.status(status), endpoint="file")
    assert isinstance(abillify.read_back(document()), Unclear)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_told_by_their_status(stored, status):
    sandbox, abillify = stored
    sandbox.fail(faults.status(status), endpoint="readback")
    assert abillify.read_back(document()).status == status


def test_the_retry_after_of_a_listing_is_passed_on(stored):
    sandbox, abillify = stored
    sandbox.fail(faults.status(429, retry_after=9), endpoint="readback")
    assert abillify.read_back(document()).retry_after == 9


# ------------------------------------------------------------ the fingerprint


@pytest.mark.parametrize(
    "carrier",
    [{"comment": OURS}, {"label": OURS, "comment": None}, {"data": {"a": [{"description": OURS.upper().lower()}]}}],
)
def test_the_fingerprint_counts_wherever_it_stands(carrier):
    assert look([voucher(entry(kind="letter", **carrier))]) == found()


def test_the_fingerprint_is_looked_for_even_when_none_are_sent_any_more():
    assert look([voucher(entry(comment=OURS))], fingerprint=False) == found()


def test_references_that_are_numbers_are_taken_as_text():
    assert look([voucher(entry(5, comment=OURS, file=65), identifier=7)]) == found()


@pytest.mark.parametrize("lacking", [{"file": None}, {"file": ""}, {"file": {}}])
def test_a_match_without_all_references_is_unclear(lacking):
    outcome = look([voucher(entry(comment=OURS, **lacking))])
    assert isinstance(outcome, Unclear)
    assert outcome.candidates[0]["id"] == "5"


def test_one_communication_listed_under_two_vouchers_is_one():
    listed = entry(comment=OURS)
    assert look([voucher(listed), voucher(listed, identifier="8")]).matched_by == "fingerprint"


def test_where_fingerprints_come_back_a_stranger_is_not_the_document():
    listed = [entry("5", comment=THEIRS), entry("6", comment="by hand"), entry("7", label=None, comment=None)]
    assert look([voucher(*listed)]) == Absent(SERVER_TIME)


def test_where_fingerprints_come_back_a_namesake_with_the_same_bytes_is_the_document():
    listed = [entry("4", comment=THEIRS), entry("5", label="Rechnung RE1")]
    assert look([voucher(*listed)], {"5": file()}) == found(matched_by="bytes")


def test_where_fingerprints_come_back_a_namesake_with_other_bytes_is_not():
    listed = [entry("4", comment=THEIRS), entry("5", label="Rechnung RE1")]
    assert look([voucher(*listed)], {"5": file(OTHER)}) == Absent(SERVER_TIME)


def test_others_fingerprints_prove_nothing_when_ours_carry_none():
    listed = [entry("4", kind="letter", comment=THEIRS), entry("5", label="Rechnung RE1", publicUrl=None)]
    assert isinstance(look([voucher(*listed)], fingerprint=False), Unclear)


# ------------------------------------------------------------ name and bytes


@pytest.mark.parametrize(
    "named",
    [
        {"label": "Rechnung RE1"},
        {"label": "Rechnung_RE1.pdf"},
        {"comment": "Rechnung_RE1.pdf"},
        {"data": {"filename": "Rechnung_RE1.pdf"}},
        {"label": "something else"},
        {"kind": None},
        {"kind": ""},
    ],
)
def test_the_same_bytes_are_the_document_whatever_its_name(named):
    assert look([voucher(entry(**named))], {"5": file()}) == found(matched_by="bytes")


def test_other_bytes_under_another_name_are_another_document():
    assert look([voucher(entry())], {"5": file(OTHER)}) == Absent(SERVER_TIME)


def test_other_bytes_under_the_same_name_may_have_been_rewritten():
    outcome = look([voucher(entry(label="Rechnung RE1"))], {"5": file(OTHER)})
    assert isinstance(outcome, Unclear)


def test_other_bytes_without_any_name_are_another_document():
    assert look([voucher(entry(label=None, comment=None))], {"5": file(OTHER)}) == Absent(SERVER_TIME)


def test_another_documents_fingerprint_settles_what_bytes_cannot():
    listed = entry(label="Rechnung RE1", comment=THEIRS)
    assert look([voucher(listed)], {"5": file(OTHER)}, fingerprint=False) == Absent(SERVER_TIME)


@pytest.mark.parametrize(
    "named", [{"label": "Rechnung RE1"}, {"label": None, "comment": None}, {"label": "", "comment": ""}]
)
@pytest.mark.parametrize("address", [None, "", 7, "/relative", "http://[", "{base}/v1/communication/5/file"])
def test_bytes_that_were_not_seen_leave_a_doubt_where_nothing_else_tells(named, address):
    outcome = look([voucher(entry(publicUrl=address, **named))], {"5": reply(404, error(404))})
    assert isinstance(outcome, Unclear)


def test_bytes_that_were_not_seen_leave_no_doubt_under_another_name():
    assert look([voucher(entry(publicUrl=None))]) == Absent(SERVER_TIME)


def test_a_log_in_page_in_place_of_the_bytes_was_not_seeing_them():
    page = reply(200, b"<html>Log in</html>", Content_Type="text/html; charset=utf-8")
    assert isinstance(look([voucher(entry(label=None, comment=None))], {"5": page}), Unclear)


@pytest.mark.parametrize(("size", "expected"), [(64 << 20, Found), ((64 << 20) + 1, Unclear)])
def test_a_file_beyond_all_measure_was_not_seen(size, expected):
    content = bytes(size)
    outcome = look(
        [voucher(entry(label=None, comment=None))],
        {"5": file(content)},
        document(sha256=digest_of(content)),
        timeout=20.0,
    )
    assert isinstance(outcome, expected)


@pytest.mark.parametrize("change", [("http://", "https://"), ("127.0.0.1", "127.0.0.2"), ("//", "//user:word@")])
def test_bytes_are_asked_for_only_where_scheme_host_and_port_are_the_configured_ones(change):
    def handler(request):
        address = f"{server.base_url}/v1/communication/5/file".replace(*change, 1)
        return reply(200, [voucher(entry(label=None, comment=None, publicUrl=address))])

    with Misbehaving(serving(handler)) as server, client(server.base_url) as abillify:
        assert isinstance(abillify.read_back(document()), Unclear)
        assert {urlsplit(request.target).path for request in server.received} == {"/api/invoices/RE1/documents"}


def test_the_configured_host_is_shown_the_credentials_and_nobody_it_redirects_to():
    def handler(request):
        if "/file" in request.target:
            return reply(302, b"", Location=f"{other.base_url}/file")
        return reply(200, [voucher(entry(label=None, comment=None, publicUrl=f"{server.base_url}/file"))])

    with (
        Misbehaving(answering(file())) as other,
        Misbehaving(serving(handler)) as server,
        client(server.base_url) as abillify,
    ):
        assert isinstance(abillify.read_back(document()), Unclear)
        assert "authorization" in server.received[-1].headers
        assert other.received == []


# ------------------------------------------------------------ listings


@pytest.mark.parametrize(
    "body",
    [
        {},
        None,
        "text",
        [None],
        ["voucher"],
        [[]],
        [{"id": "7"}],
        [voucher("text")],
        [voucher(entry(None))],
        [voucher(entry(""))],
        [voucher(entry(True))],
        [{"id": "7", "communications": {}}],
        {"rows": []},
        b"",
        b"[",
        b"[" * 100_000,
    ],
)
def test_a_listing_that_is_not_what_is_documented_says_nothing(body):
    with Misbehaving(answering(reply(200, body))) as server, client(server.base_url) as abillify:
        assert isinstance(abillify.read_back(document()), ReadFailed)


@pytest.mark.parametrize(
    "vouchers", [[], [voucher()], [{"id": "7", "communications": None}], [{"id": None, "communications": []}]]
)
def test_an_empty_listing_is_absence(vouchers):
    assert look(vouchers) == Absent(SERVER_TIME)


def pages(rows, page, size, *, ignores_offset=False):
    """Answers requests for a listing of vouchers, `size` at a time; `page(n)` may change the rows before request n."""
    count = [0]

    def handler(request):
        count[0] += 1
        page(count[0])
        offset = 0 if ignores_offset else int(parse_qs(urlsplit(request.target).query)["offset"][0])
        return reply(200, rows[offset : offset + size])

    return serving(handler)


def vouchers_up_to(number):
    """One communication on each; the last one is the document."""
    last = number - 1
    return [
        voucher(entry(str(index), comment=OURS if index == last else THEIRS), identifier=str(index))
        for index in range(number)
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_a_server_that_cuts_the_listing_into_pages_is_asked_for_all_of_them(size):
    act = pages(vouchers_up_to(4), lambda _: None, size)
    with Misbehaving(act) as server, client(server.base_url) as abillify:
        assert abillify.read_back(document()).references.communication == "3"


def test_a_server_that_ignores_the_offset_is_asked_twice():
    act = pages(vouchers_up_to(4), lambda _: None, 100, ignores_offset=True)
    with Misbehaving(act) as server, client(server.base_url) as abillify:
        assert isinstance(abillify.read_back(document()), Found)
        assert len(server.received) == 2


def test_a_server_whose_pages_count_communications_is_asked_for_all_of_them():
    listed = [entry(str(index), comment=OURS if index == 29 else THEIRS) for index in range(30)]

    def handler(request):
        offset = int(parse_qs(urlsplit(request.target).query)["offset"][0])
        shown = listed[offset : offset + 20]
        return reply(200, [voucher(*shown)] if shown else [])

    with Misbehaving(serving(handler)) as server, client(server.base_url) as abillify:
        assert abillify.read_back(document()).references.communication == "29"


def test_a_listing_that_shifts_between_two_pages_says_nothing():
    rows = vouchers_up_to(4)

    def shift(request):
        if request == 2:
            del rows[0]  # so that the second page skips one: the document itself, were it there

    with Misbehaving(pages(rows, shift, 2)) as server, client(server.base_url) as abillify:
        assert isinstance(abillify.read_back(document()), ReadFailed)


@pytest.mark.parametrize("broken", [2, 4])
def test_a_page_that_fails_makes_the_whole_listing_fail(broken):
    count = [0]

    def handler(request):
        count[0] += 1
        if count[0] == broken:
            return reply(404, error(404))
        offset = int(parse_qs(urlsplit(request.target).query)["offset"][0])
        return reply(200, vouchers_up_to(4)[offset : offset + 2])

    with Misbehaving(serving(handler)) as server, client(server.base_url) as abillify:
        assert isinstance(abillify.read_back(document()), ReadFailed)


@pytest.mark.timeout(30)
def test_a_listing_without_an_end_is_given_up_at_the_deadline():
    count = [0]

    def handler(request):
        count[0] += 1
        return reply(200, [voucher(entry(str(count[0])), identifier=str(count[0]))])

    with Misbehaving(serving(handler)) as server, client(server.base_url, timeout=0.5) as abillify:
        assert isinstance(abillify.read_back(document()), ReadFailed)


def test_a_communication_with_hundreds_of_siblings_is_found():
    listed = [entry(str(index), comment=None, label=None, data=None, kind="letter") for index in range(2000)]
    assert look([voucher(*listed, entry("5000", comment=OURS))]) == found("5000")


def test_candidates_are_shown_so_that_every_ledger_can_hold_them():
    outcome = look([voucher(entry(label="Rechnung RE1", comment="a\x00b\ud800", publicUrl=None))])
    assert outcome.candidates == (
        {
            "id": "5",
            "file": "65",
            "voucher": "7",
            "kind": "invoice",
            "label": "Rechnung RE1",
            "comment": "a b",
            "created": "2026-01-01T00:00:00.000Z",
        },
    )
