"""The page's routes: each asks the desk, and shows the answer. What may be asked at all, `guard` says."""

import math
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from importer.adapters.archive import ArchiveError
from importer.adapters.ledger import LedgerError
from importer.adapters.probe import ProbeError
from importer.adapters.rules_file import RulesFileError
from importer.config import ConfigError
from importer.core.naming import shown
from importer.dashboard import auditing, deciding, pages
from importer.dashboard.desk import Desk
from importer.dashboard.guard import Guard, chosen_language, form_token, name_of
from importer.dashboard.guessing import TooSoon
from importer.dashboard.views import age, resend_look_of
from importer.dashboard.words import say
from importer.report import local, timestamp
from importer.resolving import NotAnswered

EXPECTED = (LedgerError, ArchiveError, ConfigError, ProbeError, RulesFileError, NotAnswered, OSError)
"""What goes wrong outside of us, with a sentence that says what to do."""

TEXTS = {400: "bad_request", 403: "stale_form", 404: "not_found", 421: "wrong_host", 500: "internal"}


def make_app(desk: Desk, host: str) -> Flask:
    """The page as a WSGI application."""
    app = Flask("importer.dashboard", static_folder="static", template_folder="templates")
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.filters.update(shown=shown, local=local, timestamp=timestamp, resend_look=resend_look_of)
    app.before_request(lambda: _choose_language(desk))
    guard = Guard(app, desk, host)
    _explain_faults(app, desk)
    _sign_in_and_out(app, desk, guard)
    pages.route(app, desk)
    deciding.route(app, desk)
    auditing.route(app, desk)
    app.context_processor(lambda: _for_templates(desk))
    return app


def _choose_language(desk: Desk) -> None:
    g.language = chosen_language(request, desk.language)


def t(key: str, /, **values: object) -> str:
    """In the visitor's language."""
    return say(getattr(g, "language", "en"), key, **values)


def _for_templates(desk: Desk) -> dict[str, Any]:
    return {
        "t": t,
        "language": getattr(g, "language", "en"),
        "age": lambda length: age(length, g.language),
        "form_token": form_token,
        "who": session.get("who"),
        "asks": desk.token is not None,
        "in_other": _in_other,
    }


def _in_other(language: str) -> str:
    """The same page in that language; where a form has led here, the first page."""
    if request.method != "GET" or request.endpoint is None:
        return url_for("today", lang=language)
    arguments = {**(request.view_args or {}), **request.args.to_dict(), "lang": language}
    return url_for(request.endpoint, **arguments)


def _sign_in_and_out(app: Flask, desk: Desk, guard: Guard) -> None:
    def login() -> str | AnyResponse | tuple[str, int]:
        if desk.token is None:
            return redirect(url_for("today"), 303)
        if request.method == "GET":
            return render_template("login.html", fault=None, name="")
        name = name_of(request.form.get("name", ""))
        if name is None:
            return render_template("login.html", fault=t("name_wanted"), name=""), HTTPStatus.BAD_REQUEST
        signed_in = guard.sign_in(name, request.form.get("token", ""))
        if isinstance(signed_in, TooSoon):
            seconds = math.ceil(signed_in.seconds)
            page = render_template("login.html", fault=t("login_too_soon", seconds=seconds), name=name)
            return Response(page, HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(seconds)})
        if not signed_in:
            return render_template("login.html", fault=t("login_refused"), name=name), HTTPStatus.FORBIDDEN
        return redirect(url_for("today"), 303)

    def logout() -> AnyResponse:
        session.clear()
        return redirect(url_for("today"), 303)

    app.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    app.add_url_rule("/logout", "logout", logout, methods=["POST"])
    app.add_url_rule("/", "home", lambda: redirect(url_for("today"), 303))


def _explain_faults(app: Flask, desk: Desk) -> None:
    """A sentence in a page; the traceback of a fault of ours goes to the log only."""

    def of_http(error: HTTPException) -> Any:
        code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        if error.response is not None:
            return error.response
        return _fault(t(TEXTS.get(code, "bad_request")), code)

    def of_any(error: Exception) -> tuple[str, int]:
        if isinstance(error, EXPECTED):
            desk.log.warning("dashboard.unavailable", message=str(error))
            return _fault(str(error), HTTPStatus.SERVICE_UNAVAILABLE)
        desk.log.error("dashboard.fault", exc_info=error)
        return _fault(t("internal"), HTTPStatus.INTERNAL_SERVER_ERROR)

    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, of_any)


def _fault(message: str, code: int) -> tuple[str, int]:
    return render_template("fault.html", message=message), code
