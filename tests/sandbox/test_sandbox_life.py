"""Start, end, reset, the control door, and the process of its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from importer.sandbox import Sandbox, faults, serve


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "8.8.8.8", ""])
def test_it_refuses_to_listen_on_anything_but_loopback(host):
    with pytest.raises(ValueError):
        Sandbox(host=host)


def test_an_unknown_switch_is_refused():
    with pytest.raises(TypeError):
        Sandbox(no_such_switch=True)


def test_a_closed_sandbox_refuses_connections_and_keeps_what_it_holds(bench):
    bench.send()
    bench.sandbox.close()
    bench.sandbox.close()

    with pytest.raises(httpx.ConnectError):
        bench.send()
    assert len(bench.sandbox.effects) == 1


def test_a_sandbox_comes_back_on_its_port_with_its_memory(bench):
    first, url = bench.send(key="k"), bench.sandbox.base_url
    bench.sandbox.close()
    bench.sandbox.start()

    assert bench.sandbox.base_url == url
    assert bench.send(key="k").content == first.content
    bench.sandbox.fail(faults.delay(after=0.001))
    assert bench.send().status_code == 200


def test_a_taken_port_is_an_error(bench):
    port = httpx.URL(bench.sandbox.url).port

    with pytest.raises(OSError):
        Sandbox(port=port).start()


def test_closing_ends_idle_half_sent_and_paused_requests(bench):
    bench.sandbox.fail(faults.delay(before=None))
    address = ("127.0.0.1", httpx.URL(bench.sandbox.url).port)
    paused = threading.Thread(target=bench.lost)
    paused.start()
    with socket.create_connection(address), socket.create_connection(address) as half:
        assert bench.sandbox.wait_until(lambda: len(bench.sandbox.requests) == 1)  # the fault is taken
        half.sendall(b"POST /api/invoices/RE1/importExternalDocument HTTP/1.1\r\nContent-Length: 9\r\n\r\nx")

        bench.sandbox.close()

    paused.join()
    assert bench.sandbox.effects == ()


def test_threads_end_with_the_sandbox():
    before = threading.active_count()
    for _ in range(20):
        with Sandbox() as sandbox, httpx.Client(base_url=sandbox.base_url, trust_env=False) as client:
            client.get("/invoices")
            client.get("/invoices")

    assert threading.active_count() == before


def test_a_half_sent_import_has_no_effect(bench):
    with socket.create_connection(("127.0.0.1", httpx.URL(bench.sandbox.url).port)) as half:
        half.sendall(b"POST /api/invoices/RE1/importExternalDocument HTTP/1.1\r\nContent-Length: 9\r\n\r\nx")

    assert bench.sandbox.wait_until(lambda: len(bench.sandbox.requests) == 1)
    assert not bench.sandbox.requests[0].whole
    assert bench.sandbox.effects == ()


def test_reset_begins_anew_on_the_same_port(bench):
    bench.send(key="k")
    bench.sandbox.fail(faults.status(500), times=None)
    bench.sandbox.change(echo=False)

    bench.sandbox.reset(seed=7)

    assert (bench.sandbox.requests, bench.sandbox.effects) == ((), ())
    assert bench.sandbox.behaviour.echo
    assert bench.send(key="k").json()["communicationReference"] == "_10001"


def test_reset_cuts_off_what_is_under_way(bench):
    bench.sandbox.fail(faults.delay(before=None))
    paused = threading.Thread(target=bench.lost)
    paused.start()
    assert bench.sandbox.wait_until(lambda: len(bench.sandbox.requests) == 1)

    bench.sandbox.reset()

    paused.join()
    assert bench.sandbox.effects == ()


def test_one_key_has_one_effect_however_many_send_it(bench):
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: bench.send(key="k").content, range(40)))

    assert len(set(replies)) == 1
    assert len(bench.sandbox.effects) == 1
    assert sorted(seen.number for seen in bench.sandbox.requests) == list(range(40))


def test_wait_until_gives_up(bench):
    assert not bench.sandbox.wait_until(lambda: False, timeout=0)


def test_a_fault_for_an_endpoint_that_does_not_exist_is_refused(bench):
    with pytest.raises(ValueError):
        bench.sandbox.fail(faults.none(), endpoint="upload")


def test_clear_switches_faults_off(bench):
    bench.sandbox.fail(faults.status(500), times=None)
    bench.sandbox.clear()

    assert bench.send().status_code == 200


def door(bench, method, path, body=None):
    return httpx.request(method, f"{bench.sandbox.url}/_sandbox/{path}", json=body, trust_env=False)


def test_the_door_switches_faults(bench):
    switched = door(bench, "POST", "faults", {"fault": "status", "arguments": {"code": 429, "retry_after": 3}})

    assert switched.json() == ["status_429"]
    assert bench.send().headers["Retry-After"] == "3"
    assert bench.send().status_code == 200


def test_the_door_takes_a_list_and_clears_it(bench):
    lasting = {"fault": "status", "arguments": {"code": 500}, "endpoint": None, "times": None}
    door(bench, "POST", "faults", [{"fault": "none"}, lasting])
    assert [bench.send().status_code for _ in range(3)] == [200, 500, 500]

    door(bench, "DELETE", "faults")

    assert bench.send().status_code == 200


def test_the_door_shows_requests_and_effects_without_secrets(bench):
    bench.send(key="k", label="L")
    bench.client.post("/invoices/RE1/resendInvoice", json={})

    state = door(bench, "GET", "state").json()

    first, second = state["requests"]
    assert (first["endpoint"], first["reference"], first["key"], first["label"]) == ("import", "RE1", "k", "L")
    assert first["fields"] == ["filename", "kind", "label", "file"]
    assert state["effects"][0]["sha256"] == first["sha256"]
    assert state["resends"] == [second]
    assert state["communications"] == ["10001"]
    assert first["authorization"] is True
    assert (first["status"], second["status"]) == (200, 200)


def test_a_request_keeps_the_status_of_a_reply_that_went_out_whole(bench):
    bench.sandbox.fail(faults.status(422))
    bench.sandbox.fail(faults.cut())
    bench.sandbox.fail(faults.lost_reply())
    assert bench.send().status_code == 422
    for _ in range(2):
        bench.lost()
    assert bench.send().status_code == 200
    assert [seen.status for seen in bench.sandbox.requests] == [422, None, None, 200]


def test_the_door_adds_invoices(bench):
    one = {"reference": "RE7", "vouchers": 2, "fields": {"currency": "USD"}}
    assert door(bench, "POST", "invoices", one).json() == ["RE7"]
    assert door(bench, "POST", "invoices", [{"reference": "RE8"}, {"reference": "RE9"}]).json() == ["RE8", "RE9"]

    assert bench.get("/invoices/RE7")["currency"] == "USD"
    assert bench.send("RE9").status_code == 200


def test_the_door_changes_behaviour_releases_and_deletes(bench):
    door(bench, "POST", "behaviour", {"echo": False})
    door(bench, "POST", "faults", {"fault": "late_effect"})
    bench.lost()

    door(bench, "POST", "release")

    assert bench.documents()[0]["label"] is None
    assert door(bench, "DELETE", "communications/10001").json() == {"deleted": "10001"}
    assert bench.documents() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "faults", {"fault": "no_such"}, 400),
        ("POST", "faults", {"fault": "cut", "arguments": {"no": 1}}, 400),
        ("POST", "faults", {"fault": "cut", "endpoint": "upload"}, 400),
        ("POST", "faults", None, 400),
        ("POST", "behaviour", {"no_such": 1}, 400),
        ("POST", "invoices", {"id": 1}, 400),
        ("DELETE", "communications/1", None, 400),
        ("GET", "nothing", None, 404),
    ],
)
def test_the_door_says_what_it_does_not_understand(bench, method, path, body, status):
    reply = door(bench, method, path, body)

    assert (reply.status_code, reply.json()["code"]) == (status, status)
    assert reply.json()["message"]
    assert bench.sandbox.requests == ()


def test_serve_announces_its_url_and_ends_on_interrupt():
    seen = []

    def announce(url):
        seen.append(httpx.get(f"{url}/invoices", trust_env=False).status_code)
        raise KeyboardInterrupt

    sandbox = Sandbox()
    serve(sandbox, announce=announce)

    assert seen == [401]
    with pytest.raises(httpx.ConnectError):
        httpx.get(sandbox.base_url, trust_env=False)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_process_of_its_own(ending):
    arguments = ["--port", "0", "--user", "u", "--password", "p", "--invoice", "RE1", "--invoice", "RE2"]
    command = [sys.executable, "-W", "error", "-m", "importer.sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, auth=("u", "p"), trust_env=False) as client:
            statuses = [client.get(f"/invoices/{reference}").status_code for reference in ("RE1", "RE2", "RE3")]
            os.kill(process.pid, ending)
            rest = process.communicate()

    assert statuses == [200, 200, 404]
    assert (process.returncode, rest) == (0, ("", ""))


def test_a_process_where_any_invoice_exists():
    command = [sys.executable, "-m", "importer.sandbox", "--port", "0", "--any-invoice"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        reply = httpx.get(f"{url}/invoices/RE1", auth=("sandbox", "sandbox"), trust_env=False)
        process.terminate()

    assert (reply.status_code, process.returncode) == (200, 0)


def test_it_stands_alone():
    script = (
        "import sys, importer.sandbox.__main__ as m; "
        "ours = {n for n in sys.modules if n.startswith('importer.') and not n.startswith('importer.sandbox')}; "
        "foreign = {n.partition('.')[0] for n in sys.modules} & {'httpx', 'pydantic', 'sqlalchemy', 'click'}; "
        "print(sorted(ours | foreign))"
    )

    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "[]\n"
