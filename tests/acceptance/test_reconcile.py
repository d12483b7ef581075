"""`importer reconcile`: the ledger against Abillify, both ways, and a look at what is uncertain. Nothing is sent."""

import hashlib
import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from importer.sandbox import faults
from tests.world import PASSWORD, USER, pdf

AUTH = (USER, PASSWORD)
FIELDS = ["mark", "invoice_reference", "kind", "document", "communication_reference", "detail"]


def imported(world, *names):
    """Files that have gone out; returns what Abillify stored, in the order of the names."""
    for name in names:
        world.drop(name, pdf(name))
    world.importer("backfill", exits=0)
    stored = {effect.filename: effect for effect in world.sandbox.effects}
    return [stored[name] for name in names]


def uploads(world):
    return [request for request in world.sandbox.requests if request.endpoint == "import"]


def by_hand(world, reference, kind="letter", content=b"%PDF-by-hand", **parts):
    """A document that another one than the importer puts on an invoice."""
    answer = httpx.post(
        f"{world.sandbox.base_url}/invoices/{reference}/importExternalDocument",
        auth=AUTH,
        files={"file": ("Brief.pdf", content, "application/pdf")},
        data={"filename": "Brief.pdf", "kind": kind, **parts},
    )
    assert answer.status_code == 200
    return answer.json()


