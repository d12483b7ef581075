"""Whatever Abillify answers, or whoever answers in its place: an outcome, never an exception."""

import json
from datetime import UTC, datetime

from hypothesis import example, given, settings, strategies as st

from importer.adapters.abillify.answers import describe, invoice_outcome, probe_outcome, read_failed, send_outcome
from importer.adapters.abillify.headers import LONGEST_PAUSE, parse_date, parse_retry_after
from importer.adapters.abillify.listing import Listing, read_listing
from importer.adapters.abillify.wire import NoReply, Reply
from importer.core.model import Absent, Confirmed, InvoiceKnown, ProbeAccepted, ReadFailed
from tests.fuzz.material import ANY_TEXT, BROKEN_JSON, DEEP, JSON, json_trees

quickly = settings(max_examples=150, deadline=None)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MEMBERS = (
    "communicationReference",
    "fileReference",
    "voucherReference",
    "code",
    "name",
    "message",
    "type",
    "details",
    "rows",
)
LISTED = ("id", "communications", "file", "kind", "label", "comment", "data", "publicUrl", "created")
STATUS = st.sampled_from([200, 202, 204, 301, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503]) | st.integers(100, 999)


def bodies(*keys):
    return json_trees(*keys).map(json.dumps).map(str.encode) | BROKEN_JSON | st.none()


def errors(status):
    return st.fixed_dictionaries(
        {"code": st.just(status)}, optional=dict.fromkeys(("name", "message", "type", "details"), JSON)
    )


@st.composite
def replies(draw):
    status = draw(STATUS)
    body = draw(bodies(*MEMBERS) | errors(status).map(json.dumps).map(str.encode))
    return Reply(
        status,
        body,
        draw(ANY_TEXT | st.just("text/html")),
        draw(st.none() | st.just(NOW)),
        draw(st.none() | st.floats(0, 3600)),
    )


@quickly
@given(replies())
def test_any_reply_has_an_outcome_and_only_a_200_is_a_success(reply):
    sent, invoice, probe = send_outcome(reply), invoice_outcome(reply), probe_outcome(reply)

    assert reply.status == 200 or not isinstance(sent, Confirmed)
    assert reply.status == 200 or not isinstance(invoice, InvoiceKnown)
    assert reply.status == 200 or not isinstance(probe, ProbeAccepted)
    assert describe(reply).isprintable()
    assert read_failed(reply).status == reply.status


def vouchers():
    entries = st.fixed_dictionaries({"id": st.integers(0, 3) | ANY_TEXT}, optional=dict.fromkeys(LISTED[2:], JSON))
    voucher = st.fixed_dictionaries({"id": st.integers(0, 3) | JSON, "communications": st.lists(entries, max_size=2)})
    return st.lists(voucher, max_size=3)


PAGES = st.lists(
    st.builds(Reply, STATUS, bodies(*LISTED))
    | st.builds(Reply, st.just(200), vouchers().map(json.dumps).map(str.encode))
    | st.builds(NoReply, st.just("cut"), st.booleans()),
    min_size=1,
    max_size=3,
)


@quickly
@given(PAGES)
@example([Reply(200, b'[{"communications":[{"id":"1","data":' + b"[" * 900 + b"]" * 900 + b"}]}]")])
def test_any_pages_are_a_listing_or_are_told_not_to_be_one(pages):
    def ask(offset):
        return pages[offset % len(pages)]

    assert isinstance(read_listing(ask), Listing | Absent | ReadFailed)


DATES = st.from_regex(
    r"(Mon|Tue|Xyz), [0-9]{2} (Jan|Feb|Foo) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|UTC)", fullmatch=True
)


@quickly
@given(DATES | ANY_TEXT, DATES | ANY_TEXT | st.from_regex(r"[+-]?[0-9]{1,30}(\.[0-9])?", fullmatch=True))
@example("Mon, 30 Feb 2026 00:00:00 GMT", "9" * DEEP)
@example("Mon, 01 Jan 2026 23:59:60 GMT", "Mon, 01 Jan 9999 00:00:00 GMT")
def test_any_header_is_a_moment_and_a_pause_or_none(date, pause):
    moment = parse_date(date)
    seconds = parse_retry_after(pause, moment)

    assert moment is None or 2000 <= moment.astimezone(UTC).year < 3000
    assert seconds is None or 0 <= seconds <= LONGEST_PAUSE
