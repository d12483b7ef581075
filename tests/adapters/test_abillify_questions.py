"""The questions beside the import: does the invoice exist, do the credentials hold, how fast may we ask."""

import threading
from datetime import UTC, datetime

import pytest

from importer.adapters.abillify.throttle import Pacer
from importer.core.model import (
    InvoiceKnown,
    InvoiceUnknown,
    ProbeAccepted,
    ProbeFailed,
    ProbeRefused,
    ReadFailed,
    VendorError,
)
from importer.sandbox import Sandbox, faults
from tests.adapters.misbehaving import Misbehaving, answering, client, error, reply

SERVER_TIME = datetime(2026, 1, 1, 12, tzinfo=UTC)
HTML = b"<html><body><h1>Welcome</h1></body></html>"


def probe(data: bytes):
    with Misbehaving(answering(data)) as server, client(server.base_url) as abillify:
        outcome = abillify.probe()
        assert server.received[0].target == "/api/invoices?page=1&pageSize=1"
        return outcome


def ask(data: bytes):
    with Misbehaving(answering(data)) as server, client(server.base_url) as abillify:
        return abillify.invoice_exists("RE1")


def test_the_sandbox_knows_its_invoices_and_no_others():
    with Sandbox(invoices=["RE1"]) as sandbox, client(sandbox.base_url) as abillify:
        assert abillify.invoice_exists("RE1") == InvoiceKnown()
        assert abillify.invoice_exists("RE2") == InvoiceUnknown()


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_an_error_is_no_answer_and_is_told_with_its_status(status):
    outcome = ask(reply(status, error(status, "because"), Retry_After="7"))
    assert isinstance(outcome, ReadFailed)
    assert (outcome.status, outcome.retry_after) == (status, 7)
    assert "because" in outcome.cause


@pytest.mark.parametrize("status", [200, 202, 302, 403, 404, 502])
def test_a_proxys_page_says_neither_yes_nor_no(status):
    outcome = ask(reply(status, HTML, Content_Type="text/html"))
    assert isinstance(outcome, ReadFailed)
    assert str(status) in outcome.cause


def test_an_invoice_beyond_all_measure_is_no_answer():
    assert isinstance(ask(reply(200, {"pad": "x" * (2 << 20)})), ReadFailed)


def test_the_probe_accepts_the_sandbox_and_tells_its_time():
    moment = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    with Sandbox(clock=lambda: moment) as sandbox, client(sandbox.base_url) as abillify:
        assert abillify.server_time() is None
        assert abillify.probe() == ProbeAccepted(moment)
        assert abillify.server_time() >= moment


def test_the_probe_tells_wrong_credentials():
    with Sandbox() as sandbox, client(sandbox.base_url, password="wrong") as abillify:
        outcome = abillify.probe()
    assert isinstance(outcome, ProbeRefused)
    assert outcome.error.message == "authentication failed"


def test_an_accepted_probe_without_a_date_tells_no_time():
    assert probe(reply(200, {"rows": []}, Date=None)) == ProbeAccepted(None)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_by_the_vendor_is_a_refusal(status):
    outcome = probe(reply(status, error(status)))
    assert outcome == ProbeRefused(VendorError(status, "ClientError", "ERR_INVALID_VALUE", "no"))


def test_a_401_is_about_the_credentials_whatever_its_body():
    assert probe(reply(401, HTML)).error.status == 401


@pytest.mark.parametrize(
    "data",
    [
        reply(200, HTML, Content_Type="text/html"),
        reply(200, []),
        reply(200, {"rows": None}),
        reply(200, {}),
        reply(204, b""),
        reply(301, b"", Location="https://elsewhere.example/"),
        reply(403, HTML),
        reply(404, error(404)),
        reply(500, error(500)),
        reply(502, HTML),
    ],
)
def test_what_is_not_abillifys_answer_fails_the_probe_and_says_where_to_look(data):
    outcome = probe(data)
    assert isinstance(outcome, ProbeFailed)
    assert "api.base_url" in outcome.cause


def test_an_html_page_is_called_one():
    assert "an HTML page" in probe(reply(200, HTML, Content_Type="text/html")).cause


def test_a_server_that_does_not_answer_fails_the_probe():
    with Sandbox() as sandbox, client(sandbox.base_url) as abillify:
        sandbox.fail(faults.reset_before_effect(), endpoint="probe")
        assert isinstance(abillify.probe(), ProbeFailed)


# ------------------------------------------------------------ the rate


class Time:
    """A clock that only sleep moves on."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now += seconds


def waits(rate, count, time):
    pacer = Pacer(rate, clock=time, sleep=time.sleep)
    for _ in range(count):
        pacer.wait()
    return pacer


def test_a_seconds_worth_goes_out_at_once_and_the_rest_in_step():
    time = Time()
    waits(4, 7, time)
    assert time.slept == [0.25, 0.25, 0.25]


def test_a_pause_gives_back_no_more_than_one_second():
    time = Time()
    pacer = waits(4, 4, time)
    time.now += 3600
    for _ in range(6):
        pacer.wait()
    assert time.slept == [0.25, 0.25]


def test_a_slow_rate_has_no_burst_and_no_wait_for_the_first():
    time = Time()
    waits(0.1, 3, time)
    assert time.slept == [10, 10]


def test_a_rate_of_zero_is_no_limit():
    time = Time()
    waits(0, 1000, time)
    assert time.slept == []


def test_threads_share_one_rate():
    slept = []
    pacer = Pacer(1, clock=lambda: 0.0, sleep=slept.append)
    threads = [threading.Thread(target=pacer.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == list(range(1, 20))


def test_the_wait_for_its_turn_comes_before_the_deadline():
    with (
        Misbehaving(answering(*[reply(200, {"rows": []})] * 4)) as server,
        client(server.base_url, rate_per_second=3, timeout=0.3) as abillify,
    ):
        outcomes = [abillify.probe() for _ in range(4)]
    assert outcomes == [ProbeAccepted(SERVER_TIME)] * 4
