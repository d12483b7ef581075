"""What is read: today, what needs a person, the search, one document with its file, and the rules."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from flask import Flask, Response, abort, g, render_template, request

from importer.adapters.ledger import LedgerReader
from importer.census import Sparing
from importer.clock import SystemClock
from importer.core.facts import extension_of
from importer.core.model import Document, State
from importer.core.naming import shown
from importer.core.person import is_needed_for
from importer.core.resending import Resend, ResendState
from importer.dashboard.bundles import LISTED, bundles_of
from importer.dashboard.desk import Desk
from importer.dashboard.figures import Span, take_figures
from importer.dashboard.finding import FOUND, find
from importer.dashboard.guard import FILE_POLICY, PREVIEW_POLICY
from importer.dashboard.preview import NoContent, content_of, preview
from importer.dashboard.views import bars, card, facts_of, nearest_rules, timeline
from importer.dashboard.words import say

PAUSE = 2.0
"""Seconds between two counts of the ledger, at least; a slow one is made more seldom."""
SHOWN_EACH = 5
"""Documents that are shown of each reason, where all reasons are."""
SHOWN_ALONE = 25
"""And where there is one only."""
CHART_HEIGHT = 120
LARGEST = (1 << 63) - 1
"""No database holds a greater id."""


class Files:
    """A document's bytes: to be kept, or to be read as text. Neither may do anything in a browser."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def file(self, number: int) -> Response:
        """As a download of bytes of no type."""
        document = document_of(self._desk, number)
        try:
            content = content_of(document, self._desk.max_size)
        except NoContent as error:
            abort(Response(say(g.language, error.key), 404, content_type="text/plain; charset=utf-8"))
        response = Response(content, content_type="application/octet-stream")
        response.headers.set("Content-Disposition", "attachment", filename=_plain_name(document))
        response.headers["Content-Security-Policy"] = FILE_POLICY
        return response

    def preview(self, number: int) -> Response:
        """As text, in a document of its own without any right."""
        document = document_of(self._desk, number)
        seen, fault = None, None
        try:
            content = content_of(document, self._desk.max_size)
            seen = preview(content, extension_of(document.filename))
        except NoContent as error:
            fault = error.key
        response = Response(render_template("preview.html", document=document, seen=seen, fault=fault))
        response.headers["Content-Security-Policy"] = PREVIEW_POLICY
        return response


def _plain_name(document: Document) -> str:
    """A name that no file system and no header stumbles over, and that says which document it is."""
    extension = extension_of(document.filename)
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in PurePosixPath(shown(document.filename)).stem)
    ending = f".{extension}" if extension in {"pdf", "eml"} else ".bin"
    return f"D{document.id}_{stem[:100]}{ending}"


def document_of(desk: Desk, number: int) -> Document:
    """Raises: NotFound: there is none."""
    with desk.reading() as ledger:
        document = ledger.get(number) if number <= LARGEST else None
    if document is None:
        abort(404)
    return document


def route(app: Flask, desk: Desk) -> None:
    """The pages that read."""
    seen = Sparing(lambda: _seen(desk), SystemClock().steady, pause=PAUSE)
    app.add_url_rule("/today", "today", lambda: _today(*seen()))
    app.add_url_rule("/person", "person", lambda: _person(desk))
    app.add_url_rule("/search", "search", lambda: _search(desk))
    app.add_url_rule("/document/D<int:number>", "document", lambda number: _document(desk, number))
    app.add_url_rule("/rules", "rules", lambda: _rules(desk))
    files = Files(desk)
    app.add_url_rule("/document/D<int:number>/file", "file", files.file)
    app.add_url_rule("/document/D<int:number>/preview", "preview", files.preview)


def _seen(desk: Desk) -> tuple[Mapping[str, Any], list[Span]]:
    with desk.reading() as ledger:
        return desk.standing(ledger), take_figures(ledger, datetime.now(UTC))


def _today(standing: Mapping[str, Any], spans: list[Span]) -> str:
    # One scale for what came and what was imported: both are documents.
    heights = bars([n for span in spans for n in (span.arrived, span.imported)], CHART_HEIGHT)
    return render_template(
        "today.html",
        standing=standing,
        moment=datetime.fromisoformat,
        spans=spans,
        arrived=heights[::2],
        imported=heights[1::2],
        ages=bars([span.oldest.total_seconds() for span in spans], CHART_HEIGHT),
        height=CHART_HEIGHT,
        total=sum(standing["states"].values()),
    )


def _person(desk: Desk) -> str:
    state, code = request.args.get("state"), request.args.get("reason")
    after = min(request.args.get("after", 0, type=int), LARGEST)
    with desk.reading() as ledger:
        groups = [
            _group(ledger, *blocked, limit=SHOWN_ALONE if code else SHOWN_EACH, after=after)
            for blocked in _blocked(ledger)
            if code in {None, blocked[1]} and state in {None, blocked[0].value}
        ]
        held = ledger.resend_counts().get(ResendState.HELD, 0) if code is None else 0
        resends = ledger.resends_in(ResendState.HELD, limit=SHOWN_ALONE) if held else []
    total = sum(group["count"] for group in groups)
    return render_template("person.html", groups=groups, alone=code, total=total, held=held, resends=resends)


def _blocked(ledger: LedgerReader) -> list[tuple[State, str, int]]:
    return [(state, code, count) for state, code, count, _ in ledger.blocked() if state.needs_person]


def _group(ledger: LedgerReader, state: State, code: str, count: int, *, limit: int, after: int) -> dict[str, Any]:
    listed = [d for d in ledger.with_reason(state, code, limit=LISTED, after=after) if is_needed_for(d)]
    shown_whole = listed[:limit]
    return {
        "state": state,
        "code": code,
        "count": count,
        "cards": [card(document, g.language) for document in shown_whole],
        "bundles": bundles_of(state, listed),
        "next": shown_whole[-1].id if len(listed) > limit else None,
    }


def _search(desk: Desk) -> str:
    wanted, state = request.args.get("q", "").strip(), request.args.get("state", "")
    found: list[Document] | None = None
    resends: list[Resend] = []
    with desk.reading() as ledger:
        if state in list(State):
            found = ledger.documents(states=[State(state)], limit=FOUND)[::-1]
        elif wanted:
            found, resends = find(ledger, wanted), ledger.resends_of(wanted)
    is_cut = found is not None and len(found) > FOUND
    found = found and found[:FOUND]
    return render_template("search.html", wanted=wanted, state=state, found=found, cut=is_cut, resends=resends)


def _document(desk: Desk, number: int) -> str:
    document = document_of(desk, number)
    with desk.reading() as ledger:
        story = timeline(ledger.attempts_of(document), ledger.events_of(document), g.language)
        reference = document.invoice_reference
        same = [d for d in ledger.with_reference(reference) if d.id != number][:FOUND] if reference else []
        resends = ledger.resends_of(reference) if reference else []
    told = {"card": card(document, g.language), "facts": facts_of(document, g.language), "story": story}
    return render_template("document.html", **told, same=same, resends=resends)


def _rules(desk: Desk) -> str:
    name = request.args.get("name", "").strip()
    if not name:
        return render_template("rules.html", name="", told=None, fault=None)
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or not name.isprintable() or len(name.encode()) > 1024:
        return render_template("rules.html", name=name, told=None, fault=True)
    told = desk.explain(name)
    return render_template("rules.html", name=name, told=told, ranked=nearest_rules(told), fault=None)
