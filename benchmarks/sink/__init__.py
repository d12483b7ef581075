"""The thin server on the other side: `sink.c`, compiled when it is needed; `plain.py` where it cannot be."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Seen:
    """What a sink saw since it was last asked to begin anew."""

    imports: int
    cpu: float
    """Seconds, of the sink itself."""
    window: float
    """Seconds from the first import's first byte to the last import's last answered one."""


@dataclass(frozen=True, slots=True)
class Sink:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def take_stats(self) -> Seen:
        """What was seen since the last time."""
        connection = HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/reset")
        told = json.loads(connection.getresponse().read())
        connection.close()
        return Seen(told["imports"], told["cpu_us"] / 1e6, (told["last_at"] - told["first_at"]) / 1e9)


def program(folder: Path) -> list[str]:
    """The command that starts a sink: compiled into `folder` where there is a C compiler."""
    compiler, compiled = shutil.which("cc"), folder / "sink"
    if compiler is None:
        return [sys.executable, str(HERE / "plain.py")]
    if not compiled.exists():
        subprocess.run([compiler, "-O2", "-o", str(compiled), str(HERE / "sink.c")], check=True)
    return [str(compiled)]


@contextmanager
def serving(folder: Path, latency_ms: float = 0.0) -> Iterator[Sink]:
    """A sink that answers after `latency_ms`, until the block ends."""
    command = [*program(folder), str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Sink(int(process.stdout.readline()))
        finally:
            process.stdin.close()


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a sink can take from clients that do nothing but send."""

    requests_per_second: float
    cpu_per_request: float
    """Seconds, of the sink."""


def capacity(sink: Sink, *, connections: int, size: int, seconds: float = 1.0) -> Capacity:
    """Measured with raw sockets that send one ready-made request again and again."""
    body = b"x" * size
    head = f"POST /api/invoices/RE-1/importExternalDocument HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
    request = head.encode() + body
    until = time.perf_counter() + seconds
    sink.take_stats()

    def loop() -> None:
        with socket.create_connection(("127.0.0.1", sink.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.perf_counter() < until:
                connection.sendall(request)
                answer = b""
                while not answer.endswith(b"}"):
                    answer += connection.recv(4096)

    threads = [threading.Thread(target=loop) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = sink.take_stats()
    return Capacity(seen.imports / seen.window, seen.cpu / seen.imports)
