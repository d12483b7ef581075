"""The import as the vendor documents it: references, validation, credentials, idempotency."""

import hashlib

import httpx
import pytest


def test_an_import_answers_with_three_references(bench):
    reply = bench.send()

    assert reply.status_code == 200
    assert reply.json() == {
        "communicationReference": "_10001",
        "fileReference": "_60001",
        "voucherReference": "_1001",
    }


def test_what_is_stored_is_what_was_sent(bench):
    content = b"\r\n--x\r\n\r\n\x00\xff\n"

    bench.send(content=content, kind="dunning2", label="Mahnung 2 für Müller", description="sha256:1")

    (stored,) = bench.sandbox.effects
    assert stored.content == content
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert (stored.kind, stored.label, stored.description) == ("dunning2", "Mahnung 2 für Müller", "sha256:1")
    assert (stored.reference, stored.filename, stored.stored) == ("RE1", "invoice.pdf", bench.clock.now)


def test_an_uploaded_mail_is_not_taken_apart(bench):
    mail = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n'

    bench.send(content=mail, filename="mail.EML", kind="email")

    assert bench.sandbox.effects[0].content == mail


def test_the_same_document_is_stored_every_time_without_a_key(bench):
    first, second = bench.send(), bench.send()

    assert first.json() != second.json()
    assert len(bench.sandbox.effects) == 2


@pytest.mark.parametrize("reference", ["RE/2026/1", "RE 1", "RE%2F1", "Ä?#&=+1", "a..b", "a\nb"])
def test_a_reference_is_one_decoded_segment(start, reference):
    bench = start(invoices=[reference])

    assert bench.send(reference).status_code == 200
    assert bench.sandbox.effects[0].reference == reference
    assert bench.sandbox.requests[0].reference == reference
    assert len(bench.documents(reference)) == 1


def test_an_unknown_invoice_is_refused_until_it_is_there(bench):
    refused = bench.send("RE2")
    bench.sandbox.add_invoice("RE2")

    assert (refused.status_code, refused.json()["name"]) == (404, "NotFound")
    assert bench.send("RE2").status_code == 200
    assert len(bench.sandbox.effects) == 1


def test_any_invoice_exists_but_the_unknown_ones(start):
    bench = start(any_invoice=True, unknown=["RE404"])

    assert bench.send("whatever").status_code == 200
    assert bench.send("RE404").status_code == 404
    bench.sandbox.add_invoice("RE404")
    assert bench.send("RE404").status_code == 200


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ({"kind": "bill"}, [["kind"]]),
        ({"kind": ""}, [["kind"]]),
        ({"filename": "invoice.txt"}, [["filename"]]),
        ({"filename": "pdf"}, [["filename"]]),
        ({"filename": ".pdf"}, [["filename"]]),
        ({"kind": "INVOICE", "filename": ""}, [["kind"], ["filename"]]),
    ],
)
def test_a_refusal_names_every_field(bench, data, fields):
    reply = bench.send(**data)

    body = reply.json()
    assert (reply.status_code, body["code"], body["name"], body["type"]) == (
        400,
        400,
        "ClientError",
        "ERR_INVALID_VALUE",
    )
    assert [detail["fields"] for detail in body["details"]] == fields
    assert all(detail["error"] and detail["hint"] for detail in body["details"])
    assert bench.sandbox.effects == ()


@pytest.mark.parametrize(
    "kind", ["invoice", "creditnote", "reminder", "dunning1", "dunning2", "dunning3", "dunning4", "email", "letter"]
)
def test_every_documented_kind_is_taken(bench, kind):
    assert bench.send(kind=kind).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nno blank line\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: b\r\n\r\nno name\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="kind"\r\n\r\ninvoice\r\n'),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="k"\r\n\r\n\xff\r\n--x--\r\n',
        ),
    ],
)
def test_a_body_that_is_no_form_is_refused(bench, content_type, body):
    reply = bench.client.post(
        "/invoices/RE1/importExternalDocument", content=body, headers={"Content-Type": content_type}
    )

    assert reply.status_code == 400
    assert bench.sandbox.requests[0].form.content is None
    assert bench.sandbox.effects == ()


def test_a_form_without_a_file_is_refused(bench):
    body = b'--x\r\nContent-Disposition: form-data; name="kind"\r\n\r\ninvoice\r\n--x--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}

    reply = bench.client.post("/invoices/RE1/importExternalDocument", content=body, headers=kind)

    assert ["file"] in [detail["fields"] for detail in reply.json()["details"]]
    assert bench.sandbox.requests[0].form.kind == "invoice"


def test_a_body_of_unknown_length_is_refused(bench):
    reply = bench.client.post("/invoices/RE1/importExternalDocument", content=iter([b"x"]))

    assert reply.status_code == 411


