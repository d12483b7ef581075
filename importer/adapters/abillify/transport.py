"""The network below httpx: a total deadline for each request, and the knowledge whether any of it has been sent.

An exception's type cannot tell a request that never left from a lost reply, and httpcore's time-outs are for each read,
so that a trickled reply outlives them. So the streams themselves are wrapped, through httpcore's public interface.
"""

import queue
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import httpcore
import httpx

CHUNK = 64 * 1024
"""Bytes of a write; each one gets a new look at the deadline."""

KEEP_ALIVE = 2.0
"""Seconds; short, because a send into a connection that the server has just closed is a send in doubt."""


def steady() -> float:
    """Seconds that only grow, where possible also while the machine is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class DeadlinePassed(httpcore.TimeoutException):
    """The request as a whole took too long."""


class StartedTooLate(Exception):
    """The first byte would have left after `Call.start_by`."""


class AnsweredBefore(httpcore.RemoteProtocolError):
    """What stands there as the reply had come before the request: it is the answer to nothing of ours."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One request under way, on one thread. All moments are by `clock`."""

    clock: Callable[[], float]
    deadline: float
    encrypted: bool
    """Whether the request goes over TLS: then what is written in the clear is a proxy's affair."""
    start_by: float | None = None
    """The last moment for the first byte (exactly-once.md, "Order of acts" 3)."""
    sent: bool = False
    """Whether any byte of the request may have left."""
    heard: bool = False
    """Whether anything was read that may be its reply."""

    def left(self, timeout: float | None = None) -> float:
        """Seconds for the next step.

        Raises:
            DeadlinePassed: none are left.
        """
        left = self.deadline - self.clock()
        if left <= 0:
            raise DeadlinePassed
        return left if timeout is None else min(left, timeout)

    def begin(self) -> None:
        """Before each write of the request.

        Raises:
            StartedTooLate: it would be the first one, and it is too late for that.
        """
        if not self.sent and self.start_by is not None and self.clock() > self.start_by:
            raise StartedTooLate
        # Before the write and not after it: a write that fails may have written something.
        self.sent = True


# httpcore tells a backend nothing of the request, but stays on the thread of its caller.
_CALL: ContextVar[Call] = ContextVar("call")


@contextmanager
def under(call: Call) -> Iterator[None]:
    """Everything that this thread does with the network inside the block belongs to this call."""
    token = _CALL.set(call)
    try:
        yield
    finally:
        _CALL.reset(token)


class Stream(httpcore.NetworkStream):
    """A connection that keeps to the call's deadline and notes what is sent."""

    def __init__(self, stream: httpcore.NetworkStream, *, encrypted: bool = False) -> None:
        self._stream = stream
        self._encrypted = encrypted

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        call = _CALL.get()
        data = self._stream.read(max_bytes, call.left(timeout))
        if self._encrypted == call.encrypted:
            call.heard = True
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        call = _CALL.get()
        rest = memoryview(buffer)  # of a slice of bytes every part would be copied, here and by each partial write
        while rest:
            left = call.left(timeout)
            if self._encrypted == call.encrypted:
                call.begin()
            self._stream.write(cast("bytes", rest[:CHUNK]), left)
            rest = rest[CHUNK:]

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _CALL.get().left(timeout))
        return Stream(stream, encrypted=True)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Backend(httpcore.NetworkBackend):
    """Opens such connections. Name resolution has no time limit of its own; nothing has been sent by then."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _resolve(host, port)
        call = _CALL.get()
        connect_by = call.clock() + call.left(timeout)
        while True:
            # An address that does not answer must leave time for the next one.
            share = max(0.001, connect_by - call.clock()) / len(addresses)
            try:
                return Stream(self._backend.connect_tcp(addresses.pop(0), port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses:
                    raise


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"the name {host} is not known ({error})") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Connections:
    """HTTP/1.1 over such streams; no retries. Every use must be `under` a call. Safe to share between threads.

    The one that was used last is used first. httpcore makes them, but does not hand them out: its pool looks through
    all that it has, before each request and after it.

    Args:
        most: connections at once.
        wait: seconds for which a request waits for a free one.
        encrypted: whether they go over TLS.
        proxy: through which they go.
    """

    def __init__(self, *, most: int, wait: float, encrypted: bool, proxy: httpcore.Proxy | None) -> None:
        self._wait = wait
        maker = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context() if encrypted else None,  # reading all authorities takes its time
            proxy=proxy,
            keepalive_expiry=KEEP_ALIVE,
            network_backend=Backend(),
        )
        self._all = [_Renewed(maker) for _ in range(most)]
        self._free: queue.LifoQueue[_Renewed] = queue.LifoQueue()
        for each in self._all:
            self._free.put(each)

    @contextmanager
    def exchange(self, request: httpcore.Request) -> Iterator[httpcore.Response]:
        """The reply to a request, to be read within the block.

        Raises:
            httpcore.PoolTimeout: no connection was free in time.
            AnsweredBefore: the reply had come together with the former one, and is not this request's.
            httpcore.TimeoutException, httpcore.NetworkError, ...: the exchange has failed.
        """
        try:
            renewed = self._free.get(timeout=self._wait)
        except queue.Empty:
            raise httpcore.PoolTimeout from None
        try:
            response = renewed.connection_to(request.url.origin).handle_request(request)
            try:
                if not _CALL.get().heard:
                    raise AnsweredBefore
                yield response
            finally:
                response.close()  # and the connection with it, unless all of the reply was read
        finally:
            self._free.put(renewed)

    def close(self) -> None:
        for each in self._all:
            each.close()


class _Renewed:
    """One connection after another: made anew once the last one is of no more use."""

    def __init__(self, maker: httpcore.ConnectionPool) -> None:
        self._maker = maker
        self._last: httpcore.ConnectionInterface | None = None

    def connection_to(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        """One that waits for a request; it may not stand yet."""
        last = self._last
        # A closed or half-used one is not idle; one that the server has closed, or that was idle for long, has expired.
        if last is not None and last.is_idle() and not last.has_expired() and last.can_handle_request(origin):
            return last
        self.close()
        self._last = self._maker.create_connection(origin)
        return self._last

    def close(self) -> None:
        if self._last is not None:
            self._last.close()
