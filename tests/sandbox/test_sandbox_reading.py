"""Read-back, invoices, payments and lists."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest


def test_the_readback_has_the_documented_shape(bench):
    bench.send(label="L", description="C", kind="letter")

    (voucher,) = bench.get("/invoices/RE1/documents")
    (communication,) = voucher.pop("communications")
    assert voucher == {"id": "1001", "issued": "2026-01-01T12:00:00.000Z", "kind": "", "reference": "RE1"}
    assert communication == {
        "id": "10001",
        "created": "2026-01-01T12:00:00.000Z",
        "kind": "letter",
        "label": "L",
        "comment": "C",
        "file": "60001",
        "data": {},
        "publicUrl": f"{bench.sandbox.base_url}/v1/communication/10001/file",
    }


def test_without_a_label_the_readback_shows_the_file_name(bench):
    bench.send()

    (held,) = bench.documents()
    assert (held["label"], held["comment"]) == ("invoice.pdf", None)


def test_what_is_unspecified_about_the_readback_can_be_switched(bench):
    bench.send(label="L", description="C")
    bench.sandbox.change(underscore=True, echo=False, public_url=None)

    (held,) = bench.documents()
    assert (held["id"], held["file"], held["label"], held["comment"]) == ("_10001", "_60001", None, None)
    assert held["publicUrl"] is None


def test_public_url_serves_the_bytes(bench):
    bench.send(content=b"%PDF-1")

    reply = bench.client.get(bench.documents()[0]["publicUrl"])
    assert (reply.content, reply.headers["Content-Type"]) == (b"%PDF-1", "application/pdf")


def test_public_url_of_a_mail(bench):
    bench.send(content=b"From: a\r\n\r\n", filename="a.eml", kind="email")

    assert bench.client.get(bench.documents()[0]["publicUrl"]).headers["Content-Type"] == "message/rfc822"


@pytest.mark.parametrize(("public_auth", "status"), [(True, 401), (False, 200)])
def test_public_url_may_want_the_credentials(start, public_auth, status):
    bench = start(public_auth=public_auth)
    bench.send()

    assert httpx.get(bench.documents()[0]["publicUrl"], trust_env=False).status_code == status


def test_public_url_on_a_foreign_host_shows_who_sends_credentials_there(start):
    bench, foreign = start(), start()
    bench.sandbox.change(public_url=foreign.sandbox.url)
    bench.send()

    url = bench.documents()[0]["publicUrl"]
    assert url == f"{foreign.sandbox.url}/api/v1/communication/10001/file"
    assert httpx.get(url, trust_env=False).status_code == 401
    assert [seen.authorization for seen in foreign.sandbox.requests] == [False]


def test_an_unknown_file_is_not_found(bench):
    assert bench.client.get("/v1/communication/1/file").status_code == 404


def test_an_import_shows_only_after_the_lag(start):
    bench = start(readback_lag=60)
    bench.send()
    assert bench.documents() == []
    bench.clock.advance(seconds=59)
    assert bench.documents() == []

    bench.clock.advance(seconds=1)

    assert len(bench.documents()) == 1


def test_vouchers_are_paged(bench):
    bench.sandbox.add_invoice("RE9", vouchers=25)

    def ids(**query):
        return [voucher["id"] for voucher in bench.get("/invoices/RE9/documents", **query)]

    everything = ids(limit=0)
    assert len(everything) == 25
    assert ids() == everything[:20]
    assert ids(limit=10, offset=20) == everything[20:]
    assert ids(limit=0, offset=24) == everything[24:]
    assert ids(limit=1, sort="-id") == everything[-1:]
    assert ids(search=f'"id": "{everything[3]}"') == [everything[3]]


def test_an_import_goes_to_the_last_voucher(bench):
    bench.sandbox.add_invoice("RE9", vouchers=3)

    voucher = bench.send("RE9").json()["voucherReference"]

    assert [len(held["communications"]) for held in bench.get("/invoices/RE9/documents")] == [0, 0, 1]
    assert f"_{bench.get('/invoices/RE9/documents')[-1]['id']}" == voucher


@pytest.mark.parametrize("query", [{"limit": "x"}, {"offset": "-1"}])
def test_a_senseless_page_of_documents_is_refused(bench, query):
    reply = bench.client.get("/invoices/RE1/documents", params=query)

    assert (reply.status_code, reply.json()["details"][0]["fields"]) == (400, ["query"])


def test_documents_can_be_deleted_duplicated_and_rewritten_behind_our_back(bench):
    bench.send()
    bench.sandbox.duplicate("10001")
    bench.sandbox.rewrite("10002", b"other")
    assert [held["id"] for held in bench.documents()] == ["10001", "10002"]
    assert bench.client.get("/v1/communication/10002/file").content == b"other"

    bench.sandbox.delete("10001")

    assert [held["id"] for held in bench.documents()] == ["10002"]
    assert [held.id for held in bench.sandbox.communications] == ["10002"]
    assert [held.id for held in bench.sandbox.effects] == ["10001", "10002"]


def test_an_invoice_has_what_it_was_given(bench):
    bench.sandbox.add_invoice("RE9", fields={"currency": "CHF", "debtor": {"name": "Müller"}})

    invoice = bench.get("/invoices/RE9")
    assert invoice["reference"] == "RE9"
    assert (invoice["currency"], invoice["debtor"], invoice["detail"]) == ("CHF", {"name": "Müller"}, {"dunning": None})
    assert bench.client.get("/invoices/RE10").status_code == 404


def test_payments_are_paged(bench):
    payments = tuple({"id": str(number), "booking": {"transaction": "t", "voucher": None}} for number in range(3))
    bench.sandbox.add_invoice("RE9", payments=payments)

    assert bench.get("/invoices/RE9/payments") == list(payments)
    assert bench.get("/invoices/RE9/payments", limit=1, offset=1) == [payments[1]]
    assert bench.get("/invoices/RE1/payments") == []


def listed(bench, **query):
    return [row["reference"] for row in bench.get("/invoices", **query)["rows"]]


def test_the_invoice_list_is_an_envelope(bench):
    assert bench.get("/invoices", page=1, pageSize=1) == {
        "page": 1,
        "pageSize": 1,
        "query": {},
        "rows": [
            {
                "id": "1001",
                "reference": "RE1",
                "created": "2026-01-01T12:00:00.000Z",
                "currency": "EUR",
                "detail": {"dunning": None},
            }
        ],
    }


def test_invoice_pages_count_from_1_and_end_with_nothing_new(start):
    bench = start(invoices=["a", "b", "c"])

    assert [listed(bench, page=page, pageSize=2) for page in (1, 2, 3)] == [["a", "b"], ["c"], []]
    assert listed(bench, sort="-reference") == ["c", "b", "a"]
    assert bench.client.get("/invoices", params={"page": 0}).status_code == 400
    assert bench.client.get("/invoices", params={"pageSize": 0}).status_code == 400


def test_invoice_pages_may_count_from_0_and_be_capped(start):
    bench = start(invoices=["a", "b", "c"], first_page=0, page_cap=2)

    assert [listed(bench, page=page, pageSize=100) for page in (0, 1)] == [["a", "b"], ["c"]]
    assert bench.get("/invoices", pageSize=100)["pageSize"] == 2


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        ("$gte", ["b", "c"]),
        ("$gt", ["c"]),
        ("$lte", ["a", "b"]),
        ("$lt", ["a"]),
        ("$ne", ["a", "c"]),
        ("$in", ["b"]),
    ],
)
def test_invoices_are_filtered_by_operators_however_these_are_written(start, sign, expected):
    bench = start(invoices=[])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    for offset, reference in enumerate("abc"):
        bench.sandbox.add_invoice(reference, created=day + timedelta(days=offset))
    moment = "2026-01-02T00:00:00.000Z"

    assert listed(bench, **{f"created[{sign}]": moment}) == expected
    assert listed(bench, **{f"query[created][{sign}]": moment}) == expected
    assert listed(bench, query=f"created[{sign}]={moment}") == expected
    assert listed(bench, query=f'{{"created": {{"{sign}": "{moment}"}}}}') == expected
    assert listed(bench, query=f'{{"created[{sign}]": "{moment}"}}') == expected


def test_times_compare_as_times(start):
    bench = start()

    assert listed(bench, **{"created[$gte]": "2026-01-01T13:00:00+01:00"}) == ["RE1"]
    assert listed(bench, **{"created[$gt]": "2026-01-01T12:00:00"}) == []
    assert listed(bench, **{"created[$gte]": "2026-01-01", "created[$lt]": "2026-01-02"}) == ["RE1"]


def test_other_fields_compare_as_text(bench):
    bench.sandbox.add_invoice("RE2")

    assert listed(bench, query='{"reference": "RE2"}') == ["RE2"]
    assert listed(bench, query='{"reference": {"$in": ["RE1", "RE3"]}}') == ["RE1"]
    assert listed(bench, query='{"nothing": "RE1"}') == []


@pytest.mark.parametrize("query", [{"created[$regex]": "x"}, {"query": "{"}, {"page": "one"}])
def test_a_query_that_is_not_understood_is_refused(bench, query):
    assert bench.client.get("/invoices", params=query).status_code == 400


def test_other_paths_are_not_found_with_the_vendors_body(bench):
    assert bench.client.get("/nothing").json()["code"] == 404
    assert bench.client.delete("/invoices/RE1").status_code == 404


def test_every_reply_has_a_date_by_the_clock(bench):
    bench.clock.advance(days=1)

    assert bench.send().headers["Date"] == "Fri, 02 Jan 2026 12:00:00 GMT"
    assert bench.send("RE2").headers["Date"] == "Fri, 02 Jan 2026 12:00:00 GMT"


def test_the_date_can_be_skewed_or_left_out(bench):
    bench.sandbox.change(date_skew=-3600)
    assert bench.send().headers["Date"] == "Thu, 01 Jan 2026 11:00:00 GMT"

    bench.sandbox.change(date_skew=None)

    assert "Date" not in bench.send().headers
