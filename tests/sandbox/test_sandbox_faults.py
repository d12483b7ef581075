"""Every fault of the catalogue, as a client meets it."""

import socket
import threading

import httpx
import pytest

from importer.sandbox import Delivery, Effect, Fault, Memory, Reply, faults


def effects(bench):
    return len(bench.sandbox.effects)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503])
def test_a_vendor_error_comes_before_the_effect_and_is_forgotten(bench, code):
    bench.sandbox.fail(faults.status(code))

    reply = bench.send(key="k")

    assert (reply.status_code, reply.json()["code"]) == (code, code)
    assert reply.json()["name"]
    assert reply.json()["type"]
    assert effects(bench) == 0
    assert bench.send(key="k").status_code == 200


def test_a_remembered_error_outlives_every_retry_for_a_day(bench):
    bench.sandbox.fail(faults.status(500, remembered=True))
    first = bench.send(key="k")

    assert bench.send(key="k").content == first.content
    assert bench.send(key="other").status_code == 200
    assert effects(bench) == 1
    bench.clock.advance(hours=24)
    assert bench.send(key="k").status_code == 200


def test_a_500_after_the_effect_remembered(bench):
    bench.sandbox.fail(faults.status(500, effect=True, remembered=True))

    assert [bench.send(key="k").status_code for _ in range(3)] == [500, 500, 500]
    assert effects(bench) == 1
    assert len(bench.documents()) == 1


def test_a_500_after_the_effect_not_remembered_imports_again(bench):
    bench.sandbox.fail(faults.status(500, effect=True))

    assert [bench.send(key="k").status_code for _ in range(2)] == [500, 200]
    assert effects(bench) == 2


def test_a_server_that_remembers_its_errors_replays_a_success_first(bench):
    first = bench.send(key="k")
    bench.sandbox.fail(faults.status(500, remembered=True))

    assert bench.send(key="k").content == first.content


@pytest.mark.parametrize("wait", [None, 5, "Wed, 21 Oct 2015 07:28:00 GMT", "soon", -1, 10**9])
def test_retry_after_is_whatever_it_is_given(bench, wait):
    bench.sandbox.fail(faults.status(429, retry_after=wait))

    assert bench.send().headers.get("Retry-After") == (None if wait is None else str(wait))


@pytest.mark.parametrize("code", [502, 503, 504])
@pytest.mark.parametrize("effect", [False, True])
def test_a_proxy_page_hides_the_true_reply(bench, code, effect):
    bench.sandbox.fail(faults.proxy_page(code, effect=effect))

    reply = bench.send(key="k")

    assert (reply.status_code, reply.headers["Content-Type"]) == (code, "text/html")
    assert effects(bench) == effect
    assert bench.send(key="k").status_code == 200
    assert effects(bench) == 1


def test_a_200_that_is_not_json(bench):
    bench.sandbox.fail(faults.not_json())

    with pytest.raises(ValueError):
        bench.send().json()
    assert effects(bench) == 1


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (faults.no_references(), {}),
        (
            faults.null_references(),
            {"communicationReference": None, "fileReference": None, "voucherReference": None},
        ),
        (
            faults.wrong_types(),
            {"communicationReference": 12345, "fileReference": ["_67890"], "voucherReference": {}},
        ),
    ],
)
def test_a_200_that_is_not_what_was_promised(bench, fault, body):
    bench.sandbox.fail(fault)

    reply = bench.send(key="k")

    assert (reply.status_code, reply.json()) == (200, body)
    assert effects(bench) == 1
    assert bench.send(key="k").json()["fileReference"] == "_60001"


@pytest.mark.parametrize("code", [202, 204])
def test_an_empty_success_keeps_the_connection_in_step(bench, code):
    bench.sandbox.fail(faults.empty(code))

    reply = bench.send()

    assert (reply.status_code, reply.content) == (code, b"")
    assert bench.send().status_code == 200


def test_a_redirect_to_another_host(bench):
    bench.sandbox.fail(faults.redirect("http://127.0.0.2:9/x"))

    reply = bench.send()

    assert (reply.status_code, reply.headers["Location"]) == (302, "http://127.0.0.2:9/x")
    assert effects(bench) == 0


@pytest.mark.parametrize(
    ("fault", "whole"),
    [
        (faults.reset_before_body(), False),
        (faults.reset_mid_body(), False),
        (faults.stops_reading(0.0), False),
        (faults.reset_before_effect(), True),
    ],
)
def test_a_reset_before_the_effect(bench, fault, whole):
    bench.sandbox.fail(fault)

    bench.lost(key="k")

    assert effects(bench) == 0
    assert [seen.whole for seen in bench.sandbox.requests] == [whole]
    assert bench.send(key="k").status_code == 200


def test_half_of_the_body_is_read(bench):
    bench.sandbox.fail(faults.reset_mid_body())

    bench.lost(content=b"x" * 1_000_000)

    assert bench.sandbox.requests[0].form.content is None


