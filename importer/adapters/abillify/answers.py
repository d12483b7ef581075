"""Replies -> outcomes: the table of exactly-once.md, "Outcomes". Pure functions.

Abillify's own refusal is told from a proxy's by its body (abillify-api.md, "Errors"): a JSON object whose `code` is the
status, or, since the vendor does not promise every member, one without `code` but with `name` and `message`.
"""

import json
from collections.abc import Callable, Mapping
from http.client import responses
from typing import Any, TypeGuard

from importer.adapters.abillify.wire import Answer, NoReply, Reply
from importer.core.model import (
    Confirmed,
    InDoubt,
    InvoiceKnown,
    InvoiceOutcome,
    InvoiceUnknown,
    NotSent,
    ProbeAccepted,
    ProbeFailed,
    ProbeOutcome,
    ProbeRefused,
    ReadFailed,
    References,
    Refused,
    SendOutcome,
    VendorError,
)
from importer.core.resending import Answered, ResendOutcome

CLEAN_REFUSALS = frozenset({400, 401, 403, 404, 413, 415, 422, 429})
"""Assumption A4: with the vendor's body these had no effect."""

LONGEST_TEXT = 1000
"""Characters of a text that is shown to a person, and of a reference."""


def send_outcome(answer: Answer) -> SendOutcome:
    """What became of an import."""
    if isinstance(answer, NoReply):
        return InDoubt(answer.cause) if answer.sent else NotSent(answer.cause)
    if answer.status == 200:
        return _confirmed(answer)
    error = vendor_error(answer)
    if error is not None and answer.status in CLEAN_REFUSALS:
        return Refused(error, answer.retry_after, answer.server_time)
    return InDoubt(describe(answer), error, answer.server_time)


def _confirmed(reply: Reply) -> Confirmed | InDoubt:
    """All three references, each a text that is not empty; a number is a wrong type, for no number is documented."""
    body = parse_json(reply.body, members=_told_once)
    if not isinstance(body, dict):
        return InDoubt("200, but the answer is not what Abillify answers", None, reply.server_time)
    names = ("communicationReference", "fileReference", "voucherReference")
    found = [body.get(name) for name in names]
    texts = [text for text in found if is_reference(text)]
    if len(texts) < len(names):
        missing = ", ".join(name for name, text in zip(names, found, strict=True) if not is_reference(text))
        return InDoubt(f"200, but without a usable {missing}", None, reply.server_time)
    communication, file, voucher = texts
    return Confirmed(References(communication, file, voucher), reply.server_time)


def resend_outcome(answer: Answer) -> ResendOutcome:
    """What became of a resend: as for an import, but for what a 200 promises.

    The vendor documents texts; a number as code or job is taken too. A job that is not named is no doubt: OK is.
    """
    if isinstance(answer, NoReply) or answer.status != 200:
        outcome = send_outcome(answer)
        assert not isinstance(outcome, Confirmed), "only a 200 confirms"
        return outcome
    body = parse_json(answer.body, members=_told_once)
    told = body if isinstance(body, dict) else {}
    job, result, code = (_told(told.get(name)) for name in ("job", "result", "resultcode"))
    if not (result and code):
        return InDoubt("200, but without a usable result and resultcode", None, answer.server_time)
    return Answered(job, result, code, answer.server_time)


def _told(value: Any) -> str:
    return printable(str(value) if type(value) is int else value)


def invoice_outcome(answer: Answer) -> InvoiceOutcome:
    """Whether an invoice is known. A page of a proxy says neither yes nor no."""
    if isinstance(answer, Reply):
        if answer.status == 200 and isinstance(parse_json(answer.body), dict):
            return InvoiceKnown()
        if is_unknown_invoice(answer):
            return InvoiceUnknown()
    return read_failed(answer)


