"""What breaks below HTTP: whether anything was sent, and that no request outlives its deadline."""

import socket
import threading
from contextlib import ExitStack

import pytest

from importer.adapters.abillify.transport import steady
from importer.core.model import Confirmed, InDoubt, NotSent, ReadFailed
from importer.sandbox import Sandbox, faults
from tests.adapters.misbehaving import CONTENT, Misbehaving, answering, certificate, client, document, reply

LARGE = bytes(16 << 20)
"""More than the buffers between two sockets hold."""

pytestmark = pytest.mark.timeout(30)  # a deadline that does not hold ends a test here


def send(base_url: str, content=CONTENT, start_by=None, **options):
    with client(base_url, **options) as abillify:
        return abillify.import_document(document(), content, start_by=start_by)


# ------------------------------------------------------------ not sent


def test_an_unknown_name_is_not_sent():
    outcome = send("http://abillify.invalid/api")
    assert isinstance(outcome, NotSent)
    assert "abillify.invalid" in outcome.cause


def test_a_name_that_is_none_is_not_sent():
    assert isinstance(send(f"http://{'a' * 64}.invalid/api"), NotSent)


def test_a_refused_connection_is_not_sent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = send(f"http://127.0.0.1:{port}/api")
    assert isinstance(outcome, NotSent)
    assert "refused" in outcome.cause


def test_a_connection_that_does_not_come_about_is_not_sent():
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # a full queue answers no further one
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        outcome = send(f"http://127.0.0.1:{listener.getsockname()[1]}/api", connect_timeout=0.2)
    assert outcome == NotSent("no connection came about in time")


def test_an_address_that_does_not_answer_leaves_time_for_the_next(monkeypatch):
    with ExitStack() as stack:
        server = stack.enter_context(Misbehaving(answering(reply())))
        silent = ("127.0.0.2", server.port)
        stack.enter_context(socket.create_server(silent, backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(silent)
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (silent, ("127.0.0.1", server.port))
        ]
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *_, **__: [entry for entry in found if host in ("abillify.test", entry[4][0])],
        )
        outcome = send(f"http://abillify.test:{server.port}/api", connect_timeout=2.0, timeout=2.0)
    assert isinstance(outcome, Confirmed)


def test_an_untrusted_certificate_is_not_sent(tmp_path):
    context, _ = certificate(tmp_path, "127.0.0.1")
    with Misbehaving(answering(reply()), context=context) as server:
        outcome = send(server.base_url)
        assert server.received == []
    assert isinstance(outcome, NotSent)
    assert "certificate is not trusted" in outcome.cause


