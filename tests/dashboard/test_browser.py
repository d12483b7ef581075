"""The page in a real browser: by keyboard alone, by axe, on a telephone, in the dark, and without scripts."""

import shutil
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import sync_playwright

from tests.dashboard.office import HELD

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PAGES = (
    "/today", "/person", "/search?q=pdf", "/document/D1", "/document/D2",
    "/rules?name=Mahnung%20RE12345.pdf", "/audit",
)  # fmt: skip
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = pytest.mark.skipif(
    BROWSER is None,
    reason="no Chromium on the PATH (chromium, chromium-browser, google-chrome): the page was not tried in a browser; "
    "apt-get install chromium",
)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, headless=True, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def look(browser, office):
    """Opens a page of the office in a fresh window; its own scripts may be switched off, ours never are."""
    opened = []

    def visit(path, **options):
        context = browser.new_context(base_url=office[1], **({"locale": "de-DE"} | options))
        opened.append(context)
        page = context.new_page()
        complaints = page.complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield visit
    for context in opened:
        context.close()


def test_axe_finds_nothing_and_nothing_is_wider_than_a_telephone(look):
    telephone = {"viewport": {"width": 360, "height": 740}}
    page = look("/today", **telephone)
    for path in PAGES:
        page.goto(path)
        for folded in page.locator("details:not(.look) > summary").all():
            folded.click()
        fits(page)
    assert not page.complaints
    # Where no script may run, axe's cannot either.
    fits(look("/document/D2/preview", bypass_csp=True, **telephone))


def fits(page):
    """In the light, and in the dark: where only colours are others."""
    page.evaluate(AXE)
    page.emulate_media(color_scheme="light")
    assert not faults_of(page, {"type": "tag", "values": RULES}), page.url
    page.emulate_media(color_scheme="dark")
    assert not faults_of(page, {"type": "rule", "values": ["color-contrast"]}), f"{page.url} in the dark"
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, f"{page.url} is {width} px wide"


def faults_of(page, rules):
    found = page.evaluate("only => axe.run(document, {runOnly: only, iframes: false, preload: false})", rules)
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]]


def test_all_is_reached_by_keyboard_and_a_decision_is_taken_with_enter(look, office):
    (told,) = [d for d in office[0].documents() if d["path"] == HELD[2] and d["state"] == "held"]
    page = look("/person", locale="en-GB")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    focused = "document.activeElement.value + ' ' + document.activeElement.textContent"
    reached = []
    while f"dismiss Dismiss ({told['id']})" not in reached:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(focused))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"where the focus is cannot be seen: {reached[-1]}"
        assert len(reached) < 200, reached
    mine = [name for name in reached if f"({told['id']})" in name]
    assert mine == [
        f"{what} ({told['id']})" for what in ("retry Try again", "accept Import all the same", "dismiss Dismiss")
    ]

    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    assert page.locator("[role=status]").count() == 0, "Enter in a field decides nothing"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=status]")
    assert f"{told['id']} is now: rejected." in page.locator("[role=status]").inner_text()
    (event,) = [e for e in office[0].json("show", told["id"])[0]["events"] if e["name"] == "person.dismiss"]
    assert event["data"]["note"] == "by keyboard"


def test_it_reads_without_scripts_and_a_preview_runs_none(look):
    page = look("/person", java_script_enabled=False)
    assert page.locator("h1").inner_text() == "Zu entscheiden"
    page.get_by_text("Vorschau D2").click()
    preview = page.frame_locator("iframe[src='/document/D2/preview']")
    assert "Rechnung RE12345 <b>neu</b>" in preview.locator("pre").inner_text()

    page = look("/document/D2")
    page.get_by_text("Vorschau").click()
    page.frame_locator("iframe").locator("pre").wait_for()
    (frame,) = page.frames[1:]
    assert frame.evaluate("self.origin") == "null", "a preview has no origin of its own, and so no cookie of ours"
    assert not page.complaints


def test_the_dark_is_dark(look):
    def brightness(scheme):
        page = look("/today", color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")))

    assert brightness("dark") < 150
    assert brightness("light") > 600
