"""The same as `sink.c`, for a machine without a C compiler. Slower: `capacity` tells whether it is fast enough.

python plain.py [LATENCY_MS]
"""

import asyncio
import json
import re
import sys
import time
from email.utils import formatdate

LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)


class Totals:
    """What was seen since the last reset."""

    def __init__(self) -> None:
        self.imports = self.import_bytes = self.first_at = self.last_at = 0
        self.cpu = time.process_time()

    def told(self) -> bytes:
        facts = {name: value for name, value in vars(self).items() if name != "cpu"}
        return json.dumps(facts | {"cpu_us": int(1e6 * (time.process_time() - self.cpu))}).encode()


class Connection(asyncio.Protocol):
    latency = float(sys.argv[1]) / 1000 if len(sys.argv) > 1 else 0.0
    totals = Totals()
    references = 100_000
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.head, self.body_left, self.is_import, self.began = transport, b"", 0, False, 0

    def data_received(self, data: bytes) -> None:
        while data:
            if self.body_left:
                part = min(self.body_left, len(data))
                self.body_left, data = self.body_left - part, data[part:]
                if not self.body_left:
                    self.answer()
                continue
            self.began = self.began if self.head else time.monotonic_ns()
            head, ended, data = (self.head + data).partition(b"\r\n\r\n")
            self.head = b"" if ended else head
            if ended:
                self.request(head + b"\r\n")

    def request(self, head: bytes) -> None:
        length, totals = LENGTH.search(head), self.totals
        path = head.split(b" ", 2)[1]
        if path in (b"/stats", b"/reset"):
            self.reply(totals.told())
            if path == b"/reset":
                Connection.totals = Totals()
            return
        self.is_import, self.body_left = head.startswith(b"POST "), int(length[1]) if length else 0
        if self.is_import:
            totals.first_at = totals.first_at or self.began
            totals.import_bytes += self.body_left
            if b"\r\nexpect: 100-continue" in head.lower():
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self.body_left:
            self.answer()

    def answer(self) -> None:
        act = self.confirm if self.is_import else self.page
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, act)
        else:
            act()

    def confirm(self) -> None:
        Connection.references += 3
        names = ("communicationReference", "fileReference", "voucherReference")
        self.reply(json.dumps({name: f"_{self.references + i}" for i, name in enumerate(names)}).encode())
        self.totals.imports += 1
        self.totals.last_at = time.monotonic_ns()

    def page(self) -> None:
        self.reply(b'{"page": 1, "pageSize": 1, "query": {}, "rows": []}')

    def reply(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/json\r\n"
        self.transport.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)  # until it is closed


if __name__ == "__main__":
    asyncio.run(main())
