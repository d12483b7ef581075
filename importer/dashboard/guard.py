"""Who may ask, and what a browser may do with the answer: host, session, token, forms, headers.

The page trusts no browser: another site's form has no token of ours, another site's name that leads to this machine is
refused (DNS rebinding), and no answer may run, embed or fetch anything from elsewhere.
"""

import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from typing import Any

from flask import Flask, Request, Response, abort, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from werkzeug.wrappers import Response as AnyResponse

from importer.clock import SystemClock
from importer.dashboard.desk import Desk
from importer.dashboard.guessing import Guessing, TooSoon, visitor_of

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; frame-src 'self'"
)
"""`frame-src`: for previews, which are documents of their own without any right."""
FILE_POLICY = "sandbox; default-src 'none'"
"""For a file's bytes."""
PREVIEW_POLICY = f"{FILE_POLICY}; style-src 'self'; frame-ancestors 'self'"
"""For what is shown of a file: it has no script, no form, no origin, and is framed by our own pages only."""

OPEN = ("login", "static")
"""Endpoints that want no session."""
LONGEST_NAME = 64
SESSION = timedelta(hours=12)
FORM = "form"
"""The name of the field, and of its place in the session, that another site cannot know."""


class Cookies(SecureCookieSessionInterface):
    """Signed; for HTTPS only where the visitor came that way, as a reverse proxy says."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - given by Flask
        return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"


class Guard:
    """Stands before every page.

    Args:
        desk: knows the token, and whose page it is without one.
        host: where the page listens; its name and every plain address of it are taken for it.
    """

    def __init__(self, app: Flask, desk: Desk, host: str) -> None:
        self._desk = desk
        self._host = host
        self._guessing = Guessing(SystemClock().steady, desk.log)
        # Made anew at each start: then everybody signs in again.
        app.secret_key = secrets.token_bytes(32)
        app.session_interface = Cookies()
        app.config.update(
            SESSION_COOKIE_NAME="importer",
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Strict",
            PERMANENT_SESSION_LIFETIME=SESSION,
            MAX_CONTENT_LENGTH=64 * 1024,
        )
        app.before_request(self._let_in)
        app.after_request(self._seal)

    def _let_in(self) -> AnyResponse | None:
        if not is_ours(request.host, self._host):
            abort(421)
        if request.endpoint != "static" and is_embedded_elsewhere(dict(request.headers)):
            abort(403)
        if request.endpoint in OPEN:
            return None if request.method == "GET" else self._check_form()
        if self._who() is None:
            return redirect(url_for("login"), 303)
        return None if request.method in {"GET", "HEAD", "OPTIONS"} else self._check_form()

    def _who(self) -> str | None:
        """The visitor's name; where nobody is asked, that of this process's user."""
        if self._desk.token is None and "who" not in session:
            self.begin_session(self._desk.operator)
        if self._desk.token is not None and session.get("by") != self._mark():
            session.clear()
        name: str | None = session.get("who")
        return name

    def _mark(self) -> str:
        """What a session remembers of the token: changed, it ends them all."""
        assert self._desk.token is not None
        key = self._app_key()
        return hmac.new(key, self._desk.token().encode(), "sha256").hexdigest()

    def _app_key(self) -> bytes:
        from flask import current_app  # noqa: PLC0415

        key = current_app.secret_key
        assert isinstance(key, bytes)
        return key

    def sign_in(self, name: str, token: str) -> bool | TooSoon:
        """Whether the token is right; then a session begins."""
        visitor = visitor_of(request.remote_addr or "", dict(request.headers))
        judged = self._guessing.judge(visitor, partial(self._is_right, token))
        if judged is False:
            self._desk.log.warning("dashboard.login_refused", address=visitor)
        if judged is not True:
            return judged
        self.begin_session(name)
        session["by"] = self._mark()
        self._desk.log.info("dashboard.login", actor=name, address=visitor)
        return True

    def _is_right(self, token: str) -> bool:
        """Compared by digests: neither a first letter nor a length shows in the time it takes."""
        assert self._desk.token is not None
        right, given = self._desk.token().encode(), token.encode("utf-8", "replace")
        key = self._app_key()
        return hmac.compare_digest(hmac.digest(key, right, "sha256"), hmac.digest(key, given, "sha256"))

    @staticmethod
    def begin_session(name: str) -> None:
        kept = session.get("lang")
        session.clear()
        session.permanent = True
        session["who"] = name
        if kept:
            session["lang"] = kept

    @staticmethod
    def _check_form() -> None:
        """Forms of our own pages only."""
        given, known = request.form.get(FORM, ""), session.get(FORM, "")
        # Browsers say so themselves; older ones and tools do not.
        elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}
        if elsewhere or not known or not hmac.compare_digest(given.encode("utf-8", "replace"), known.encode()):
            abort(403)

    @staticmethod
    def _seal(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if request.endpoint != "static":
            headers["Cache-Control"] = "no-store"
            # But for the style: a preview has no origin, so everything is of another one to it.
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


def form_token() -> str:
    """For the hidden field of a form."""
    if FORM not in session:
        session[FORM] = secrets.token_urlsafe(32)
    token: str = session[FORM]
    return token


def is_ours(host: str, listening: str) -> bool:
    """Whether a Host header names this page: this machine on loopback, else any plain address, or the name listened on.

    A name of somebody else's that leads here is refused; a plain address cannot lead anywhere else.
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    name = name.strip("[]").lower()
    if name in {listening.lower(), "localhost"}:
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or not _is_loopback(listening)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_embedded_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether another site fetches this, as a picture or a frame of its own page: a link may be followed from there.

    It could not read the answer; but each costs time, a preview a good deal of it. Browsers say so themselves.
    """
    is_ours = headers.get("Sec-Fetch-Site", "same-origin") in {"same-origin", "none"}
    return not is_ours and (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")) != ("navigate", "document")


def name_of(given: Any) -> str | None:
    """A visitor's name as it is recorded; None for what is none."""
    name = " ".join(str(given).split())
    return name if 0 < len(name) <= LONGEST_NAME and name.isprintable() else None


def chosen_language(asked: Request, setting: str) -> str:
    """What the visitor has chosen, else what the setting says, else what the browser asks for."""
    if (chosen := asked.args.get("lang")) in {"de", "en"}:
        session["lang"] = chosen
    kept: str | None = session.get("lang")
    if kept is not None:
        return kept
    return setting if setting != "auto" else asked.accept_languages.best_match(["de", "en"]) or "en"
