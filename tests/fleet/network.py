"""Hosts that can be cut off from their server: network namespaces, each on a cable of its own to the server's.

Wants root and `ip` (iproute2). Their addresses are of TEST-NET-1 (RFC 5737), and known to nobody outside of them.
"""

import ctypes
import itertools
import os
import shutil
import subprocess
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
NUMBERS = itertools.count()


class NoNetwork(Exception):
    """There can be none here, with the reason."""


class Network:
    """The server's namespace, and those of so many hosts; gone with `close`."""

    def __init__(self, hosts):
        if os.geteuid() != 0 or not shutil.which("ip"):
            raise NoNetwork("network namespaces want root and iproute2 (apt-get install iproute2)")
        self._names = []
        prefix = f"fleet-{os.getpid()}-{next(NUMBERS)}"
        try:
            self.server = self._namespace(f"{prefix}-server")
            self.hosts = [self._host(f"{prefix}-{number}", number) for number in range(hosts)]
        except subprocess.CalledProcessError as error:
            self.close()
            raise NoNetwork(f"no network namespaces here: {error.stderr.strip()}") from error

    def close(self):
        for name in self._names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def _namespace(self, name):
        _ip("netns", "add", name)
        self._names.append(name)
        _ip("-n", name, "link", "set", "lo", "up")
        return Namespace(name)

    def _host(self, name, number):
        self._namespace(name)
        server, cable = self.server.name, f"cable{number}"
        _ip("-n", server, "link", "add", cable, "type", "veth", "peer", "name", "cable", "netns", name)
        for end, link, last in ((server, cable, 1), (name, "cable", 2)):
            _ip("-n", end, "address", "add", f"192.0.2.{4 * number + last}/30", "dev", link)
            _ip("-n", end, "link", "set", link, "up")
        return Host(name, server, cable, f"192.0.2.{4 * number + 1}")


class Namespace:
    def __init__(self, name):
        self.name = name

    @contextmanager
    def entered(self):
        """What this thread starts, or binds, meanwhile is in there and stays there."""
        with open("/proc/thread-self/ns/net") as outside, open(f"/run/netns/{self.name}") as inside:
            _enter(inside)
            try:
                yield
            finally:
                _enter(outside)


class Host(Namespace):
    """One with a cable to the server, which it finds at `server_address`."""

    def __init__(self, name, server, cable, server_address):
        super().__init__(name)
        self._cable = ("-n", server, "link", "set", cable)
        self.server_address = server_address

    def cut_off(self):
        """Pulls the cable: nobody hears anything more of the other, and nobody is told."""
        _ip(*self._cable, "down")

    def reconnect(self):
        _ip(*self._cable, "up")


def _enter(namespace):
    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
