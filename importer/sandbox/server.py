"""Sockets: reads requests, does to the wire what a fault says, and leaves the answers to the state."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import Any

from importer.sandbox import door, replies, requests
from importer.sandbox.fault import NONE, Delivery, Fault, Read
from importer.sandbox.replies import Reply
from importer.sandbox.requests import Endpoint, Form, Request
from importer.sandbox.state import Arrival, State
from importer.sandbox.store import Behaviour

# l_onoff, l_linger: closing drops what is unsent and resets the connection
RESET_ON_CLOSE = struct.pack("ii", 1, 0)

CUTS = (Delivery.CUT, Delivery.CUT_UNFRAMED)


class HangUpError(ConnectionError):
    """The connection ends without a reply."""


class Server(TCPServer):
    """One thread a connection; `stop` ends and joins them all. Bound to its address as soon as it is made."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], state: State) -> None:
        self.state = state
        self.closing = False
        self._connections: dict[threading.Thread, socket.socket] = {}
        super().__init__(address, Connection)
        self._acceptor = threading.Thread(target=self._accept, name="sandbox", daemon=True)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def start(self) -> None:
        self._acceptor.start()

    def stop(self) -> None:
        """Ends every connection, wherever it stands, and waits for its thread."""
        self.closing = True
        socket.create_connection(self.socket.getsockname()).close()  # wakes the acceptor
        self._acceptor.join()
        self.server_close()
        self.state.store.gate.set()
        for thread, connection in self._connections.copy().items():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _accept(self) -> None:
        while not self.closing:
            self.handle_request()

    def verify_request(self, _request: Any, _client_address: Any) -> bool:
        return not self.closing

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self._serve, args=(request, client_address), name="sandbox", daemon=True)
        self._connections[thread] = request
        thread.start()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            with suppress(ConnectionError):
                self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)
            del self._connections[threading.current_thread()]

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)  # and no orderly shutdown before, which would turn a reset into an end


class Connection(BaseHTTPRequestHandler):
    """The requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        state = self.server.state  # one for the whole request, whatever is reset in between
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._deliver(replies.error(411, "the sandbox wants a Content-Length"), NONE, state.date(NONE))
        elif self.path.startswith(door.PREFIX):
            body = self._read(Read.ALL)
            self._deliver(door.answer(state, self.command, self.path, body), NONE, state.date(NONE))
        else:
            self._exchange(state)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - named by the base class

    def log_message(self, *_args: Any) -> None:
        """Says nothing: stdout and stderr belong to whoever embeds the sandbox."""

    def _exchange(self, state: State) -> None:
        arrival = state.arrive(requests.locate(self.command, self.path))
        fault, wait = arrival.fault, partial(self._wait, state, arrival.gate)
        request = self._request(arrival, state.store.behaviour)
        state.record(request)
        wait(fault.before)
        if not request.whole:
            self._reset()
        reply = state.answer(request, arrival)
        wait(fault.after)
        if reply is None or fault.delivery is Delivery.RESET:
            self._reset()
        else:
            if fault.delivery not in CUTS:
                state.replied(request, reply.status)
            self._deliver(reply, fault, state.date(fault), wait)

    def _length(self) -> int:
        return int(self.headers.get("Content-Length", 0))

    def _read(self, amount: Read) -> bytes:
        share = {Read.ALL: self._length(), Read.HALF: self._length() // 2, Read.NOTHING: 0}
        return self.rfile.read(share[amount])

    def _request(self, arrival: Arrival, behaviour: Behaviour) -> Request:
        body, target, header = self._read(arrival.fault.read), arrival.target, self.headers.get("Authorization")
        is_import = target.endpoint is Endpoint.IMPORT
        return Request(
            number=arrival.number,
            received=arrival.received,
            target=target,
            host=self.headers.get("Host", ""),
            key=self.headers.get("Idempotency-Key"),
            authorization=header is not None,
            authorized=requests.allows(header, behaviour.username, behaviour.password),
            whole=arrival.fault.read is Read.ALL and len(body) == self._length(),
            fault=arrival.fault.name,
            form=requests.read_form(self.headers.get("Content-Type", ""), body) if is_import else Form(),
        )

    def _wait(self, state: State, gate: threading.Event, seconds: float | None) -> None:
        if seconds != 0:
            gate.wait(seconds)
        if self.server.closing or self.server.state is not state:
            raise HangUpError

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        raise HangUpError

    def _deliver(
        self, reply: Reply, fault: Fault, date: str | None, wait: Callable[[float], None] = lambda _: None
    ) -> None:
        delivery, body = fault.delivery, reply.body
        framed = delivery is not Delivery.CUT_UNFRAMED
        head = render_head(reply, date, framed=framed, closing=self.close_connection or not framed)
        if delivery in CUTS:
            body = body[: len(body) // 2]
        self._send(head, fault.pace if delivery is Delivery.SLOW_HEAD else 0, wait)
        self._send(body, fault.pace if delivery is Delivery.SLOW_BODY else 0, wait)
        if delivery in CUTS or delivery is Delivery.STALE:
            raise HangUpError

    def _send(self, data: bytes, pace: float, wait: Callable[[float], None]) -> None:
        if not pace:
            self.wfile.write(data)
            return
        for index in range(len(data)):
            self.wfile.write(data[index : index + 1])
            wait(pace)


def render_head(reply: Reply, date: str | None, *, framed: bool, closing: bool) -> bytes:
    """Status line and headers. Unframed, the body ends with the connection; a 204 has none."""
    headers = [*reply.headers]
    headers += [("Date", date)] if date else []
    headers += [("Content-Type", reply.content_type)] if reply.body else []
    headers += [("Content-Length", str(len(reply.body)))] if framed and reply.status != HTTPStatus.NO_CONTENT else []
    headers += [("Connection", "close")] if closing else []
    lines = [
        f"HTTP/1.1 {reply.status} {responses.get(reply.status, '')}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode()
