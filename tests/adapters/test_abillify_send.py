"""The outcome table of exactly-once.md, one row after the other, against a server that answers so."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from importer.core.model import Confirmed, InDoubt, NotSent, References, Refused
from importer.sandbox import Sandbox, faults
from tests.adapters.misbehaving import CONTENT, DATE, REFERENCES, Misbehaving, answering, client, document, error, reply

SERVER_TIME = datetime(2026, 1, 1, 12, tzinfo=UTC)
GZIP = {"Content_Encoding": "gzip"}
HTML = b"<html><body><h1>Blocked</h1></body></html>"


def outcome_of(data: bytes):
    """What an import comes to when this is the answer."""
    with Misbehaving(answering(data)) as server, client(server.base_url) as abillify:
        outcome = abillify.import_document(document(), CONTENT)
        assert len(server.received) == 1, "nothing is ever sent twice"
        return outcome


def test_a_200_with_three_references_is_confirmed_as_they_came():
    references = References("_12345", "_67890", "_1234")
    assert outcome_of(reply()) == Confirmed(references, SERVER_TIME)


def test_a_further_member_in_the_reply_does_no_harm():
    assert isinstance(outcome_of(reply(body={**REFERENCES, "more": None})), Confirmed)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422, 429])
def test_a_clean_status_with_the_vendors_body_is_refused(status):
    outcome = outcome_of(reply(status, error(status)))
    assert isinstance(outcome, Refused)
    assert outcome.error.status == status
    assert outcome.server_time == SERVER_TIME


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422, 429])
@pytest.mark.parametrize("body", [HTML, b"", b'{"message": "no route"}', b"[]", b'{"code": true, "name": "x"}'])
def test_a_clean_status_without_the_vendors_body_is_in_doubt(status, body):
    outcome = outcome_of(reply(status, body))
    assert isinstance(outcome, InDoubt)
    assert str(status) in outcome.cause
    assert outcome.error is None


def test_a_body_whose_code_is_another_status_is_not_the_vendors():
    assert isinstance(outcome_of(reply(404, error(500))), InDoubt)


def test_a_body_without_code_but_with_name_and_message_is_the_vendors():
    outcome = outcome_of(reply(404, {"name": "NotFound", "message": "invoice not found"}))
    assert isinstance(outcome, Refused)


@pytest.mark.parametrize(
    "status", [402, 405, 407, 408, 409, 410, 411, 421, 426, 431, 451, 500, 501, 502, 503, 504, 599]
)
def test_every_other_error_of_the_vendor_is_in_doubt_and_carries_what_may_seal_the_key(status):
    outcome = outcome_of(reply(status, error(status, "remembered")))
    assert isinstance(outcome, InDoubt)
    assert outcome.error.status == status
    assert "remembered" in outcome.cause
    assert outcome.server_time == SERVER_TIME


@pytest.mark.parametrize("status", [407, 408, 409, 411, 421, 426, 431, 500, 502, 503, 504, 511])
def test_a_proxys_page_is_in_doubt_and_seals_nothing(status):
    outcome = outcome_of(reply(status, HTML, Content_Type="text/html"))
    assert isinstance(outcome, InDoubt)
    assert "proxy" in outcome.cause
    assert outcome.error is None


@pytest.mark.parametrize("status", [201, 202, 203, 206])
def test_another_2xx_is_in_doubt_even_with_references(status):
    assert isinstance(outcome_of(reply(status)), InDoubt)


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_is_in_doubt(status):
    assert isinstance(outcome_of(reply(status, b"")), InDoubt)


def test_a_switch_to_another_protocol_is_in_doubt():
    assert isinstance(outcome_of(reply(101, b"", Upgrade="websocket")), InDoubt)


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints", "199 Whatever"])
def test_interim_replies_before_the_answer_do_no_harm(interim):
    assert isinstance(outcome_of(f"HTTP/1.1 {interim}\r\nLink: </a>\r\n\r\n".encode() * 3 + reply()), Confirmed)


def test_an_interim_reply_alone_is_in_doubt():
    assert isinstance(outcome_of(b"HTTP/1.1 103 Early Hints\r\n\r\n"), InDoubt)


def test_an_answer_of_an_old_server_ends_with_its_connection():
    assert isinstance(outcome_of(old(reply())), Confirmed)
    assert isinstance(outcome_of(old(reply(404, error(404)))), Refused)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_an_answer_of_an_old_server_that_broke_off_is_in_doubt(cut):
    """Without a length only the JSON tells that something is missing."""
    assert isinstance(outcome_of(old(reply())[:-cut]), InDoubt)
    assert isinstance(outcome_of(old(reply(404, error(404)))[:-cut]), InDoubt)


def old(data: bytes) -> bytes:
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.replace(b"HTTP/1.1", b"HTTP/1.0").split(b"\r\n") if b"Length" not in line]
    return b"\r\n".join([*lines, b"", body])


@pytest.mark.parametrize("name", list(REFERENCES))
@pytest.mark.parametrize("second", ["_99999", None])
def test_a_reference_that_is_told_twice_is_in_doubt(name, second):
    body = json.dumps(REFERENCES)[:-1] + f', "{name}": {json.dumps(second)}}}'
    assert isinstance(outcome_of(reply(200, body.encode())), InDoubt)


@pytest.mark.parametrize("framing", [b"Content-Length: 5, 7", b"Content-Length: -1", b"Transfer-Encoding: gzip"])
def test_an_answer_whose_end_cannot_be_told_is_in_doubt(framing):
    head, _, body = reply().partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if b"Length" not in line]
    assert isinstance(outcome_of(b"\r\n".join([*lines, framing, b"", body])), InDoubt)


def test_a_packed_answer_is_read_although_none_was_asked_for():
    assert isinstance(outcome_of(reply(200, gzip.compress(json.dumps(REFERENCES).encode()), **GZIP)), Confirmed)


@pytest.mark.parametrize(
    "body",
    [gzip.compress(bytes(32 << 20)), b"no gzip at all", gzip.compress(b"{}")[:-9]],
    ids=["a bomb", "no gzip", "cut"],
)
def test_a_packed_answer_beyond_all_measure_or_damaged_is_in_doubt(body):
    assert isinstance(outcome_of(reply(200, body, **GZIP)), InDoubt)
    assert isinstance(outcome_of(reply(404, body, **GZIP)), InDoubt)


def test_an_html_page_with_200_is_in_doubt():
    assert isinstance(outcome_of(reply(200, HTML)), InDoubt)


@pytest.mark.parametrize("name", list(REFERENCES))
@pytest.mark.parametrize("value", [None, "", "  ", 12345, ["_1"], {}, True, "\x00", "\ud800", "_" * 1001])
def test_a_reference_that_is_not_a_text_is_in_doubt(name, value):
    outcome = outcome_of(reply(body={**REFERENCES, name: value}))
    assert isinstance(outcome, InDoubt)
    assert name in outcome.cause


@pytest.mark.parametrize("name", list(REFERENCES))
def test_a_missing_reference_is_in_doubt(name):
    outcome = outcome_of(reply(body={key: value for key, value in REFERENCES.items() if key != name}))
    assert isinstance(outcome, InDoubt)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'"_1"', b"[" * 200_000, b"\xff"])
def test_a_200_that_is_no_json_object_is_in_doubt(body):
    assert isinstance(outcome_of(reply(200, body)), InDoubt)


def test_a_reply_beyond_all_measure_is_in_doubt():
    assert isinstance(outcome_of(reply(200, b" " * (2 << 20))), InDoubt)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["other", "http://[", "/api/invoices", ""])
def test_a_redirect_is_in_doubt_and_not_followed(status, location):
    with Misbehaving(answering(reply())) as other:
        target = other.base_url if location == "other" else location
        assert isinstance(outcome_of(reply(status, b"", Location=target)), InDoubt)
        assert other.received == [], "and the credentials are not shown to another host"


def test_every_detail_of_the_vendors_error_is_kept():
    details = [{"error": "unknown", "fields": ["debtor", "kind"], "hint": "see the reference"}, {"error": "second"}]
    outcome = outcome_of(reply(400, error(400, "invalid", details=details)))
    assert outcome.error.details == tuple(details)
    assert (outcome.error.name, outcome.error.type) == ("ClientError", "ERR_INVALID_VALUE")
    assert str(outcome.error) == (
        "400 ERR_INVALID_VALUE: invalid: unknown (fields: debtor, kind) hint: see the reference; second"
    )


@pytest.mark.parametrize("details", [None, {}, "text", [None], [{"fields": "debtor"}], [{"fields": 7, "error": 1}]])
def test_details_of_another_shape_do_no_harm(details):
    outcome = outcome_of(reply(400, error(400, details=details)))
    assert isinstance(outcome, Refused)
    assert str(outcome.error).startswith("400 ERR_INVALID_VALUE: no")


def test_an_error_text_that_no_terminal_or_database_can_hold_is_made_printable():
    outcome = outcome_of(reply(400, error(400, "a\x00b\x1b[31m\ud800" + "x" * 5000)))
    assert outcome.error.message.isprintable()
    assert outcome.error.message.startswith("a b [31m")
    assert len(outcome.error.message) == 1000


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("17", 17),
        ("999999", 3600),
        ("Thu, 01 Jan 2026 12:01:30 GMT", 90),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
        ("Fri, 02 Jan 2026 12:00:00 GMT", 3600),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("", None),
        ("9" * 30, None),
        ("Thu, 32 Jan 2026 12:00:00 GMT", None),
        ("2026-01-01T12:01:30Z", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_clipped(value, seconds):
    assert outcome_of(reply(429, error(429), Retry_After=value)).retry_after == seconds


def test_a_retry_after_date_counts_from_our_clock_when_the_reply_has_no_date():
    tomorrow = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    assert outcome_of(reply(429, error(429), Retry_After=tomorrow, Date=None)).retry_after == 3600


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "now",
        "2026-01-01T12:00:00Z",
        "Thursday, 01-Jan-26 12:00:00 GMT",
        "Thu, 01 Jan 2026 12:00:00 +0000",
        "Thu, 01 Jan 2026 25:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        f"{DATE}, {DATE}",
    ],
)
def test_a_missing_or_absurd_date_tells_no_time(date):
    with Misbehaving(answering(reply(Date=date))) as server, client(server.base_url) as abillify:
        outcome = abillify.import_document(document(), CONTENT)
        assert isinstance(outcome, Confirmed)
        assert outcome.server_time is None
        assert abillify.server_time() is None


def test_the_servers_time_goes_on_by_our_clock():
    now = [1000.0]
    with (
        Misbehaving(answering(reply(), reply(Date=None))) as server,
        client(server.base_url, clock=lambda: now[0]) as abillify,
    ):
        abillify.import_document(document(), CONTENT)
        now[0] += 90
        assert abillify.server_time() == SERVER_TIME + timedelta(seconds=90)
        abillify.import_document(document(), CONTENT)
        assert abillify.server_time() == SERVER_TIME + timedelta(seconds=90), "a reply without a date changes nothing"


def test_a_server_whose_clock_is_set_back_makes_no_key_young_again():
    now = [1000.0]
    dates = (DATE, "Thu, 01 Jan 2026 02:00:00 GMT", "Thu, 01 Jan 2026 14:00:00 GMT")
    with (
        Misbehaving(answering(*(reply(Date=date) for date in dates))) as server,
        client(server.base_url, clock=lambda: now[0]) as abillify,
    ):
        abillify.import_document(document(), CONTENT)
        now[0] += 60
        abillify.import_document(document(), CONTENT)
        assert abillify.server_time() == SERVER_TIME + timedelta(seconds=60)
        abillify.import_document(document(), CONTENT)
        assert abillify.server_time() == SERVER_TIME + timedelta(hours=2), "what is later counts"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd"])
def test_an_answer_that_is_packed_in_another_way_is_in_doubt_and_never_unpacked(encoding):
    body = gzip.compress(gzip.compress(json.dumps(REFERENCES).encode()))
    assert isinstance(outcome_of(reply(200, body, Content_Encoding=encoding)), InDoubt)


def test_the_sandbox_stores_what_was_sent_once():
    with Sandbox(invoices=["RE1"]) as sandbox, client(sandbox.base_url) as abillify:
        outcome = abillify.import_document(document(), CONTENT)
        again = abillify.import_document(document(), CONTENT)
    (effect,) = sandbox.effects
    assert effect.content == CONTENT
    assert (
        outcome.references == again.references == References(f"_{effect.id}", f"_{effect.file}", f"_{effect.voucher}")
    )


@pytest.mark.parametrize(
    "fault",
    [
        faults.lost_reply(),
        faults.died_before_key(),
        faults.reset_before_effect(),
        faults.reset_mid_body(),
        faults.cut(),
        faults.cut(framed=False),
        faults.not_json(),
        faults.no_references(),
        faults.null_references(),
        faults.wrong_types(),
        faults.empty(202),
        faults.empty(204),
        faults.proxy_page(502, effect=True),
        faults.redirect(),
        faults.status(409),
        faults.status(500, effect=True, remembered=True),
    ],
    ids=lambda fault: fault.name,
)
def test_no_fault_of_the_sandbox_passes_for_a_success_or_for_a_request_that_was_not_sent(fault):
    with Sandbox(invoices=["RE1"]) as sandbox, client(sandbox.base_url) as abillify:
        sandbox.fail(fault)
        assert isinstance(abillify.import_document(document(), CONTENT), InDoubt)


def test_wrong_credentials_are_refused_until_others_are_used():
    with Sandbox(invoices=["RE1"]) as sandbox, client(sandbox.base_url, password="old") as abillify:
        refused = abillify.import_document(document(), CONTENT)
        abillify.use_credentials("sandbox", "sandbox")
        accepted = abillify.import_document(document(), CONTENT)
    assert isinstance(refused, Refused)
    assert isinstance(accepted, Confirmed)


def test_a_server_that_is_away_was_sent_nothing():
    with Sandbox(invoices=["RE1"]) as sandbox:
        base_url = sandbox.base_url
    with client(base_url) as abillify:
        assert isinstance(abillify.import_document(document(), CONTENT), NotSent)
