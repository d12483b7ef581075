"""What is decided: forms of our own pages, each recorded with the visitor's name."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus

from flask import Flask, abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from importer.adapters.ledger import LedgerReader
from importer.core.model import Document, References, ReferencesFrom, State
from importer.core.person import Decision
from importer.core.resending import Resend, settled
from importer.dashboard.bundles import read_seen
from importer.dashboard.desk import Ask, Choose, Desk
from importer.dashboard.guard import name_of
from importer.dashboard.pages import LARGEST
from importer.dashboard.views import look_of, resend_look_of
from importer.dashboard.words import say
from importer.decisions import Decided

Answer = AnyResponse | tuple[str, int]

LONGEST_NOTE = 2000
NAMED = 10
"""Documents that a message names; it travels in a cookie."""


class Wrong(Exception):
    """A form that says too much or too little; nothing was decided."""


def route(app: Flask, desk: Desk) -> None:
    """The forms."""

    def decide(number: int) -> Answer:
        def choose(ledger: LedgerReader) -> list[Document]:
            document = ledger.get(number) if number <= LARGEST else None
            return [document] if document else []

        return _decide(
            desk, choose, replace(_ask(), objection=partial(_has_changed, g.language, request.form.get("seen", "")))
        )

    def decide_batch(name: str) -> Answer:
        ask = _ask()
        if ask.decision not in {Decision.ACCEPT, Decision.DISMISS}:
            abort(400)
        return _decide_together(desk, lambda ledger: [document.id for document in ledger.in_batch(name)], ask)

    def retry_group(state: str, code: str) -> Answer:
        if state not in {State.REJECTED, State.HELD}:
            abort(404)
        ask = Ask(decision=Decision.RETRY, actor=session["who"])
        return _decide_together(desk, lambda ledger: ledger.ids_with_reason(State(state), code), ask)

    def settle(number: int) -> Answer:
        if (said := request.form.get("decision")) not in {"was_sent", "was_not_sent"} or number > LARGEST:
            abort(400)
        return _settle(desk, number, was_sent=said == "was_sent")

    def wrong(error: Wrong) -> Answer:
        return render_template("fault.html", message=str(error)), HTTPStatus.BAD_REQUEST

    app.add_url_rule("/document/D<int:number>/decide", "decide", decide, methods=["POST"])
    app.add_url_rule("/batch/<name>/decide", "decide_batch", decide_batch, methods=["POST"])
    app.add_url_rule("/reason/<state>/<code>/retry", "retry_group", retry_group, methods=["POST"])
    app.add_url_rule("/resend/R<int:number>/decide", "settle_resend", settle, methods=["POST"])
    app.register_error_handler(Wrong, wrong)


def _has_changed(language: str, seen: str, document: Document) -> str | None:
    return None if look_of(document) == seen else say(language, "changed_meanwhile", name=f"D{document.id}")


def _decide_together(desk: Desk, members: Callable[[LedgerReader], Iterable[int]], ask: Ask) -> Answer:
    """About the documents that were on the visitor's page, each as it was there; all others are left alone, and told.

    Args:
        desk: decides.
        members: those that are in the same group now.
        ask: what was decided.
    """
    try:
        seen = read_seen(request.form.get("seen", ""))
    except ValueError:
        abort(400)
    others: list[int] = []

    def choose(ledger: LedgerReader) -> list[Document]:
        others[:] = [number for number in members(ledger) if number not in seen]
        return list(ledger.each_of(seen))

    language = g.language

    def objection(document: Document) -> str | None:
        return _has_changed(language, seen[document.id], document)

    decided = _logged(desk, desk.decide(replace(ask, objection=objection), choose), ask)
    left = [f"D{one.document.id}" for one in decided if one.refusal]
    flash(say(language, "decided_many", count=len(decided) - len(left)))
    if left:
        names = ", ".join(left[:NAMED]) + (" …" if len(left) > NAMED else "")
        flash(say(language, "left_alone", count=len(left), names=names))
    if others:
        flash(say(language, "not_on_page", count=len(others)))
    return redirect(url_for("person"), 303)


def _settle(desk: Desk, number: int, *, was_sent: bool) -> Answer:
    seen, language, name = request.form.get("seen", ""), g.language, f"R{number}"

    def settle(resend: Resend, now: datetime) -> Resend | str:
        if resend_look_of(resend) != seen:
            return say(language, "changed_meanwhile", name=name)
        return settled(resend, now, was_sent=was_sent)

    found = desk.settle(number, settle, session["who"])
    refusal = found if isinstance(found, str) else None
    desk.log.info("dashboard.resend_settled", resend=name, was_sent=was_sent, actor=session["who"], refusal=refusal)
    if isinstance(found, str):
        return render_template("fault.html", message=say(language, "refused", why=found)), HTTPStatus.CONFLICT
    flash(say(language, "resend_settled", name=name, state=say(language, f"resend_{found.state}")))
    return redirect(url_for("person"), 303)


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
    decided = _logged(desk, desk.decide(ask, choose), ask)
    if not decided:
        abort(404)
    (one,) = decided
    if one.refusal:
        message = say(g.language, "refused", why=one.refusal)
        return render_template("fault.html", message=message), HTTPStatus.CONFLICT
    flash(_told(one.document, ask))
    if request.form.get("back") == "person":
        return redirect(url_for("person"), 303)
    return redirect(url_for("document", number=one.document.id), 303)


def _logged(desk: Desk, decided: list[Decided], ask: Ask) -> list[Decided]:
    for one in decided:
        document = f"D{one.document.id}"
        desk.log.info(
            "dashboard.decided", document=document, decision=ask.decision, actor=ask.actor, refusal=one.refusal
        )
    return decided


def _told(document: Document, ask: Ask) -> str:
    name = f"D{document.id}"
    if ask.decision is Decision.NOT_IMPORTED and document.state is State.IMPORTED:
        return say(g.language, "after_all", name=name)
    return say(g.language, "decided_one", name=name, state=say(g.language, f"state_{document.state}"))
