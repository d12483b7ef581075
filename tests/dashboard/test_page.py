"""The operator's page over HTTP: who may ask, what is shown, what is decided, and what a browser is allowed to do."""

import csv
import html
import re

import httpx
import pytest

from importer.sandbox import faults
from tests.dashboard.office import BARE, HELD, HOSTILE, RESENT, Visitor, hold_resend, served

PAGES = ("/today", "/person", "/search?q=RE12345", "/document/D1", "/document/D2", "/rules?name=Zettel.pdf", "/audit")
POLICY = (
    "default-src 'none'", "style-src 'self'", "img-src 'self'", "script-src 'self'", "form-action 'self'",
    "frame-ancestors 'none'", "base-uri 'none'", "frame-src 'self'",
)  # fmt: skip


@pytest.fixture
def world(office):
    return office[0]


def document(world, name):
    """By the name under which it came; the latest one."""
    return [document for document in world.documents() if document["path"] == name][-1]


def number(document):
    return int(document["id"][1:])


# ------------------------------------------------------------ what is shown


@pytest.mark.parametrize("path", PAGES)
def test_each_page_speaks_both_languages_and_may_load_nothing_from_elsewhere(office, path):
    texts = {}
    for language, title in (
        ("de-DE,de;q=0.9", "Dokumentenimport"),
        ("en", "Document import"),
        ("fr", "Document import"),
    ):
        answer = Visitor(office[1], language).get(path)
        assert answer.status_code == 200, answer.text
        assert f'<html lang="{language[:2].replace("fr", "en")}">' in answer.text
        assert title in answer.text
        assert answer.headers["content-security-policy"].split("; ") == list(POLICY)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script|<img|style=|https?://", answer.text)
        texts[language] = answer.text
    assert len(set(texts.values())) > 1


def test_the_language_that_was_chosen_stays(visitor):
    assert '<html lang="de">' in visitor.get("/today?lang=de").text
    assert '<html lang="de">' in visitor.get("/person").text


def counts_on(page, states):
    rows = {
        state: re.search(rf'class="state {state}">.*?<td class="number">(\d+)</td>', page, re.DOTALL)
        for state in states
    }
    return {state: int(row[1]) for state, row in rows.items()}


def test_today_tells_what_status_tells(world, visitor):
    # The page counts every two seconds at most, and more seldom where that takes long; `status` takes half a second.
    for _ in range(60):
        (status,) = world.json("status")
        page = visitor.get("/today").text
        if (shown := counts_on(page, status["states"])) == status["states"]:
            break
    assert shown == status["states"]
    assert "Open: nothing is in the way of sending." in page
    assert page.count("<svg") == 2


def test_a_document_is_found_by_all_that_names_it_and_tells_its_story(world, visitor):
    first = document(world, HOSTILE)
    for wanted in (first["id"], first["id"].lower(), first["sha256"], first["sha256"][:12].upper(), "brief <IMG"):
        assert f">{first['id']}</a>" in visitor.get("/search", params={"q": wanted}).text, wanted
    assert ">D1</a>" in visitor.get("/search", params={"q": "RE12345"}).text
    assert "Nothing was found." in visitor.get("/search", params={"q": "nobody's"}).text

    story = visitor.get("/document/D1").text
    (told,) = world.json("show", "D1")
    events = [event["name"] for event in told["events"]]
    assert re.findall(r'<strong lang="en">([\w.]+)</strong>', story) == events
    assert "Upload 1" in story
    assert told["communication_reference"] in story
    assert visitor.get("/document/D999").status_code == 404


def test_a_name_is_tried_by_the_rules_of_now(world, visitor):
    assert "would be imported" in visitor.get("/rules", params={"name": "Mahnungen/1. Mahnung RE4711.pdf"}).text
    assert "would be rejected" in visitor.get("/rules", params={"name": "Lieferung_RE4711.pdf"}).text
    for outside in ("../config/importer.toml", "/etc/passwd", "a\nb.pdf"):
        assert 'role="alert"' in visitor.get("/rules", params={"name": outside}).text


