"""What the sandbox answers: a frozen value, so that a remembered answer is the same answer."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# Status -> (name, type) by abillify-api.md "Errors"; unspecified are 413, 415, 422 and 503 and the
# types but that of 400 and 409. A status that is not listed is named as 400 or 500 is.
ERRORS = {
    400: ("ClientError", "ERR_INVALID_VALUE"),
    401: ("Unauthorized", "ERR_UNAUTHORIZED"),
    403: ("Forbidden", "ERR_FORBIDDEN"),
    404: ("NotFound", "ERR_NOT_FOUND"),
    409: ("ERR_UNIQUE_VIOLATION", "ERR_UNIQUE_VIOLATION"),
    413: ("PayloadTooLarge", "ERR_PAYLOAD_TOO_LARGE"),
    415: ("UnsupportedMediaType", "ERR_UNSUPPORTED_MEDIA_TYPE"),
    422: ("UnprocessableEntity", "ERR_UNPROCESSABLE"),
    429: ("TooManyRequests", "ERR_TOO_MANY_REQUESTS"),
    500: ("ServerError", "ERR_SERVER"),
    503: ("ServiceUnavailable", "ERR_UNAVAILABLE"),
}

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Reply:
    """Status, body and headers of an answer, without `Date` and framing, which belong to each sending."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Headers = ()


class RefusedError(Exception):
    """The request is refused before processing begins; `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def of(value: object, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(value).encode())


def detail(error: str, field: str, hint: str) -> dict[str, Any]:
    """One member of an error's `details` (abillify-api.md "Errors")."""
    return {"error": error, "fields": [field], "hint": hint}


def error(status: int, message: str, details: Iterable[dict[str, Any]] = (), headers: Headers = ()) -> Reply:
    """The vendor's error body; `details` is left out when there are none."""
    name, kind = ERRORS.get(status, ERRORS[400 if status < 500 else 500])
    body: dict[str, Any] = {"code": status, "message": message, "name": name, "type": kind}
    if listed := list(details):
        body["details"] = listed
    return Reply(status, json.dumps(body).encode(), headers=headers)


def proxy_page(status: int) -> Reply:
    """The HTML page of a proxy that stands before the API."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>nginx</body></html>"
    return Reply(status, page.encode(), "text/html")
