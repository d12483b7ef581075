"""The catalogue of faults; `FAULTS` holds it by name for the control door.

A fault that none of these functions makes is put together from `Fault`'s fields.
"""

from collections.abc import Callable

from importer.sandbox import replies
from importer.sandbox.fault import NONE, Delivery, Effect, Fault, Memory, Read
from importer.sandbox.replies import Reply


def none() -> Fault:
    """No fault: lets a request through between two faults of a queue."""
    return NONE


def status(code: int, *, effect: bool = False, remembered: bool = False, retry_after: int | str | None = None) -> Fault:
    """A vendor error, before the effect or after it.

    Not remembered, a retry with the same key is a new request, even after an effect. `retry_after` is sent as it is
    given: seconds, a date or nonsense.
    """
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return Fault(
        name=f"status_{code}",
        effect=_once(effect),
        memory=Memory.FAULTY if remembered else Memory.NOTHING,
        reply=replies.error(code, "switched on in the sandbox", headers=headers),
    )


def proxy_page(code: int = 502, *, effect: bool = False) -> Fault:
    """A proxy's HTML page; after an effect, the API remembers the true reply behind it."""
    return Fault(name=f"proxy_{code}", effect=_once(effect), reply=replies.proxy_page(code))


def not_json(*, effect: bool = True) -> Fault:
    """A 200 that says it is JSON and is not."""
    return Fault(name="not_json", effect=_once(effect), reply=Reply(200, b'{"communicationReference": '))


def no_references(*, effect: bool = True) -> Fault:
    """A 200 whose body is an empty object."""
    return Fault(name="no_references", effect=_once(effect), reply=replies.of({}))


def null_references(*, effect: bool = True) -> Fault:
    """A 200 whose three references are null."""
    return Fault(name="null_references", effect=_once(effect), reply=_references(None, None, None))


def wrong_types(*, effect: bool = True) -> Fault:
    """A 200 whose references are a number, a list and an object."""
    return Fault(name="wrong_types", effect=_once(effect), reply=_references(12345, ["_67890"], {}))


def empty(code: int = 204, *, effect: bool = True) -> Fault:
    """A 202 or 204 without a body, where a 200 is promised."""
    return Fault(name=f"empty_{code}", effect=_once(effect), reply=Reply(code))


def redirect(location: str = "https://elsewhere.invalid/api", *, code: int = 302, effect: bool = False) -> Fault:
    """A redirect to another host."""
    reply = Reply(code, headers=(("Location", location),))
    return Fault(name="redirect", effect=_once(effect), reply=reply)


def reset_before_body() -> Fault:
    """The connection is reset after the headers; the body is not read."""
    return Fault(name="reset_before_body", read=Read.NOTHING, effect=Effect.NEVER)


def reset_mid_body() -> Fault:
    """The connection is reset after half of the body."""
    return Fault(name="reset_mid_body", read=Read.HALF, effect=Effect.NEVER)


def stops_reading(seconds: float | None = None) -> Fault:
    """The body is left unread for so long, or until `release()`; then the connection is reset."""
    return Fault(name="stops_reading", read=Read.NOTHING, before=seconds, effect=Effect.NEVER)


def reset_before_effect() -> Fault:
    """The whole request is read, nothing is done, the connection is reset."""
    return Fault(name="reset_before_effect", effect=Effect.NEVER, delivery=Delivery.RESET)


def lost_reply() -> Fault:
    """The effect happens and is remembered under the key; the reply is lost in a reset."""
    return Fault(name="lost_reply", delivery=Delivery.RESET)


def died_before_key() -> Fault:
    """The effect happens, the server dies before the key is stored: the same key imports again."""
    return Fault(name="died_before_key", memory=Memory.NOTHING, delivery=Delivery.RESET)


def delay(*, before: float | None = 0.0, after: float | None = 0.0) -> Fault:
    """Real seconds of pause before or after the effect; None waits for `release()`."""
    return Fault(name="delay", before=before, after=after)


def slow_headers(pace: float = 0.01) -> Fault:
    """The reply's head comes byte by byte."""
    return Fault(name="slow_headers", delivery=Delivery.SLOW_HEAD, pace=pace)


def slow_body(pace: float = 0.01) -> Fault:
    """The reply's body comes byte by byte."""
    return Fault(name="slow_body", delivery=Delivery.SLOW_BODY, pace=pace)


def cut(*, framed: bool = True) -> Fault:
    """Half of the reply's body, with a `Content-Length` or ended only by the end of the connection."""
    return Fault(name="cut", delivery=Delivery.CUT if framed else Delivery.CUT_UNFRAMED)


def stale_keep_alive() -> Fault:
    """A whole reply, after which the connection is closed without having said so."""
    return Fault(name="stale_keep_alive", delivery=Delivery.STALE)


def late_effect(seconds: float | None = None) -> Fault:
    """The connection is reset; the effect lands so many seconds later by the clock, or at `release()`."""
    return Fault(name="late_effect", effect=Effect.LATER, later=seconds, delivery=Delivery.RESET)


def repeated_post() -> Fault:
    """A proxy sends the request twice: harmless only under a key."""
    return Fault(name="repeated_post", effect=Effect.TWICE)


def another_answer() -> Fault:
    """The references of another import, or of none that exists when there is no other."""
    return Fault(name="another_answer", another=True)


def key_forgotten() -> Fault:
    """The key is not looked up: the same key imports again."""
    return Fault(name="key_forgotten", ignores_key=True)


def two_matches() -> Fault:
    """The document is stored twice whatever the key."""
    return Fault(name="two_matches", effect=Effect.TWICE, ignores_key=True)


def rewritten_bytes(suffix: str = "\n%rewritten\n") -> Fault:
    """The server stores other bytes than it was sent."""
    return Fault(name="rewritten_bytes", appended=suffix.encode())


def shifted_page(by: int = 1) -> Fault:
    """A listing that moved between two pages: a row is skipped (or, negative, comes again) past the first page."""
    return Fault(name="shifted_page", shift=by)


def wrong_date(seconds: float) -> Fault:
    """A `Date` header that is so many seconds ahead."""
    return Fault(name="wrong_date", date_skew=seconds)


def no_date() -> Fault:
    """A reply without a `Date` header."""
    return Fault(name="no_date", date_skew=None)


FAULTS: dict[str, Callable[..., Fault]] = {
    make.__name__: make
    for make in (
        *(none, status, proxy_page, not_json, no_references, null_references, wrong_types, empty, redirect),
        *(reset_before_body, reset_mid_body, stops_reading, reset_before_effect, lost_reply, died_before_key),
        *(delay, slow_headers, slow_body, cut, stale_keep_alive, late_effect, repeated_post, another_answer),
        *(key_forgotten, two_matches, rewritten_bytes, shifted_page, wrong_date, no_date),
    )
}


def _once(effect: bool) -> Effect:
    return Effect.ONCE if effect else Effect.NEVER


def _references(communication: object, file: object, voucher: object) -> Reply:
    return replies.of({"communicationReference": communication, "fileReference": file, "voucherReference": voucher})
