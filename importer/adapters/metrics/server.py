"""A few pages over HTTP, for this machine only: nobody is asked for a password."""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATIENCE = 10
"""Seconds for one who connects and says nothing."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a visitor gets."""

    content: bytes
    content_type: str
    status: HTTPStatus = HTTPStatus.OK


class Server(ThreadingHTTPServer):
    """Answers while its context lasts.

    Args:
        host: an address of this machine's own.
        port: 0 lets the system choose one; `server_port` tells.
        pages: by path; called by a thread of their own, one a visit.

    Raises:
        OSError: it cannot listen there.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.pages = pages
        super().__init__((host, port), _Visit)
        self._thread = threading.Thread(target=self.serve_forever, name="metrics", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor that went away is no event for the log."""


class _Visit(BaseHTTPRequestHandler):
    server: Server
    timeout = PATIENCE
    server_version, sys_version = "importer", ""

    def do_GET(self) -> None:
        page = self._page()
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.content)

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def _page(self) -> Page:
        make = self.server.pages.get(self.path.partition("?")[0])
        if make is None:
            paths = " ".join(self.server.pages)
            return Page(f"there are {paths}\n".encode(), "text/plain; charset=utf-8", HTTPStatus.NOT_FOUND)
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - whoever watches must see that something is wrong, and no more
            told = f"{type(error).__name__}\n".encode()
            return Page(told, "text/plain; charset=utf-8", HTTPStatus.INTERNAL_SERVER_ERROR)

    def log_message(self, *_: object) -> None:
        """Being watched is no event."""