@contextmanager
def answering(respond):
    """A plain HTTP server on loopback; `respond(path, headers)` gives status and body. Yields its URL and the paths."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, body = respond(self.path, self.headers)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


# ---------------------------------------------------------------- both ways


@pytest.mark.parametrize("underscore", [False, True], ids=["plain ids", "ids with _"])
@pytest.mark.parametrize("echo", [True, False], ids=["texts", "null texts"])
def test_what_is_in_both_is_alike_however_ids_and_texts_come_back(world, underscore, echo):
    imported(world, "RE10001.pdf", "1. Mahnung RE10001.pdf", "RE10002.pdf")
    world.sandbox.change(underscore=underscore, echo=echo)
    told = world.json("reconcile", "--bytes", exits=0)
    assert [list(line) for line in told] == [FIELDS] * 3
    assert {line["mark"] for line in told} == {"="}
    assert sorted((line["invoice_reference"], line["kind"]) for line in told) == [
        ("RE10001", "dunning1"),
        ("RE10001", "invoice"),
        ("RE10002", "invoice"),
    ]
    known = {document["id"]: document["communication_reference"] for document in world.documents()}
    assert {line["document"]: line["communication_reference"] for line in told} == known


def test_every_discrepancy_has_its_mark(world):
    names = ["RE10001.pdf", "RE10002.pdf", "RE10003.pdf"]
    _, deleted, rewritten = imported(world, *names)
    ids = {document["path"]: document["id"] for document in world.documents()}
    added = by_hand(world, "RE10001", label="Von Hand")
    world.sandbox.delete(deleted.id)
    world.sandbox.rewrite(rewritten.id, b"%PDF-other")
    told = world.json("reconcile", "--bytes", exits=3)
    assert sorted((line["mark"], line["invoice_reference"], line["document"]) for line in told if line["document"]) == [
        ("*", "RE10003", ids["RE10003.pdf"]),
        ("-", "RE10002", ids["RE10002.pdf"]),
        ("=", "RE10001", ids["RE10001.pdf"]),
    ]
    (stranger,) = [line for line in told if line["document"] is None]
    assert (stranger["mark"], stranger["invoice_reference"], stranger["kind"]) == ("+", "RE10001", "letter")
    assert stranger["communication_reference"] == added["communicationReference"].lstrip("_")
    assert "Von Hand" in stranger["detail"]
    (different,) = [line for line in told if line["mark"] == "*"]
    assert hashlib.sha256(b"%PDF-other").hexdigest() in different["detail"]
    assert len(uploads(world)) == len(names) + 1, "nothing was sent but by hand"


def test_bytes_are_compared_only_on_request(world):
    (stored,) = imported(world, "RE10001.pdf")
    world.sandbox.rewrite(stored.id, b"%PDF-other")
    world.importer("reconcile", exits=0)
    assert [request for request in world.sandbox.requests if request.endpoint == "file"] == []
    world.importer("reconcile", "--bytes", exits=3)


def test_a_second_copy_at_abillify_is_seen(world):
    (stored,) = imported(world, "RE10001.pdf")
    copy = world.sandbox.duplicate(stored.id)
    told = world.json("reconcile", exits=3)
    assert [(line["mark"], line["communication_reference"]) for line in told] == [
        ("=", f"_{stored.id}"),
        ("+", copy.id),
    ]


def test_another_kind_and_another_voucher_are_told(world):
    (stored,) = imported(world, "RE10001.pdf")
    listed = httpx.get(f"{world.sandbox.base_url}/invoices/RE10001/documents", auth=AUTH).json()
    listed[0]["communications"][0]["kind"] = "letter"
    listed[0]["id"] = "777"
    with answering(lambda path, _: (200, json.dumps(listed if "/documents" in path else {"rows": []}).encode())) as (
        url,
        _,
    ):
        world.environ["IMPORTER_API__BASE_URL"] = f"{url}/api"
        (told,) = world.json("reconcile", exits=3)
    assert told["mark"] == "*"
    assert told["detail"] == (
        f"kind is letter at Abillify, invoice in the ledger; "
        f"voucher reference is 777 at Abillify, {stored.voucher} in the ledger"
    )


def test_an_invoice_that_is_gone_misses_its_documents(world):
    imported(world, "RE10001.pdf")
    world.sandbox.fail(faults.status(404), endpoint="readback", times=None)
    (told,) = world.json("reconcile", exits=3)
    assert (told["mark"], told["document"]) == ("-", "D1")
    assert "no such invoice" in told["detail"]


def test_hundreds_of_documents_on_one_invoice(world):
    levels = (f"{level}. Mahnung RE10001.pdf" for level in (1, 2, 3, 4))
    imported(world, "RE10001.pdf", *levels)
    (first, *_) = world.sandbox.communications
    copies = [world.sandbox.duplicate(first.id).id for _ in range(400)]
    told = world.json("reconcile", exits=3)
    assert sum(line["mark"] == "=" for line in told) == 5
    assert [line["communication_reference"] for line in told if line["mark"] == "+"] == copies


@pytest.mark.parametrize("cut", [1, 3, 100])
def test_a_listing_cut_into_pages_is_read_whole(world, cut):
    """The server serves no more vouchers at once than it wants to, whatever the limit asks for."""
    world.sandbox.add_invoice("RE10001", vouchers=7)  # an import goes to the last one, on the last page
    imported(world, "RE10001.pdf", "Brief RE10001.pdf")

    def paged(path, headers):
        passed_on = {"Authorization": headers["Authorization"]}
        answer = httpx.get(f"{world.sandbox.url}{path}", headers=passed_on)
        if "/documents" not in path:
            return answer.status_code, answer.content
        return 200, json.dumps(answer.json()[:cut]).encode()

    with answering(paged) as (url, asked):
        world.environ["IMPORTER_API__BASE_URL"] = f"{url}/api"
        told = world.json("reconcile", exits=0)
    assert [line["mark"] for line in told] == ["=", "="]
    assert cut > 7 or any("offset=6" in path for path in asked)


def test_only_what_was_imported_since_a_date(world):
    imported(world, "RE10001.pdf")
    assert len(world.json("reconcile", "--since", "2020-01-01", exits=0)) == 1
    assert world.json("reconcile", "--since", "2999-01-01", exits=0) == []


def test_a_document_imported_earlier_is_no_stranger_beside_a_later_one(world):
    imported(world, "RE10001.pdf")
    between = datetime.now(UTC).isoformat()
    imported(world, "Brief RE10001.pdf")
    (told,) = world.json("reconcile", "--since", between, exits=0)
    assert (told["mark"], told["kind"]) == ("=", "letter")


def test_for_a_person_each_line_begins_with_its_mark_and_the_summary_is_apart(world):
    imported(world, "RE10001.pdf")
    by_hand(world, "RE10001")
    done = world.importer("reconcile", exits=3)
    alike, stranger = done.stdout.splitlines()
    assert alike.startswith("= RE10001 invoice D1 _")
    assert stranger.startswith("+ RE10001 letter ")
    assert "1 alike (=), 1 only at Abillify (+), 0 missing at Abillify (-)" in done.stderr


# ---------------------------------------------------------------- what cannot be checked


def test_a_listing_that_fails_is_told_and_the_others_are_checked(world):
    imported(world, "RE10001.pdf", "RE10002.pdf")
    world.sandbox.fail(faults.status(500), endpoint="readback", reference="RE10001", times=None)
    told = {line["invoice_reference"]: line for line in world.json("reconcile", exits=4)}
    assert told["RE10001"]["mark"] == "!"
    assert "500" in told["RE10001"]["detail"]
    assert told["RE10002"]["mark"] == "="


def test_a_discrepancy_outweighs_what_could_not_be_checked(world):
    _, deleted = imported(world, "RE10001.pdf", "RE10002.pdf")
    world.sandbox.fail(faults.status(500), endpoint="readback", reference="RE10001", times=None)
    world.sandbox.delete(deleted.id)
    assert {line["mark"] for line in world.json("reconcile", exits=3)} == {"!", "-"}


@pytest.mark.parametrize("elsewhere", [None, "foreign"])
def test_bytes_that_are_not_on_the_configured_host_are_not_fetched(world, elsewhere):
    imported(world, "RE10001.pdf")
    with answering(lambda *_: (200, b"")) as (foreign, asked):
        world.sandbox.change(public_url=elsewhere and foreign)
        listed = httpx.get(f"{world.sandbox.base_url}/invoices/RE10001/documents", auth=AUTH).json()
        address = listed[0]["communications"][0]["publicUrl"]
        assert address is None or address.startswith(foreign)
        (told,) = world.json("reconcile", "--bytes", exits=4)
    assert told["mark"] == "!"
    assert "configured host" in told["detail"]
    assert asked == [], "neither the credentials nor anything else went to another host"


def test_refused_credentials_end_it_before_anything_else_is_asked(world):
    imported(world, "RE10001.pdf", "RE10002.pdf")
    before = len(world.sandbox.requests)
    world.environ["IMPORTER_API__PASSWORD"] = "wrong"
    done = world.importer("reconcile", exits=5)
    assert done.stdout == ""
    assert "credentials" in done.stderr
    assert [request.endpoint for request in world.sandbox.requests[before:]] == ["probe"]


def test_credentials_refused_on_the_way_do_not_become_a_thousand(world):
    imported(world, *(f"RE1000{number}.pdf" for number in range(6)))
    before = len(world.sandbox.requests)
    world.sandbox.fail(faults.status(401), endpoint="readback", times=None)
    world.sandbox.fail(faults.none(), endpoint="probe", times=1)
    world.sandbox.fail(faults.status(401), endpoint="probe", times=None)
    told = world.json("reconcile", exits=5)
    assert [line["mark"] for line in told] == ["!"] * 6
    assert [request.endpoint for request in world.sandbox.requests[before:]] == ["probe", "readback", "probe"]


def test_one_forbidden_invoice_does_not_hide_the_others(world):
    imported(world, "RE10001.pdf", "RE10002.pdf")
    world.sandbox.fail(faults.status(403), endpoint="readback", reference="RE10001", times=None)
    marks = {line["invoice_reference"]: line["mark"] for line in world.json("reconcile", exits=4)}
    assert marks == {"RE10001": "!", "RE10002": "="}


def test_a_server_that_asks_for_patience_gets_it(world):
    imported(world, *(f"RE1000{number}.pdf" for number in range(6)))
    before = len(world.sandbox.requests)
    world.sandbox.fail(faults.status(429, retry_after=60), endpoint="readback", times=None)
    assert [line["mark"] for line in world.json("reconcile", exits=4)] == ["!"] * 6
    assert [request.endpoint for request in world.sandbox.requests[before:]] == ["probe", "readback"]


def test_without_abillify_nothing_is_checked_and_that_is_said(world):
    imported(world, "RE10001.pdf", "RE10002.pdf")
    world.environ["IMPORTER_API__BASE_URL"] = "http://127.0.0.1:9/api"
    told = world.json("reconcile", exits=4)
    assert [line["mark"] for line in told] == ["!", "!"]
    assert all("does not answer" in line["detail"] for line in told)


# ---------------------------------------------------------------- what is uncertain


@pytest.fixture
def in_doubt(world):
    """Leaves one document whose only upload ended as `fault` says, while the list of documents failed."""

    def leave(fault):
        world.environ["IMPORTER_SCHEDULE__BACKOFF"] = "1h..1h"
        world.sandbox.fail(fault, endpoint="import", times=1)
        world.drop("RE10001.pdf", pdf("in doubt"))
        (told,) = world.json("backfill", "--wait", "0s", exits=4)
        assert told["state"] == "uncertain"
        assert told["next_attempt_at"] is not None
        return told

    return leave


def test_an_uncertain_document_that_is_there_is_imported_before_its_time(world, in_doubt):
    in_doubt(faults.lost_reply())
    (line,) = world.json("reconcile", exits=0)
    assert (line["mark"], line["document"]) == ("=", "D1")
    (told,) = world.documents()
    assert (told["state"], told["references_from"]) == ("imported", "readback")
    assert "/archive/" in told["location"]
    assert len(uploads(world)) == 1


def test_an_uncertain_document_that_is_absent_is_not_sent_but_left_due_at_once(world, in_doubt):
    in_doubt(faults.reset_before_effect())
    (line,) = world.json("reconcile", exits=4)
    assert (line["mark"], line["document"]) == ("!", "D1")
    assert "uncertain" in line["detail"]
    assert len(uploads(world)) == 1
    # The next run does not wait for the hour that the back-off would have taken
    (told,) = world.json("backfill", "--wait", "0s", exits=0)
    assert told["state"] == "imported"
    assert len(world.sandbox.effects) == 1


def test_an_absence_that_is_proved_here_is_sent_by_the_next_run_under_a_new_key(world, in_doubt):
    in_doubt(faults.status(500, remembered=True))
    world.environ["IMPORTER_API__KEY_LIFETIME"] = "0s"
    world.sandbox.change(date_skew=2.0)  # its clock tells whole seconds only
    world.importer("reconcile", exits=4)
    world.sandbox.change(date_skew=4.0)
    (line,) = world.json("reconcile", exits=4)
    assert "next run sends it" in line["detail"]
    assert world.documents()[0]["state"] == "pending"
    assert len(uploads(world)) == 1
    world.environ["IMPORTER_API__KEY_LIFETIME"] = "20h"
    (told,) = world.json("backfill", "--wait", "0s", exits=0)
    assert told["state"] == "imported"
    assert [request.key.rpartition(":")[2] for request in uploads(world)] == ["1", "2"]


def test_an_uncertain_document_that_cannot_be_told_is_held_with_both_possibilities(world, in_doubt):
    in_doubt(faults.lost_reply())
    world.sandbox.duplicate(world.sandbox.effects[0].id)
    (line,) = world.json("reconcile", exits=3)
    assert (line["mark"], line["document"]) == ("!", "D1")
    assert "importer resolve D1 --imported" in line["detail"]
    assert "importer resolve D1 --not-imported" in line["detail"]
    (told,) = world.documents()
    assert (told["state"], told["reason"]["code"]) == ("held", "readback_unclear")
    assert "/held/" in told["location"]


def test_what_may_be_an_upload_in_doubt_is_no_stranger(world, in_doubt):
    imported(world, "Brief RE10001.pdf")
    in_doubt(faults.lost_reply())
    world.sandbox.fail(faults.status(500), endpoint="readback", times=1)  # the read-back fails, the check does not
    told = world.json("reconcile", exits=4)
    assert [(line["mark"], line["document"]) for line in told] == [("!", "D2"), ("=", "D1"), ("!", None)]
    assert "may be D2, which is uncertain" in told[-1]["detail"]


def test_a_document_that_somebody_works_on_is_left_alone(world):
    world.sandbox.fail(faults.delay(after=None), endpoint="import", times=1)
    world.drop("RE10001.pdf")
    with world.running() as service:
        assert world.sandbox.wait_until(lambda: bool(uploads(world)), 30)
        assert world.json("reconcile", exits=0) == []
        assert world.documents()[0]["state"] == "sending"
        world.sandbox.release()
        service.wait_for("document.imported")


def test_what_a_killed_importer_left_behind_is_looked_up_too(world):
    world.sandbox.fail(faults.delay(after=None), endpoint="import", times=1)
    world.drop("RE10001.pdf")
    with world.running() as service:
        assert world.sandbox.wait_until(lambda: bool(uploads(world)), 30)
        service.kill()
    world.sandbox.release()
    (line,) = world.json("reconcile", exits=0)
    assert line["mark"] == "="
    assert len(world.sandbox.effects) == 1
