"""One request, one answer: a reply as it came, or the fact that there was none and whether anything had been sent."""

import re
import ssl
import threading
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import httpcore
import httpx

from importer.adapters.abillify.headers import ServerClock, parse_date, parse_retry_after
from importer.adapters.abillify.proxies import proxy_for
from importer.adapters.abillify.request import Request
from importer.adapters.abillify.throttle import Turns
from importer.adapters.abillify.transport import AnsweredBefore, Call, Connections, StartedTooLate, under

JSON_LIMIT = 1 << 20
"""Bytes of an ordinary reply."""

_PLAIN = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~%-]+)+")
"""A path below the base that stands in the request as it is: every character is allowed there, no step leads up."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply of any status, from whomever it came."""

    status: int
    body: bytes | None
    """None when it is larger than it may be."""
    content_type: str = ""
    server_time: datetime | None = None
    retry_after: float | None = None
    """Seconds."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """None, or not all of it."""

    cause: str
    """For a person; carries nothing of the request."""
    sent: bool
    """Whether any byte of the request may have left."""


Answer = Reply | NoReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """In seconds."""

    connect: float
    total: float
    """From the connection to the reply's last byte."""


@dataclass(frozen=True, slots=True)
class _Address:
    """An address as it stands in a request; httpx puts each part together anew whenever it is asked for it."""

    scheme: bytes
    host: bytes
    port: int | None
    netloc: bytes
    path: bytes

    @classmethod
    def of(cls, url: httpx.URL) -> Self:
        return cls(url.raw_scheme, url.raw_host, url.port, url.netloc, url.raw_path)


class Wire:
    """Sends requests with the credentials, not faster than the pacer allows. Thread-safe."""

    def __init__(
        self, base_url: str, *, max_connections: int, pacer: Turns, timeouts: Timeouts, clock: Callable[[], float]
    ) -> None:
        self._base_url = base_url
        self._base = _Address.of(httpx.URL(base_url))
        self._encrypted = self._base.scheme == b"https"
        self.pacer = pacer
        self._is_ending = threading.Event()
        self._timeouts = timeouts
        self._clock = clock
        self._authorization = b""
        self._connections = Connections(
            most=max_connections, wait=timeouts.connect, encrypted=self._encrypted, proxy=proxy_for(base_url)
        )
        self.server_clock = ServerClock(clock)

    def close(self) -> None:
        self._connections.close()

    def use_credentials(self, username: str, password: str) -> None:
        """For all requests from now on.

        Raises:
            ValueError: they are no valid text.
        """
        try:
            self._authorization = b"Basic " + b64encode(f"{username}:{password}".encode())
        except UnicodeEncodeError:
            # The error itself carries the password.
            raise ValueError("user name or password is not valid UTF-8; write the credential anew") from None

    def wait_for_turn(self) -> None:
        """Returns when the rate limit lets the next request out, or when no more are wanted."""
        self.pacer.wait(unless=self._is_ending)

    def end_waiting(self) -> None:
        """Whoever waits for a turn, now or later, is let go."""
        self._is_ending.set()

    def ask(
        self,
        request: Request,
        *,
        limit: int = JSON_LIMIT,
        start_by: float | None = None,
        by: float | None = None,
        paced: bool = True,
    ) -> Answer:
        """One request to the configured host, and no other: the credentials go with it.

        Args:
            request: sent as it is.
            limit: bytes; of a larger reply there is no body.
            start_by: the last moment for the first byte, by the clock.
            by: the last moment for the last byte, where that is sooner than the time-out.
            paced: whether to wait for the rate limit here; otherwise the caller has done so.
        """
        if paced:
            self.wait_for_turn()
        deadline = self._clock() + self._timeouts.total
        call = Call(
            clock=self._clock,
            deadline=deadline if by is None else min(deadline, by),
            encrypted=self._encrypted,
            start_by=start_by,
        )
        try:
            with under(call):
                return self._exchange(request, limit)
        except Exception as error:  # noqa: BLE001 - whatever broke: only what was sent decides what it means
            return NoReply(_describe(error), call.sent)

    def _exchange(self, request: Request, limit: int) -> Reply:
        with self._connections.exchange(self._to_httpcore(request)) as response:
            headers = _joined(response.headers)
            date = parse_date(headers.get("date"))
            self.server_clock.note(date)
            return Reply(
                response.status,
                _body(response, headers.get("content-encoding", "identity"), limit),
                headers.get("content-type", ""),
                date,
                parse_retry_after(headers.get("retry-after"), date),
            )

    def _to_httpcore(self, request: Request) -> httpcore.Request:
        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        if request.method == "POST":
            headers.append((b"Content-Length", str(len(request.body)).encode()))
        url, host = self._address(request.url)
        return httpcore.Request(
            method=request.method,
            url=url,
            headers=[(b"Host", host), *headers, (b"Authorization", self._authorization)],
            content=request.body,
            extensions={"timeout": {"connect": self._timeouts.connect, "pool": self._timeouts.connect}},
        )

    def _address(self, url: str) -> tuple[httpcore.URL, bytes]:
        """Where to, and the host's name for the header; most addresses need not be taken to pieces."""
        below = url.removeprefix(self._base_url)
        if below != url and _PLAIN.fullmatch(below):
            there = self._base
            target = there.path.rstrip(b"/") + below.encode()
        else:
            there = _Address.of(httpx.URL(url))
            target = there.path
        return httpcore.URL(scheme=there.scheme, host=there.host, port=there.port, target=target), there.netloc


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """By their names in lower case; what stands there several times, as one list (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _body(response: httpcore.Response, packing: str, limit: int) -> bytes | None:
    """None when it is larger than it may be, or packed in another way than the usual one.

    Nothing packed was asked for. httpx would unpack it without a limit: a thousand bytes can become a thousand million.
    """
    encoding = packing.strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        return None
    unpacker = zlib.decompressobj(32 + zlib.MAX_WBITS) if encoding not in ("identity", "") else None
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk if unpacker is None else unpacker.decompress(chunk, limit + 1 - len(body))
        if len(body) > limit or (unpacker is not None and unpacker.unconsumed_tail):
            return None
    if unpacker is not None and not unpacker.eof:
        raise httpcore.RemoteProtocolError("the packed answer broke off")
    return bytes(body)


def _describe(error: Exception) -> str:  # noqa: C901, PLR0911 - one line an error is the clearest form of a table
    """A clause for a person. Of an error that is not known here only the name: its text may carry a header."""
    cause = error.args[0] if error.args else ""
    match error:
        case StartedTooLate():
            return "too much time had passed since the upload was recorded; it was not begun"
        case httpcore.ConnectTimeout():
            return "no connection came about in time"
        case httpcore.PoolTimeout():
            return "no connection was free in time"
        case httpcore.TimeoutException():
            return "no complete answer came in time"
        case httpcore.ProxyError():
            return f"the proxy refused: {cause}"
        case httpcore.ConnectError() if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate is not trusted: {cause.verify_message}"
        case httpcore.ConnectError():
            return f"no connection: {cause}"
        case httpcore.NetworkError():
            return f"the connection broke: {cause}"
        case AnsweredBefore():
            return "what came was there before the request, and is no answer to it"
        case httpcore.RemoteProtocolError():
            return "the answer broke off, or is not HTTP"
    return f"the exchange failed ({type(error).__name__})"
