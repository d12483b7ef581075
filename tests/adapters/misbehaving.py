"""A server of sockets that does what a script says, and a client and documents to try on it."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from importer.adapters.abillify import Abillify
from importer.core.model import Document, Kind, digest_of

PASSWORD = "s3cret-päss"
CONTENT = b"%PDF-1.7\r\n--not-a-boundary\r\n\x00\xff\r\n%%EOF\r\n"
REFERENCES = {"communicationReference": "_12345", "fileReference": "_67890", "voucherReference": "_1234"}
DATE = "Thu, 01 Jan 2026 12:00:00 GMT"


def document(**changes) -> Document:
    given = {
        "id": 17,
        "account": "acme",
        "sha256": digest_of(CONTENT),
        "size": len(CONTENT),
        "inbox": "/inbox",
        "path": "a.pdf",
        "location": "/inbox/a.pdf",
        "filename": "Rechnung_RE1.pdf",
        "invoice_reference": "RE1",
        "kind": Kind.INVOICE,
        "label": "Rechnung RE1",
        "first_seen_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Document(**{**given, **changes})


def client(base_url: str, username="sandbox", password="sandbox", **options) -> Abillify:
    given = {"concurrency": 1, "rate_per_second": 0, "connect_timeout": 5.0, "timeout": 5.0}
    return Abillify(base_url, username, password, **{**given, **options})


def reply(status=200, body=REFERENCES, *, length=None, **headers) -> bytes:
    """A reply as bytes; `length` is the Content-Length where it is to lie. A value None leaves a header out."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Date": DATE, "Content-Type": "application/json", "Content-Length": length or len(content)}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in given.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + content


def error(status, message="no", **members) -> dict:
    return {"code": status, "message": message, "name": "ClientError", "type": "ERR_INVALID_VALUE", **members}


@dataclass
class Received:
    """A request, byte for byte."""

    head: bytes
    body: bytes

    @property
    def target(self) -> str:
        return self.head.split(b" ")[1].decode()

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode().split("\r\n")[1:-2]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@dataclass
class Line:
    """One connection, from the server's end."""

    socket: socket.socket
    received: list[Received]
    stopping: threading.Event
    buffer: bytearray = field(default_factory=bytearray)

    def receive(self, *, body=True) -> Received:
        """The next request, whole or only its head; EOFError when the client has hung up."""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        request = Received(bytes(head) + b"\r\n\r\n", b"")
        length = int(request.headers.get("content-length", 0)) if body else 0
        while len(self.buffer) < length:
            self.more()
        request.body, self.buffer = bytes(self.buffer[:length]), self.buffer[length:]
        self.received.append(request)
        return request

    def more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def trickle(self, data: bytes, pace=0.02) -> None:
        """Byte by byte, and then on with blanks until the client hangs up."""
        for byte in data:
            self.send(bytes([byte]))
            self.stopping.wait(pace)
        while not self.stopping.wait(pace):
            self.send(b" ")

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Act = Callable[[Line], object]


class Misbehaving:
    """Serves each connection with the next act; when an act ends, its connection is closed.

    Attributes:
        received: all requests, from all connections.
        closed: set when the server has closed a connection after its act.
    """

    def __init__(self, *acts: Act, context: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.closed = threading.Event()
        self.stopping = threading.Event()
        self._acts, self._context = list(acts), context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.host = "127.0.0.1"
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def base_url(self) -> str:
        return f"{'https' if self._context else 'http'}://{self.host}:{self.port}/api"

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_) -> None:
        self.stopping.set()
        with suppress(OSError):  # wakes the acceptor
            socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with self._listener:
            while True:
                connection = self._listener.accept()[0]
                if self.stopping.is_set():
                    connection.close()
                    return
                act = self._acts.pop(0) if self._acts else lambda _: None
                self._threads.append(threading.Thread(target=self._serve, args=(connection, act)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket, act: Act) -> None:
        line = Line(connection, self.received, self.stopping)
        with suppress(OSError, EOFError):
            if self._context:
                line.socket = self._context.wrap_socket(connection, server_side=True)
            act(line)
        line.socket.close()
        self.closed.set()


def answering(*replies: bytes) -> Act:
    """Reads a request for each reply, on one connection."""

    def act(line: Line) -> None:
        for data in replies:
            line.receive()
            line.send(data)

    return act


def serving(handler: Callable[[Received], bytes]) -> Act:
    """Answers every request of one connection."""

    def act(line: Line) -> None:
        while True:
            line.send(handler(line.receive()))

    return act


def certificate(folder, name: str) -> tuple[ssl.SSLContext, str]:
    """A self-signed certificate for a name or an address: the server's context, and the file that a client trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    try:
        alternative = x509.IPAddress(ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context, str(certificate_file)