def test_what_the_last_audit_has_found_is_shown_by_sort_and_as_a_file(world, visitor):
    page = visitor.get("/audit").text
    assert "No original <code>no_original</code>" in page
    (link,) = re.findall(r'<a href="(/search[^"]+)">RE&lt;b onclick=', page)
    assert visitor.get(html.unescape(link)).status_code == 200
    assert "no_original" not in visitor.get("/audit?finding=unchecked").text
    whole = visitor.get("/audit.csv")
    assert {"finding": "no_original", "invoice_reference": BARE} in [
        {name: row[name] for name in ("finding", "invoice_reference")}
        for row in csv.DictReader(whole.text.splitlines())
    ]
    assert whole.headers["content-disposition"].startswith("attachment; filename=audit-")
    assert whole.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert visitor.get("/audit.csv?dialect=excel-de").text.startswith("\ufefffinding;")
    assert visitor.get("/audit.csv?dialect=nonsense").status_code == 404
    (kept,) = (world.folder / "var").glob("*.audited.json")
    assert kept.stat().st_mode & 0o777 == 0o600


def test_an_audit_that_cannot_go_on_says_why_and_keeps_what_the_last_one_found(world, visitor):
    world.sandbox.fail(faults.status(401), endpoint="probe")
    visitor.submit("/audit", "/audit/start")
    page = visitor.get_until("/audit", "The last one did not come to its end:")
    assert "Abillify refused the credentials" in page
    assert "Start an audit" in page
    assert "no_original" in page


# ------------------------------------------------------------ hostile documents


def test_hostile_names_and_mails_stay_text(world, visitor):
    name, mail = document(world, HOSTILE), document(world, "Nachricht.eml")
    paths = ["/person", "/search?q=brief", f"/document/{name['id']}", f"/document/{mail['id']}/preview"]
    paths += ["/rules?name=%3Cscript%3Ealert(3)%3C/script%3E.pdf", "/search?q=%3Cscript%3E%22"]
    for path in paths:
        page = visitor.get(path).text
        assert "<script" not in page, path
        assert "<img" not in page, path
        assert "\u202e" not in page, path
    preview = visitor.get(f"/document/{mail['id']}/preview").text
    assert "RE777 &lt;script&gt;alert(1)&lt;/script&gt;" in preview
    assert "anbei &lt;script&gt;alert(2)&lt;/script&gt;" in preview
    assert "die \ufffdgnunhceR\u00a0zu" in preview, "what turns the direction of writing is seen for what it is"


def test_a_preview_has_no_rights_and_is_the_text_of_the_file(visitor):
    answer = visitor.get("/document/D2/preview")

    assert "Rechnung RE12345 &lt;b&gt;neu&lt;/b&gt;" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script" not in policy
    assert "allow" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert '<iframe sandbox loading="lazy" src="/document/D2/preview"' in visitor.get("/document/D2").text


def test_a_file_comes_as_bytes_to_be_kept(world, visitor):
    hostile = document(world, HOSTILE)
    answer = visitor.get(f"/document/{hostile['id']}/file")

    assert answer.content.startswith(b"%PDF")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert re.fullmatch(r'attachment; filename="?D\d+_[\w-]+\.pdf"?', answer.headers["content-disposition"])
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


# ------------------------------------------------------------ who may ask


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:{port}", "10.0.0.1", "", "localhost.evil"])
def test_another_host_name_is_refused(office, visitor, host):
    port = office[1].rsplit(":", 1)[1].strip("/")
    answer = visitor.get("/today", headers={"Host": host.format(port=port)})

    assert answer.status_code in {400, 421}
    assert "set-cookie" not in answer.headers
    assert "D1" not in answer.text


def test_localhost_is_this_machine_too(visitor):
    assert visitor.get("/today", headers={"Host": "localhost:1"}).status_code == 200


