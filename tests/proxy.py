"""A TCP proxy before a server, which can lose connections at a chosen message, or let nothing through for a while."""

import socket
import struct
import threading
from contextlib import suppress

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on loopback until it is closed.

    Args:
        dial: returns a new connection to the server.
    """

    def __init__(self, dial):
        self._dial = dial
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self._pairs = set()
        self._at = self._is_answered = None
        self.messages = 0
        """From clients, since it was last told to cut."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def close(self):
        self._flowing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for pair in list(self._pairs):
            self._cut(pair)

    def cut_at(self, number, *, answered):
        """Loses the connection of that message, counted from now on: the message itself, or the answer to it."""
        with self._lock:
            self.messages, self._at, self._is_answered = 0, number, answered

    def spare(self):
        """Cuts nothing any more. Returns how many messages there were."""
        with self._lock:
            self._at = None
            return self.messages

    def cut_off(self):
        """Nothing goes through any more, and nobody is told."""
        self._flowing.clear()

    def reconnect(self):
        self._flowing.set()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), name="proxy", daemon=True).start()

    def _connect(self, client):
        self._flowing.wait()
        try:
            pair = (client, self._dial())
        except OSError:
            client.close()
            return
        self._pairs.add(pair)
        lost = threading.Event()
        threading.Thread(target=self._pump, args=(pair, self._to_server, lost), name="proxy", daemon=True).start()
        self._pump(pair[::-1], self._to_client, lost, ends=pair)

    def _pump(self, pair, passes, lost, ends=None):
        source, target = pair
        with suppress(OSError):
            while content := source.recv(1 << 16):
                self._flowing.wait()
                if not passes(lost):
                    break
                target.sendall(content)
        self._cut(ends or pair)

    def _to_server(self, lost):
        with self._lock:
            self.messages += 1
            if self.messages != self._at:
                return True
            if self._is_answered:
                lost.set()
            return self._is_answered

    def _to_client(self, lost):
        return not lost.is_set()

    def _cut(self, pair):
        self._pairs.discard(pair)
        client, server = pair
        for each in (client, server):
            with suppress(OSError):
                if each is client:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                each.shutdown(socket.SHUT_RDWR)
            each.close()
