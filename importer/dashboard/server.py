"""The page's own thread: it answers while its context lasts, and nothing that happens in it reaches the service."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from importer.dashboard.app import make_app
from importer.dashboard.desk import Desk

THREADS = 8
SHORTEST_TOKEN = 16
"""Characters; one that can be guessed is none."""


class TokenTooShort(ValueError):
    """The token is no protection."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is served."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


@contextmanager
def serving(desk: Desk, host: str, port: int) -> Iterator[Page]:
    """Serves the page as long as the context lasts.

    Args:
        desk: what it asks and does.
        host: an address, or a name of this machine's own.
        port: 0 lets the system choose one.

    Raises:
        OSError: it cannot listen there.
        TokenTooShort: its token could be guessed.
        ConfigError: its token cannot be read.
    """
    if desk.token is not None and len(desk.token()) < SHORTEST_TOKEN:
        raise TokenTooShort(f"the token has less than {SHORTEST_TOKEN} characters; `openssl rand -hex 32` makes one")
    # It tells of busy threads; whoever waits sees that.
    logging.getLogger("waitress").setLevel(logging.CRITICAL)
    known: dict[Any, Any] = {}
    server: Any = create_server(
        make_app(desk, host),
        map=known,
        host=_address(host, port),
        port=port,
        threads=THREADS,
        ident="importer",
        max_request_body_size=1 << 20,
        clear_untrusted_proxy_headers=False,  # one of them is believed, and harmless: guard.Cookies
    )
    ending = threading.Event()

    def answer() -> None:
        while not ending.is_set():
            wasyncore.loop(timeout=60.0, use_poll=True, map=known, count=1)

    thread = threading.Thread(target=answer, name="dashboard", daemon=True)
    thread.start()
    try:
        yield Page(host, server.effective_port)
    finally:
        ending.set()
        server.pull_trigger()
        thread.join()
        server.task_dispatcher.shutdown(timeout=1)
        server.close()
        # Browsers keep theirs open.
        wasyncore.close_all(known, ignore_all=True)


def _address(host: str, port: int) -> str:
    """One address of a name: of `localhost`, two would be listened on."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return str(found[0][4][0])
