"""The audit page: what the last audit has found, and one that is begun here and goes on without its visitor."""

from collections.abc import Iterable

from flask import Flask, Response, abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from importer.auditing import Standing
from importer.core.audit import AuditFinding, Gap
from importer.dashboard.desk import Desk
from importer.dashboard.guard import FILE_POLICY
from importer.dashboard.words import say
from importer.report import FINDING_FIELDS, finding_as_json
from importer.spreadsheet import DIALECTS, csv_of

SHOWN_EACH = 20
"""Findings that are shown of each sort, where all sorts are."""
SHOWN_ALONE = 100
"""And where there is one only."""


def route(app: Flask, desk: Desk) -> None:
    """The page, its table as a file, and the button."""

    def start() -> AnyResponse:
        fresh = request.form.get("how") == "fresh"
        begun = desk.audits.start(session["who"], fresh=fresh)
        flash(say(g.language, "audit_begun" if begun else "audit_running_already"))
        return redirect(url_for("audit"), 303)

    app.add_url_rule("/audit", "audit", lambda: _audit(desk.audits.standing()))
    app.add_url_rule("/audit.csv", "audit_file", lambda: _file(desk.audits.standing()))
    app.add_url_rule("/audit/start", "start_audit", start, methods=["POST"])


def _audit(standing: Standing) -> str:
    alone = request.args.get("finding")
    after = max(0, request.args.get("after", 0, type=int))
    findings = standing.last.findings if standing.last else ()
    groups = [_group(gap, findings, after if alone else 0, SHOWN_ALONE if alone else SHOWN_EACH) for gap in Gap]
    shown = [group for group in groups if group["count"] and alone in {None, group["gap"]}]
    return render_template("audit.html", standing=standing, groups=shown, alone=alone)


def _group(gap: Gap, findings: Iterable[AuditFinding], after: int, limit: int) -> dict[str, object]:
    these = [finding for finding in findings if finding.gap is gap]
    rest = len(these) - after - limit
    return {
        "gap": gap.value,
        "count": len(these),
        "findings": these[after : after + limit],
        "rest": max(0, rest),
        "next": after + limit if rest > 0 else None,
    }


def _file(standing: Standing) -> Response:
    """As `importer audit --csv` prints it."""
    dialect = request.args.get("dialect", "plain")
    if standing.last is None or dialect not in DIALECTS:
        abort(404)
    rows = map(finding_as_json, standing.last.findings)
    response = Response(csv_of(FINDING_FIELDS, rows, dialect), content_type="text/csv; charset=utf-8")
    name = f"audit-{standing.last.ended_at.astimezone():%Y-%m-%d}.csv"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Content-Security-Policy"] = FILE_POLICY
    return response
