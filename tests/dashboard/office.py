"""An importer's folder in which something waits for a person, and its page, served by a process of its own."""

import html
import re
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import fpdf
import httpx

from importer.sandbox import faults
from tests.world import World, eml, pdf, sandbox

HOSTILE = 'Brief <img src=x onerror="alert(1)">\u202e RE1.pdf'
"""Markup, quotes, and a character that turns the direction of writing."""
TURNED = "\u202egnu\u00adnhceR\u00a0zu".encode()
MAIL = "RE777 <script>alert(1)</script>"


def written(text) -> bytes:
    """A PDF with a text layer."""
    document = fpdf.FPDF()
    document.add_page()
    document.set_font("Helvetica")
    document.multi_cell(0, 10, text)
    return bytes(document.output())


HELD = ("RE20001.pdf", "RE20002.pdf", "RE20003.pdf")
"""Revisions to be decided about, each by one test."""


BARE = 'RE<b onclick="alert(4)">80001'
"""An invoice at Abillify without any document."""

RESENT = "RE12345"
"""An invoice whose resend is held: nobody knows whether it went out."""


def hold_resend(world, reference):
    world.sandbox.fail(faults.lost_reply(), endpoint="resend")
    world.importer("resend", reference, exits=4)
    world.environ["IMPORTER_API__KEY_LIFETIME"] = "0s"
    world.sandbox.change(date_skew=60.0)
    world.importer("resend", reference, exits=3)
    world.sandbox.change(date_skew=0.0)
    del world.environ["IMPORTER_API__KEY_LIFETIME"]


def furnish(folder: Path, abillify) -> World:
    """D1 imported, D2 held beside it; more that is held, and files that no rule knows."""
    world = World(folder, abillify)
    world.drop("RE12345.pdf", written("Rechnung RE12345"))
    world.importer("backfill", exits=0)
    world.drop("RE12345.pdf", written("Rechnung RE12345 <b>neu</b>"))
    world.importer("backfill", exits=3)
    for name in (*HELD, HOSTILE, "Zettel eins.pdf", "Zettel zwei.pdf"):
        world.drop(name)
    world.drop(
        "Nachricht.eml", eml(MAIL).replace(b"anbei", b"anbei <script>alert(2)</script>").replace(b"Rechnung.", TURNED)
    )
    world.importer("backfill", exits=3)
    for name in HELD:
        world.drop(name, pdf(f"another {name}"))
    world.importer("backfill", exits=3)
    hold_resend(world, RESENT)
    world.sandbox.add_invoice(BARE)
    world.importer("audit", exits=3)
    return world


@contextmanager
def served(world, *arguments):
    """`importer dashboard`; gives its address."""
    command = world.command("dashboard", "--listen", "127.0.0.1:0", *arguments)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=world.full_environ
    )
    try:
        url = process.stdout.readline().strip()
        assert url, process.stderr.read()
        yield url
        process.terminate()
        errors = process.communicate(timeout=30)[1]
        assert process.returncode == 0
        assert "Traceback" not in errors, errors
    finally:
        process.kill()
        process.communicate()


@contextmanager
def open_office(folder):
    with sandbox() as abillify:
        world = furnish(folder, abillify)
        with served(world) as url:
            yield world, url


class Visitor:
    """A browser without a screen: keeps cookies, reads forms, sends them."""

    def __init__(self, url, language="en"):
        # Nothing is kept open, so nothing is left open.
        limits = httpx.Limits(max_keepalive_connections=0)
        headers = {"Accept-Language": language}
        self.http = httpx.Client(base_url=url, headers=headers, limits=limits, trust_env=False)

    def get(self, path, **options):
        return self.http.get(path, **options)

    def fields(self, path, action):
        """The hidden fields of the form on that page that leads there."""
        page = self.get(path).text
        (form,) = re.findall(rf'<form method="post" action="{re.escape(action)}".*?</form>', page, re.DOTALL)
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
        return {name: html.unescape(value) for name, value in hidden}

    def submit(self, page, action, **more):
        """That page's form, as it is shown there."""
        return self.http.post(action, data=self.fields(page, action) | more)

    def get_until(self, path, text):
        """That page, once it says so: what it tells of goes on in a thread of its own."""
        for _ in range(600):
            page = self.get(path).text
            if text in page:
                return page
            time.sleep(0.05)
        raise AssertionError(page)

    def decide(self, number, decision, *, page=None, headers=None, **more):
        action = f"/document/D{number}/decide"
        fields = self.fields(page or f"/document/D{number}", action) | {"decision": decision} | more
        return self.http.post(action, data=fields, headers=headers)

    def buttons(self, number):
        page = self.get(f"/document/D{number}").text
        _, _, form = page.partition(f'action="/document/D{number}/decide"')
        return re.findall(r'<button name="decision" value="(\w+)"', form.partition("</form>")[0])