def test_a_reset_is_a_reset_and_no_orderly_end(bench):
    bench.sandbox.fail(faults.reset_before_effect(), endpoint="probe")

    with socket.create_connection(("127.0.0.1", httpx.URL(bench.sandbox.url).port)) as raw:
        raw.sendall(b"GET /api/invoices HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            raw.recv(1)


def test_a_lost_reply_is_replayed_under_its_key(bench):
    bench.sandbox.fail(faults.lost_reply())

    bench.lost(key="k")

    assert bench.send(key="k").json()["communicationReference"] == "_10001"
    assert effects(bench) == 1


def test_a_server_that_dies_before_the_key_is_stored_imports_again(bench):
    bench.sandbox.fail(faults.died_before_key())

    bench.lost(key="k")
    bench.send(key="k")

    assert effects(bench) == 2


def in_background(call):
    """Runs `call` in a thread; what is returned waits for its value."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()

    def result():
        thread.join()
        return found[0]

    return result


def test_a_pause_before_the_effect_lasts_until_release(bench):
    bench.sandbox.fail(faults.delay(before=None))
    result = in_background(bench.send)
    assert bench.sandbox.wait_until(lambda: len(bench.sandbox.requests) == 1)
    assert effects(bench) == 0

    bench.sandbox.release()

    assert result().status_code == 200
    assert effects(bench) == 1


def test_a_pause_after_the_effect_lasts_until_release_and_blocks_nobody_else(bench):
    bench.sandbox.fail(faults.delay(after=None))
    result = in_background(bench.send)
    assert bench.sandbox.wait_until(lambda: effects(bench) == 1)
    assert len(bench.documents()) == 1

    bench.sandbox.release()

    assert result().status_code == 200


def test_a_retry_overtakes_a_paused_request_and_the_key_holds(bench):
    bench.sandbox.fail(faults.delay(before=None))
    first = in_background(lambda: bench.send(key="k"))
    assert bench.sandbox.wait_until(lambda: len(bench.sandbox.requests) == 1)

    second = bench.send(key="k")
    bench.sandbox.release()

    assert first().content == second.content
    assert effects(bench) == 1


def test_a_pause_can_be_of_so_many_seconds(bench):
    bench.sandbox.fail(faults.delay(before=0.001, after=0.001))

    assert bench.send().status_code == 200


def test_a_client_gives_up_on_a_server_that_stops_reading(bench):
    bench.sandbox.fail(faults.stops_reading())
    bench.client.timeout = httpx.Timeout(5, read=0.01, write=0.01)

    bench.lost(content=b"x" * 50_000_000)

    assert [seen.whole for seen in bench.sandbox.requests] == [False]
    assert effects(bench) == 0


@pytest.mark.parametrize("fault", [faults.slow_headers(0.0001), faults.slow_body(0.0001)])
def test_a_slow_reply_is_whole_in_the_end(bench, fault):
    bench.sandbox.fail(fault)

    assert bench.send().json()["fileReference"] == "_60001"


def test_a_cut_reply_with_a_length_is_a_broken_one(bench):
    bench.sandbox.fail(faults.cut())

    bench.lost(key="k")

    assert effects(bench) == 1


def test_a_cut_reply_without_a_length_looks_complete(bench):
    bench.sandbox.fail(faults.cut(framed=False))

    reply = bench.send()

    assert (reply.status_code, reply.headers.get("Content-Length")) == (200, None)
    assert reply.headers["Connection"] == "close"
    with pytest.raises(ValueError):
        reply.json()


def test_a_stale_connection_is_closed_without_a_word(bench):
    bench.sandbox.fail(faults.stale_keep_alive(), endpoint="probe")

    with socket.create_connection(("127.0.0.1", httpx.URL(bench.sandbox.url).port)) as raw:
        raw.sendall(b"GET /api/invoices HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b"".join(iter(lambda: raw.recv(4096), b""))

    assert received.startswith(b"HTTP/1.1 401")
    assert b"connection: close" not in received.lower()


def test_a_late_effect_lands_at_release(bench):
    bench.sandbox.fail(faults.late_effect())
    bench.lost(key="k")
    assert effects(bench) == 0

    bench.sandbox.release()

    assert effects(bench) == 1
    assert bench.send(key="k").json()["communicationReference"] == "_10001"


def test_a_late_effect_lands_by_the_clock(bench):
    bench.sandbox.fail(faults.late_effect(60))
    bench.lost()
    bench.clock.advance(seconds=59)
    assert bench.documents() == []

    bench.clock.advance(seconds=1)

    assert len(bench.documents()) == 1
    assert effects(bench) == 1


@pytest.mark.parametrize(("key", "expected"), [("k", 1), (None, 2)])
def test_a_late_effect_after_the_retry_is_held_back_by_the_key_only(bench, key, expected):
    bench.sandbox.fail(faults.late_effect())
    bench.lost(key=key)
    bench.send(key=key)

    bench.sandbox.release()

    assert effects(bench) == expected


@pytest.mark.parametrize(("key", "expected"), [("k", 1), (None, 2)])
def test_a_repeated_post_is_held_back_by_the_key_only(bench, key, expected):
    bench.sandbox.fail(faults.repeated_post())

    assert bench.send(key=key).status_code == 200
    assert effects(bench) == expected


def test_two_matches_whatever_the_key(bench):
    bench.sandbox.fail(faults.two_matches())

    bench.send(key="k")

    assert len(bench.documents()) == 2


def test_a_forgotten_key_imports_again(bench):
    bench.send(key="k")
    bench.sandbox.fail(faults.key_forgotten())

    bench.send(key="k")

    assert effects(bench) == 2


def test_another_requests_answer(start):
    bench = start(any_invoice=True)
    first = bench.send("RE1", key="1")
    bench.sandbox.fail(faults.another_answer())

    wrong = bench.send("RE2", key="2")

    assert wrong.content == first.content
    assert [held.reference for held in bench.sandbox.effects] == ["RE1", "RE2"]
    assert bench.send("RE2", key="2").json()["communicationReference"] == "_10002"


def test_another_requests_answer_when_there_is_no_other(bench):
    bench.sandbox.fail(faults.another_answer(), times=2)

    assert bench.send().json()["communicationReference"] == "_99991"
    assert bench.send("RE404").status_code == 404


def test_rewritten_bytes(bench):
    bench.sandbox.fail(faults.rewritten_bytes("!"))

    bench.send(content=b"%PDF")

    assert bench.client.get(bench.documents()[0]["publicUrl"]).content == b"%PDF!"
    assert bench.sandbox.requests[0].form.sha256 != bench.sandbox.effects[0].sha256


@pytest.mark.parametrize(("by", "expected"), [(1, [[0, 1], [3]]), (-1, [[0, 1], [1, 2]])])
def test_a_listing_shifts_between_pages(start, by, expected):
    bench = start(invoices=["0", "1", "2", "3"])
    bench.sandbox.add_invoice("v", vouchers=4)
    bench.sandbox.fail(faults.shifted_page(by), endpoint=None, times=None)
    vouchers = [voucher["id"] for voucher in bench.get("/invoices/v/documents", limit=0)]

    def rows(page):
        return [row["reference"] for row in bench.get("/invoices", page=page, pageSize=2)["rows"]]

    def shown(offset):
        return [vouchers.index(held["id"]) for held in bench.get("/invoices/v/documents", limit=2, offset=offset)]

    assert [shown(0), shown(2)] == expected
    assert rows(1) == ["0", "1"]
    assert rows(2)[0] == str(2 + by)


def test_a_failing_readback_and_a_forbidden_file(bench):
    bench.send()
    bench.sandbox.fail(faults.status(500), endpoint="readback")
    bench.sandbox.fail(faults.status(403), endpoint="file", reference="10001", times=None)

    assert bench.client.get("/invoices/RE1/documents").status_code == 500
    url = bench.documents()[0]["publicUrl"]
    assert [bench.client.get(url).status_code for _ in range(2)] == [403, 403]


def test_a_resend_whose_reply_is_lost(bench):
    bench.sandbox.fail(faults.lost_reply(), endpoint="resend")

    with pytest.raises(httpx.TransportError):
        bench.client.post("/invoices/RE1/resendInvoice", json={})

    assert len(bench.sandbox.resends) == 1


def test_a_wrong_and_a_missing_date(bench):
    bench.sandbox.fail(faults.wrong_date(3600))
    bench.sandbox.fail(faults.no_date())

    assert bench.send().headers["Date"] == "Thu, 01 Jan 2026 13:00:00 GMT"
    assert "Date" not in bench.send().headers
    assert "Date" in bench.send().headers


def test_a_fault_of_ones_own(bench):
    bench.sandbox.fail(Fault(name="teapot", reply=Reply(418, b"x", "text/plain"), memory=Memory.FAULTY))

    assert [bench.send(key="k").status_code for _ in range(2)] == [418, 418]


@pytest.mark.parametrize("nonsense", [{"effect": Effect.NEVER}, {"effect": Effect.LATER}, {"memory": Memory.FAULTY}])
def test_a_fault_that_leaves_nothing_to_say_is_refused(nonsense):
    with pytest.raises(ValueError):
        Fault(name="nonsense", **nonsense)
    assert Fault(name="silent", effect=Effect.NEVER, delivery=Delivery.RESET)


def test_the_catalogue_is_complete():
    made = {name for name, value in vars(faults).items() if getattr(value, "__module__", "") == faults.__name__}

    assert {name for name in made if not name.startswith("_")} == set(faults.FAULTS)
    assert faults.FAULTS["wrong_date"](1) == faults.wrong_date(1)
