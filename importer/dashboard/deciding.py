"""What is decided: forms of our own pages, each recorded with the visitor's name."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from flask import Flask, abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from importer.adapters.ledger import LedgerReader
from importer.core.model import Document, References, ReferencesFrom, State
from importer.core.person import Decision, is_needed_for, offered
from importer.dashboard.desk import Ask, Choose, Desk
from importer.dashboard.guard import name_of
from importer.dashboard.views import look_of
from importer.dashboard.words import say
from importer.decisions import Decided

Answer = AnyResponse | tuple[str, int]

LONGEST_NOTE = 2000


class Wrong(Exception):
    """A form that says too much or too little; nothing was decided."""


def route(app: Flask, desk: Desk) -> None:
    """The forms."""

    def decide(number: int) -> Answer:
        def choose(ledger: LedgerReader) -> list[Document]:
            document = ledger.get(number) if number < 1 << 63 else None
            return [document] if document else []

        return _decide(
            desk, choose, replace(_ask(), objection=partial(_has_changed, g.language, request.form.get("seen", "")))
        )

    def decide_batch(name: str) -> Answer:
        ask = _ask()
        if ask.decision not in {Decision.ACCEPT, Decision.DISMISS}:
            abort(400)
        return _decide(desk, lambda ledger: ledger.in_batch(name), ask)

    def retry_group(state: str, code: str) -> Answer:
        if state not in {State.REJECTED, State.HELD}:
            abort(404)
        ask = Ask(decision=Decision.RETRY, actor=session["who"])
        return _decide(desk, lambda ledger: _in_group(ledger, State(state), code), ask)

    def wrong(error: Wrong) -> Answer:
        return render_template("fault.html", message=str(error)), HTTPStatus.BAD_REQUEST

    app.add_url_rule("/document/D<int:number>/decide", "decide", decide, methods=["POST"])
    app.add_url_rule("/batch/<name>/decide", "decide_batch", decide_batch, methods=["POST"])
    app.add_url_rule("/reason/<state>/<code>/retry", "retry_group", retry_group, methods=["POST"])
    app.register_error_handler(Wrong, wrong)


def _in_group(ledger: LedgerReader, state: State, code: str) -> list[Document]:
    found = ledger.with_reason(state, code)
    return [d for d in found if is_needed_for(d) and Decision.RETRY in offered(d, datetime.now(UTC))]


def _has_changed(language: str, seen: str, document: Document) -> str | None:
    return None if look_of(document) == seen else say(language, "changed_meanwhile", name=f"D{document.id}")


def _ask() -> Ask:
    form = request.form
    try:
        decision = Decision(form.get("decision", ""))
    except ValueError:
        abort(400)
    references = _references([form.get(name, "").strip() for name in ("communication", "file", "voucher")])
    if references is not None and decision is not Decision.IMPORTED:
        raise Wrong(say(g.language, "references_not_here"))
    note = "".join(c if c.isprintable() else " " for c in form.get("note", "").strip())[:LONGEST_NOTE]
    return Ask(decision=decision, actor=session["who"], note=note, references=references)


def _references(given: list[str]) -> References | None:
    if not any(given):
        return None
    # As in `resolve --imported`: all three or none.
    if not all(name_of(reference) for reference in given):
        raise Wrong(say(g.language, "three_references"))
    communication, file, voucher = given
    return References(communication, file, voucher, ReferencesFrom.PERSON)


def _decide(desk: Desk, choose: Choose, ask: Ask) -> Answer:
    decided = desk.decide(ask, choose)
    if not decided:
        abort(404)
    for one in decided:
        document = f"D{one.document.id}"
        desk.log.info(
            "dashboard.decided", document=document, decision=ask.decision, actor=ask.actor, refusal=one.refusal
        )
    if refusals := [one.refusal for one in decided if one.refusal]:
        message = say(g.language, "refused", why="; ".join(refusals))
        return render_template("fault.html", message=message), HTTPStatus.CONFLICT
    flash(_told(decided, ask))
    if len(decided) == 1 and request.form.get("back") != "person":
        return redirect(url_for("document", number=decided[0].document.id), 303)
    return redirect(url_for("person"), 303)


def _told(decided: list[Decided], ask: Ask) -> str:
    if len(decided) > 1:
        return say(g.language, "decided_many", count=len(decided))
    document = decided[0].document
    name = f"D{document.id}"
    if ask.decision is Decision.NOT_IMPORTED and document.state is State.IMPORTED:
        return say(g.language, "after_all", name=name)
    return say(g.language, "decided_one", name=name, state=say(g.language, f"state_{document.state}"))