def probe_outcome(answer: Answer) -> ProbeOutcome:
    """Whether the credentials hold. A 401 is about them whatever its body; a 403 may be any firewall's."""
    if isinstance(answer, NoReply):
        return ProbeFailed(answer.cause)
    body, error = parse_json(answer.body), vendor_error(answer)
    if answer.status == 200 and isinstance(body, dict) and isinstance(body.get("rows"), list):
        return ProbeAccepted(answer.server_time)
    if answer.status == 401:
        return ProbeRefused(
            error or VendorError(401, "Unauthorized", message="an answer without Abillify's error body")
        )
    if answer.status == 403 and error is not None:
        return ProbeRefused(error)
    advice = "Check api.base_url, and what stands between here and Abillify"
    return ProbeFailed(f"{describe(answer)}. {advice}", answer.status)


def is_unknown_invoice(reply: Reply) -> bool:
    return reply.status == 404 and vendor_error(reply) is not None


def read_failed(answer: Answer) -> ReadFailed:
    """Every answer to a question that is none. The status is given whoever answered: a 401 or 403 stops the line."""
    if isinstance(answer, NoReply):
        return ReadFailed(answer.cause)
    return ReadFailed(describe(answer), answer.status, answer.retry_after)


def vendor_error(reply: Reply) -> VendorError | None:
    """The error as Abillify words it; None when somebody else answered, or nobody said anything."""
    body = parse_json(reply.body)
    if reply.status < 400 or not isinstance(body, dict):
        return None
    name, message = printable(body.get("name")), printable(body.get("message"))
    code = body.get("code")
    is_vendors = (type(code) is int and code == reply.status) if "code" in body else bool(name and message)
    if not is_vendors:
        return None
    details = body.get("details")
    listed = details if isinstance(details, list) else []
    parsed = tuple(_detail(detail) for detail in listed if isinstance(detail, dict))
    return VendorError(reply.status, name, printable(body.get("type")), message, parsed)


def _detail(detail: Mapping[str, Any]) -> dict[str, Any]:
    """`error`, `fields` and `hint`, those that are there."""
    fields = detail.get("fields")
    listed = fields if isinstance(fields, list) else [fields]
    parsed = {
        "error": printable(detail.get("error")),
        "fields": [printable(field) for field in listed if isinstance(field, str)],
        "hint": printable(detail.get("hint")),
    }
    return {name: value for name, value in parsed.items() if value}


def describe(reply: Reply) -> str:
    """A clause for a person about a reply that is not what was hoped for."""
    error = vendor_error(reply)
    if error is not None:
        return str(error)
    status = f"{reply.status} {responses.get(reply.status, '')}".strip()
    if reply.body is None:
        return f"{status}, an answer larger than any that was expected"
    if 300 <= reply.status < 400:
        return f"{status}, a redirect, which is not followed"
    if reply.status < 300:
        return f"{status}, but {'an HTML page' if is_html(reply) else 'not what Abillify answers'}"
    return f"{status} without Abillify's error body, perhaps from a proxy in between"


def is_html(reply: Reply) -> bool:
    return reply.content_type.lower().startswith("text/html")


def parse_json(body: bytes | None, members: Callable[[list[tuple[str, Any]]], Any] = dict) -> Any:
    """None when it is no JSON, too large, or nested beyond reason; `members` makes an object of its members."""
    try:
        return json.loads(body, object_pairs_hook=members) if body is not None else None
    except (ValueError, RecursionError):
        return None


def _told_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two references under one name nobody knows which one it is; the read-back does.

    Raises:
        ValueError: a name stands there twice.
    """
    told = dict(members)
    if len(told) < len(members):
        raise ValueError("a name stands there twice")
    return told


def is_reference(value: Any) -> TypeGuard[str]:
    """A text that ledgers and logs can hold as it came."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable() and len(value) <= LONGEST_TEXT


def printable(value: Any) -> str:
    """A text of theirs, safe to print and to store; empty for everything else."""
    if not isinstance(value, str):
        return ""
    return "".join(char if char.isprintable() else " " for char in value[:LONGEST_TEXT]).strip()