def test_a_certificate_for_another_host_is_not_sent(tmp_path, monkeypatch):
    context, trusted = certificate(tmp_path, "elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with Misbehaving(answering(reply()), context=context) as server:
        outcome = send(server.base_url)
    assert isinstance(outcome, NotSent)
    assert "certificate" in outcome.cause


def test_a_server_that_speaks_no_tls_is_not_sent():
    with Misbehaving(lambda line: line.send(b"SSH-2.0-nonsense\r\n" * 9)) as server:
        assert isinstance(send(server.base_url.replace("http:", "https:")), NotSent)


def test_a_handshake_that_never_ends_is_not_sent():
    with Misbehaving(lambda line: line.stopping.wait()) as server:
        outcome = send(server.base_url.replace("http:", "https:"), connect_timeout=0.2)
    assert isinstance(outcome, NotSent)


def test_no_free_connection_is_not_sent():
    arrived, over = threading.Barrier(4), threading.Event()

    def hold(line):
        line.receive()
        arrived.wait()
        over.wait()

    with (
        Misbehaving(hold, hold, hold) as server,
        client(server.base_url, concurrency=1, connect_timeout=0.2, timeout=20.0) as abillify,
    ):
        holders = [threading.Thread(target=abillify.probe) for _ in range(3)]
        for thread in holders:
            thread.start()
        arrived.wait()
        outcome = abillify.import_document(document(), CONTENT)
        over.set()
        for thread in holders:
            thread.join()
    assert outcome == NotSent("no connection was free in time")


@pytest.mark.parametrize("over_tls", [False, True])
def test_a_late_start_is_not_sent(tmp_path, monkeypatch, over_tls):
    context, trusted = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with Misbehaving(answering(reply()), context=context if over_tls else None) as server:
        outcome = send(server.base_url, start_by=steady() - 0.001)
        assert server.received == []
    assert isinstance(outcome, NotSent)


def test_a_late_start_is_not_sent_over_an_old_connection_either():
    acts = answering(reply(), reply()), answering(reply())
    with Misbehaving(*acts) as server, client(server.base_url) as abillify:
        assert isinstance(abillify.import_document(document(), CONTENT, start_by=steady() + 60), Confirmed)
        assert isinstance(abillify.import_document(document(), CONTENT, start_by=steady() - 0.001), NotSent)
        assert isinstance(abillify.import_document(document(), CONTENT, start_by=steady() + 60), Confirmed)
        assert len(server.received) == 2


def test_only_the_first_byte_must_be_in_time():
    now = [0.0]

    def leap(line):
        line.receive(body=False)
        now[0] = 2.0  # most of the body still waits to be written
        while len(line.buffer) < len(LARGE):
            line.more()
        line.send(reply())

    with Misbehaving(leap) as server:
        outcome = send(server.base_url, content=LARGE, start_by=1.0, clock=lambda: now[0], timeout=60.0)
    assert isinstance(outcome, Confirmed)


def test_a_closed_client_sends_nothing():
    with client("http://127.0.0.1:9/api") as abillify:
        pass
    assert isinstance(abillify.import_document(document(), CONTENT), NotSent)


# ------------------------------------------------------------ in doubt


def half_of_the_body(line):
    line.receive(body=False)
    line.socket.recv(1000)
    line.reset()


def nothing_at_all(line):
    line.receive()


def reset_at_the_end(line):
    line.receive()
    line.reset()


def less_than_promised(line):
    line.receive()
    line.send(reply(length=5000))


def no_http(line):
    line.receive()
    line.send(b"SSH-2.0-nonsense\r\n\r\n")


def endless_head(line):
    line.receive()
    line.send(b"HTTP/1.1 200 OK\r\n" + b"X-Pad: " + b"x" * 300_000)


def endless_chunks(line):
    line.receive()
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        line.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


def broken_gzip(line):
    line.receive()
    line.send(reply(body=b"not gzip", Content_Encoding="gzip"))


@pytest.mark.parametrize(
    "act",
    [
        half_of_the_body,
        nothing_at_all,
        reset_at_the_end,
        less_than_promised,
        no_http,
        endless_head,
        endless_chunks,
        broken_gzip,
    ],
)
def test_what_breaks_after_the_first_byte_is_in_doubt(act):
    with Misbehaving(act) as server:
        outcome = send(server.base_url, content=LARGE if act is half_of_the_body else CONTENT)
        assert len(server.received) == 1
    assert isinstance(outcome, InDoubt)
    assert outcome.cause


def test_a_refusal_before_the_whole_body_was_sent_is_heard():
    def refuse(line):
        line.receive(body=False)
        line.send(reply(413, {"code": 413, "message": "too large", "name": "ClientError"}, Connection="close"))
        line.socket.shutdown(socket.SHUT_WR)
        while line.socket.recv(65536):  # a reset would overtake the reply
            pass

    with Misbehaving(refuse) as server:
        outcome = send(server.base_url, content=LARGE)
    assert outcome.error.status == 413


@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_server_that_stops_reading_is_in_doubt_at_the_deadline(keep_alive):
    def act(line):
        if keep_alive:
            answering(reply())(line)
        line.receive(body=False)
        line.stopping.wait()

    with Misbehaving(act) as server, client(server.base_url, timeout=0.5) as abillify:
        if keep_alive:
            abillify.probe()
        assert isinstance(abillify.import_document(document(), LARGE), InDoubt)


def test_a_server_that_reads_slowly_but_steadily_is_in_doubt_at_the_deadline():
    read = [0]

    def sip(line):
        line.receive(body=False)
        while data := line.socket.recv(128 << 10):
            read[0] += len(data)
            line.stopping.wait(0.02)

    with Misbehaving(sip) as server:
        assert isinstance(send(server.base_url, content=LARGE * 2, timeout=0.5), InDoubt)
        assert server.closed.wait(20)
    assert read[0] < len(LARGE * 2), "each write was in time, but not all of them together"


@pytest.mark.parametrize(
    "sent_first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["head", "body"]
)
def test_a_trickled_reply_is_in_doubt_at_the_deadline(sent_first):
    def act(line):
        line.receive()
        line.send(sent_first)
        line.trickle(b"" if sent_first else b"HTTP/1.1 200 OK\r\nX-Pad: ")

    with Misbehaving(act) as server:
        outcome = send(server.base_url, timeout=0.5)
    assert outcome == InDoubt("no complete answer came in time")


def test_an_endless_row_of_interim_replies_is_in_doubt_at_the_deadline():
    def act(line):
        line.receive()
        while not line.stopping.wait(0.01):
            line.send(b"HTTP/1.1 102 Processing\r\n\r\n")

    with Misbehaving(act) as server:
        assert isinstance(send(server.base_url, timeout=0.5), InDoubt)


def test_a_slow_reply_within_the_deadline_is_confirmed():
    with Sandbox(invoices=["RE1"]) as sandbox:
        sandbox.fail(faults.slow_headers(0.001))
        assert isinstance(send(sandbox.base_url), Confirmed)


def test_a_connection_that_the_server_closes_under_the_request_is_in_doubt():
    with Misbehaving(lambda line: (answering(reply())(line), line.receive())) as server:
        with client(server.base_url) as abillify:
            assert isinstance(abillify.import_document(document(), CONTENT), Confirmed)
            assert isinstance(abillify.import_document(document(), CONTENT), InDoubt)
        assert len(server.received) == 2, "and it is not sent again over another connection"


def test_a_connection_that_the_server_has_closed_before_is_replaced():
    with Misbehaving(answering(reply()), answering(reply())) as server, client(server.base_url) as abillify:
        abillify.probe()
        assert server.closed.wait(5)
        assert isinstance(abillify.import_document(document(), CONTENT), Confirmed)


def test_a_connection_is_used_again():
    with Misbehaving(answering(reply(), reply(), reply())) as server, client(server.base_url) as abillify:
        for _ in range(3):
            assert isinstance(abillify.import_document(document(), CONTENT), Confirmed)


def test_a_reply_that_was_there_before_the_request_is_no_answer_to_it():
    with Misbehaving(answering(reply() + reply(), reply())) as server, client(server.base_url) as abillify:
        abillify.probe()
        outcome = abillify.import_document(document(), CONTENT)
    assert outcome == InDoubt("what came was there before the request, and is no answer to it")


def test_a_broken_read_is_a_failed_read():
    with Misbehaving(nothing_at_all) as server, client(server.base_url) as abillify:
        outcome = abillify.invoice_exists("RE1")
    assert isinstance(outcome, ReadFailed)
    assert outcome.status is None


def test_threads_do_not_mix_up_their_requests():
    references = [f"RE{number}" for number in range(8)]
    outcomes = {}
    with Sandbox(invoices=references) as sandbox, client(sandbox.base_url, concurrency=8) as abillify:
        sandbox.fail(faults.lost_reply(), reference="RE3")

        def work(reference):
            outcomes[reference] = abillify.import_document(document(invoice_reference=reference), CONTENT)

        threads = [threading.Thread(target=work, args=(reference,)) for reference in references]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stored = {effect.reference: f"_{effect.id}" for effect in sandbox.effects}
    assert isinstance(outcomes.pop("RE3"), InDoubt)
    assert {name: outcome.references.communication for name, outcome in outcomes.items()} == {
        name: identifier for name, identifier in stored.items() if name != "RE3"
    }


# ------------------------------------------------------------ TLS and proxies


def test_a_trusted_certificate_is_enough(tmp_path, monkeypatch):
    context, trusted = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with Misbehaving(answering(reply(), reply()), context=context) as server, client(server.base_url) as abillify:
        for _ in range(2):
            assert isinstance(abillify.import_document(document(), LARGE), Confirmed)


def test_a_reply_lost_under_tls_is_in_doubt(tmp_path, monkeypatch):
    context, trusted = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with Misbehaving(nothing_at_all, context=context) as server:
        assert isinstance(send(server.base_url), InDoubt)


@pytest.fixture
def proxied(tmp_path, monkeypatch):
    """An address that only a proxy can reach, and what the proxy then does."""
    context, trusted = certificate(tmp_path, "abillify.test")
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    def start(stack, *acts):
        proxy = stack.enter_context(Misbehaving(*acts))
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pr0xy-secret@127.0.0.1:{proxy.port}")
        return proxy

    return start, context


def tunnel(context, then):
    def act(line):
        line.receive()
        line.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        line.socket = context.wrap_socket(line.socket, server_side=True)
        then(line)

    return act


def test_the_environments_proxy_is_a_tunnel_that_sees_no_credentials(proxied):
    start, context = proxied
    with ExitStack() as stack:
        proxy = start(stack, tunnel(context, answering(reply())))
        assert isinstance(send("https://abillify.test/api"), Confirmed)
        connect, request = proxy.received
    assert connect.head.startswith(b"CONNECT abillify.test:443 ")
    assert "authorization" not in connect.headers
    assert "proxy-authorization" not in request.headers


def test_a_proxy_that_refuses_has_sent_nothing_on(proxied):
    start, _ = proxied
    with ExitStack() as stack:
        start(stack, answering(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"))
        outcome = send("https://abillify.test/api")
    assert isinstance(outcome, NotSent)
    assert "407" in outcome.cause


def test_a_reply_lost_behind_a_proxy_is_in_doubt(proxied):
    start, context = proxied
    with ExitStack() as stack:
        start(stack, tunnel(context, nothing_at_all))
        assert isinstance(send("https://abillify.test/api"), InDoubt)


def test_a_late_start_behind_a_proxy_is_not_sent(proxied):
    start, context = proxied
    with ExitStack() as stack:
        proxy = start(stack, tunnel(context, nothing_at_all))
        assert isinstance(send("https://abillify.test/api", start_by=steady() - 0.001), NotSent)
        assert len(proxy.received) == 1, "only the CONNECT"


def test_a_proxy_of_another_kind_is_refused_at_once_without_its_password(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:pr0xy-secret@127.0.0.1:1080")
    with pytest.raises(ValueError, match="must be an http:// address") as caught:
        client("https://abillify.test/api")
    assert "pr0xy-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "no_proxy"),
    [("https://127.0.0.1:{port}/api", ""), ("https://localhost:{port}/api", ""), ("https://abillify.test/api", "*")],
)
def test_loopback_and_excepted_hosts_go_without_the_proxy(proxied, monkeypatch, base_url, no_proxy):
    start, _ = proxied
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
        unused.close()
        proxy = start(stack, answering(reply()))
        assert isinstance(send(base_url.format(port=port)), NotSent)
        assert proxy.received == []