def test_another_site_may_lead_here_but_embed_nothing(visitor):
    """A picture or a frame there would have files read here for nothing."""
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert visitor.get("/today", headers=followed).status_code == 200
    for changed in ({"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}):
        for site in ("cross-site", "same-site"):
            headers = followed | changed | {"Sec-Fetch-Site": site}
            assert visitor.get("/document/D2/preview", headers=headers).status_code == 403
    # A preview has no origin, and so even its style is another site's to it.
    sheet = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "style"}
    assert visitor.get("/static/style.css", headers=sheet).status_code == 200


def test_a_form_from_elsewhere_decides_nothing(world, visitor):
    before = document(world, "Zettel eins.pdf")
    at = number(before)
    another = Visitor(visitor.http.base_url).fields(f"/document/D{at}", f"/document/D{at}/decide")["form"]
    refused = [
        visitor.decide(at, "dismiss", form=""),
        visitor.decide(at, "dismiss", form="x" * 43),
        visitor.decide(at, "dismiss", form=another),
        visitor.decide(at, "dismiss", headers={"Sec-Fetch-Site": "cross-site"}),
        httpx.post(f"{visitor.http.base_url}document/D{at}/decide", data={"decision": "dismiss"}, trust_env=False),
    ]  # fmt: skip
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert visitor.get(f"/document/D{at}/decide").status_code == 405
    assert document(world, "Zettel eins.pdf") == before


# ------------------------------------------------------------ what is decided


def test_the_buttons_are_what_the_command_line_would_take(world, visitor):
    assert visitor.buttons(1) == []
    assert visitor.buttons(2) == ["retry", "accept", "dismiss"]
    assert visitor.buttons(number(document(world, "Zettel zwei.pdf"))) == ["retry", "dismiss"]
    for refused in ("--imported", "--not-imported"):
        world.importer("resolve", "D2", refused, exits=2)
    page = visitor.get("/person").text
    assert "already has a document of kind invoice" in page
    assert "Zu dieser Rechnung gibt es bereits ein Dokument" in Visitor(visitor.http.base_url, "de").get("/person").text


def test_a_decision_is_recorded_with_a_name_and_done(world, visitor):
    told = document(world, HELD[0])
    answer = visitor.decide(number(told), "dismiss", note="Ärger mit\x07 dem Lieferanten")

    assert answer.status_code == 303
    assert f"{told['id']} is now: rejected." in visitor.get(answer.headers["location"]).text
    (story,) = world.json("show", told["id"])
    (event,) = [event for event in story["events"] if event["name"] == "person.dismiss"]
    assert event["actor"]
    assert event["data"]["note"] == "Ärger mit  dem Lieferanten"
    assert f"by {event['actor']}" in visitor.get(f"/document/{told['id']}").text
    assert f"Signed in as {event['actor']}" in visitor.get("/today").text
    assert "/rejected/" in story["location"]


def test_a_document_that_has_changed_meanwhile_is_not_decided_about(world, visitor):
    at = number(document(world, "Zettel zwei.pdf"))
    stale = visitor.fields(f"/document/D{at}", f"/document/D{at}/decide")
    world.importer("resolve", f"D{at}", "--dismiss", exits=0)

    answer = visitor.http.post(f"/document/D{at}/decide", data=stale | {"decision": "retry"})

    assert answer.status_code == 409
    assert "has changed meanwhile" in answer.text
    assert document(world, "Zettel zwei.pdf")["state"] == "rejected"
    assert "There is nothing to decide here." in visitor.get("/document/D1").text


def test_a_group_is_decided_about_as_it_was_shown(world, visitor):
    """What has changed since, and what came since, is left alone, and the page says so."""
    names = ("Mahnung RE30001.pdf", "Mahnung RE30002.pdf", "Mahnung RE30003.pdf")
    for name in names[:2]:
        world.drop(name)
    world.importer("backfill", exits=3)
    first, second = (document(world, name) for name in names[:2])
    action = f"/reason/rejected/{first['reason']['code']}/retry"
    shown = visitor.fields("/person", action)
    world.importer("resolve", first["id"], "--dismiss", exits=0)
    world.drop(names[2])
    world.importer("backfill", exits=3)

    answer = visitor.http.post(action, data=shown)

    assert answer.status_code == 303
    states = [document(world, name)["state"] for name in names]
    assert states == ["rejected", "pending", "rejected"]
    told = visitor.get("/person").text
    assert f"have changed meanwhile, or are being worked on; nothing was decided about them: {first['id']}<" in told
    assert "1 more were not on your page, or came meanwhile" in told
    (event,) = [e for e in world.json("show", second["id"])[0]["events"] if e["name"] == "person.retried"]
    assert event["actor"]
    for seen in ("", "x", "1:" + "0" * 15, "1:zz"):
        assert visitor.http.post(action, data=shown | {"seen": seen}).status_code == 400


def test_a_resend_in_doubt_is_shown_with_its_documents_and_settled_by_a_person(world, visitor):
    reference = f"RE9{len(world.documents())}"
    hold_resend(world, reference)
    (told,) = world.json("show", reference)[0]["resends"]
    page, action = "/person", f"/resend/{told['id']}/decide"
    assert f"Resend {told['id']} of invoice {reference}" in visitor.get(page).text
    assert f"Resend {told['id']} of invoice {reference}" in visitor.get("/search", params={"q": reference}).text
    assert f"of invoice {RESENT}" in visitor.get("/document/D1").text
    stale = visitor.fields(page, action)
    assert visitor.http.post(action, data=stale | {"decision": "accept"}).status_code == 400
    assert visitor.http.post(action, data=stale | {"decision": "was_sent", "seen": "held:9"}).status_code == 409

    answer = visitor.submit(page, action, decision="was_sent")

    assert f"{told['id']} is now: sent." in visitor.get(answer.headers["location"]).text
    (after,) = world.json("show", reference)[0]["resends"]
    assert (after["state"], after["outcome"]) == ("sent", "person")
    assert visitor.http.post(action, data=stale | {"decision": "was_not_sent"}).status_code == 409


def test_nonsense_is_refused_in_a_sentence(visitor):
    assert visitor.decide(2, "nonsense").status_code == 400
    assert "all three, or none" in visitor.decide(2, "imported", communication="_1").text
    assert visitor.decide(2, "accept", communication="_1", file="_2", voucher="_3").status_code == 400
    for path in ("/document/D99999999999999999999", "/document/D99999999999999999999/file", "/static/..%2fapp.py"):
        assert visitor.get(path).status_code == 404, path
    for path in ("/person", "/audit?finding=no_original", "/person?reason=x"):
        assert visitor.get(path, params={"after": "99999999999999999999"}).status_code == 200, path


# ------------------------------------------------------------ with a token


TOKEN = "a-token-that-nobody-guesses"


def test_with_a_token_nobody_enters_without_it(office, tmp_path):
    world = office[0]
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    world.environ["IMPORTER_DASHBOARD__TOKEN_FILE"] = str(file)
    try:
        with served(world) as url:
            visitor = Visitor(url)
            for path in (*PAGES, "/document/D1/file", "/document/D1/preview"):
                assert visitor.get(path).headers["location"] == "/login", path
            assert visitor.http.post("/document/D2/decide", data={"decision": "accept"}).status_code == 303

            def sign_in(name, token):
                return visitor.http.post(
                    "/login", data=visitor.fields("/login", "/login") | {"name": name, "token": token}
                )

            assert sign_in("Erika", TOKEN[:-1]).status_code == 403
            assert sign_in("Erika", TOKEN.upper()).status_code == 403
            assert sign_in("  \n ", TOKEN).status_code == 400
            assert visitor.get("/today").status_code == 303
            assert visitor.http.post("/login", data={"name": "Erika", "token": TOKEN}).status_code == 403

            welcome = sign_in("Erika  Mustermann", TOKEN)
            assert welcome.headers["location"] == "/today"
            cookie = welcome.headers["set-cookie"]
            assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
            assert TOKEN not in cookie
            assert "Signed in as Erika Mustermann" in visitor.get("/today").text

            held = document(world, HELD[1])["id"]
            assert visitor.decide(int(held[1:]), "accept", note="so gewollt").status_code == 303
            (story,) = world.json("show", held)
            assert story["state"] == "pending"
            (event,) = [event for event in story["events"] if event["name"] == "person.accept"]
            assert event["actor"] == "Erika Mustermann"

            guesser = Visitor(url)
            guesser.http.headers["X-Forwarded-For"] = "203.0.113.9"
            wrong = {"name": "Eve", "token": "not-the-token-at-all"}
            guesses = [guesser.submit("/login", "/login", **wrong) for _ in range(7)]
            assert [guess.status_code for guess in guesses] == [403] * 6 + [429]
            assert int(guesses[-1].headers["retry-after"]) >= 1
            assert sign_in("Erika", TOKEN).status_code == 303, "somebody else waits for nobody's guesses"

            file.write_text(TOKEN[::-1])
            assert visitor.get("/today").headers["location"] == "/login", "another token ends the sessions of the first"
    finally:
        del world.environ["IMPORTER_DASHBOARD__TOKEN_FILE"]


def test_other_addresses_and_bad_tokens_are_refused_at_the_start(world, tmp_path):
    refused = world.importer("dashboard", "--listen", "0.0.0.0:0", exits=2)
    assert "set dashboard.token_file" in refused.stderr
    file = tmp_path / "token"
    for content, mode, why in (("short", 0o600, "characters"), (TOKEN, 0o644, "can be read by everyone")):
        file.write_text(content)
        file.chmod(mode)
        world.environ["IMPORTER_DASHBOARD__TOKEN_FILE"] = str(file)
        try:
            refused = world.importer("dashboard", "--listen", "127.0.0.1:0", exits=2)
        finally:
            del world.environ["IMPORTER_DASHBOARD__TOKEN_FILE"]
        assert why in refused.stderr
        assert TOKEN not in refused.stderr