@pytest.mark.parametrize("auth", [None, ("sandbox", "wrong"), ("other", "sandbox"), ("sandbox", "")])
def test_wrong_credentials_are_refused(bench, auth):
    with httpx.Client(base_url=bench.sandbox.base_url, auth=auth, trust_env=False) as stranger:
        reply = stranger.get("/invoices/RE1")

    assert (reply.status_code, reply.json()["name"]) == (401, "Unauthorized")
    (seen,) = bench.sandbox.requests
    assert (seen.authorization, seen.authorized) == (auth is not None, False)


@pytest.mark.parametrize("header", ["Basic ???", "Basic", "Bearer c2FuZGJveDpzYW5kYm94", "Basic c2FuZGJveA=="])
def test_a_malformed_authorization_is_refused(bench, header):
    reply = httpx.get(f"{bench.sandbox.base_url}/invoices", headers={"Authorization": header}, trust_env=False)

    assert reply.status_code == 401


def test_credentials_are_configurable_and_change_in_flight(start):
    bench = start(username="üser", password="p:w")
    bench.client.auth = httpx.BasicAuth("üser", "p:w")

    assert bench.send().status_code == 200
    bench.sandbox.change(password="rotated")
    assert bench.send().status_code == 401


def test_the_same_key_has_one_effect_and_one_answer(bench):
    first, second = bench.send(key="k"), bench.send(key="k")

    assert first.content == second.content
    assert len(bench.sandbox.effects) == 1
    assert [seen.key for seen in bench.sandbox.requests] == ["k", "k"]


def test_a_key_is_good_for_24_hours_after_the_first_request(bench):
    first = bench.send(key="k")
    bench.clock.advance(hours=23)
    assert bench.send(key="k").content == first.content
    bench.clock.advance(minutes=59, seconds=59)
    assert bench.send(key="k").content == first.content

    bench.clock.advance(seconds=1)

    assert bench.send(key="k").content != first.content
    assert len(bench.sandbox.effects) == 2


def test_key_lifetime_and_memory_can_be_cut_short(start):
    bench = start(key_lifetime=60)
    bench.send(key="k")
    bench.clock.advance(seconds=60)
    bench.send(key="k")
    bench.sandbox.forget_keys()
    bench.send(key="k")

    assert len(bench.sandbox.effects) == 3


def test_a_refusal_is_not_remembered(bench):
    assert bench.send("RE2", key="k").status_code == 404
    assert bench.send(key="l", kind="bill").status_code == 400
    bench.sandbox.add_invoice("RE2")

    assert bench.send("RE2", key="k").status_code == 200
    assert bench.send(key="l").status_code == 200


def test_a_refusal_is_remembered_where_asked(start):
    bench = start(remember_refusals=True)
    refused = bench.send("RE2", key="k")
    bench.sandbox.add_invoice("RE2")

    assert bench.send("RE2", key="k").content == refused.content
    assert bench.sandbox.effects == ()


def test_a_remembered_answer_is_for_the_authorized_only(bench):
    bench.send(key="k")
    bench.client.auth = httpx.BasicAuth("sandbox", "wrong")

    assert bench.send(key="k").status_code == 401


def test_a_key_has_at_most_255_characters(bench):
    assert bench.send(key="k" * 255).status_code == 200
    assert bench.send(key="k" * 256).json()["details"][0]["fields"] == ["Idempotency-Key"]


def test_requests_are_recorded_for_a_checker(bench):
    bench.send(key="k", label="L", description="D")

    (seen,) = bench.sandbox.requests
    assert (seen.number, seen.method, seen.path) == (0, "POST", "/api/invoices/RE1/importExternalDocument")
    assert (seen.endpoint, seen.reference, seen.key, seen.fault) == ("import", "RE1", "k", "none")
    assert (seen.authorization, seen.authorized, seen.whole, seen.received) == (True, True, True, bench.clock.now)
    assert seen.form.fields == ("filename", "kind", "label", "description", "file")
    assert (seen.form.filename, seen.form.kind, seen.form.label) == ("invoice.pdf", "invoice", "L")
    assert seen.form.sha256 == bench.sandbox.effects[0].sha256
    assert bench.sandbox.effects[0].request == seen.number


def test_resend_is_recorded_and_idempotent(bench):
    first = bench.client.post("/invoices/RE1/resendInvoice", json={}, headers={"Idempotency-Key": "k"})
    again = bench.client.post("/invoices/RE1/resendInvoice", json={}, headers={"Idempotency-Key": "k"})
    other = bench.client.post("/invoices/RE1/resendInvoice", json={})

    assert first.json() == {"job": "1", "result": "OK", "resultcode": "0"}
    assert again.content == first.content
    assert other.json()["job"] == "2"
    assert [seen.reference for seen in bench.sandbox.resends] == ["RE1", "RE1"]
    assert bench.client.post("/invoices/RE2/resendInvoice", json={}).status_code == 404
