"""What a service tells systemd about itself: one datagram a message, and silence where nobody listens.

The protocol is that of `man 3 sd_notify`; the addresses are those of `man 7 unix`.
"""

import socket
from collections.abc import Mapping
from typing import Self

SOCKET, WATCHDOG, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
ANYBODY = ""

PATIENCE = 1.0
"""Seconds for a manager that has no room for one more message."""


class Notifier:
    """The way to the service manager, from any thread.

    Args:
        address: a path, or `@` and a name in the abstract namespace; empty where nobody listens.
        watchdog: seconds after which a silent service is taken for dead; None where nobody minds.
    """

    def __init__(self, address: str = "", *, watchdog: float | None = None) -> None:
        # In the abstract namespace a name begins with a NUL byte, which no environment variable can hold.
        self._address = address.replace("@", "\0", 1) if address.startswith("@") else address
        self.watchdog = watchdog

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], pid: int) -> Self:
        """As the manager has told it to the process `pid`; a watchdog set for another process is not ours."""
        microseconds = environ.get(WATCHDOG, "")
        is_ours = environ.get(WATCHDOG_PID) in (None, ANYBODY, str(pid))
        watchdog = int(microseconds) / 1e6 if is_ours and microseconds.isdecimal() and int(microseconds) else None
        return cls(environ.get(SOCKET, ""), watchdog=watchdog)

    def tell(self, **variables: object) -> None:
        """One message, such as `READY=1`. That it does not arrive is no reason for a service to fail."""
        if not self._address:
            return
        lines = (f"{name}={_on_one_line(value)}" for name, value in variables.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            way.settimeout(PATIENCE)
            try:
                way.sendto("\n".join(lines).encode(errors="replace"), self._address)
            except OSError:
                return


def _on_one_line(value: object) -> str:
    """A line break would begin another variable."""
    return " ".join(str(value).split())
