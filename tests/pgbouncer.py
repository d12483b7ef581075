"""A real PgBouncer before a test's server, in transaction mode: each transaction may get another of two connections."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

INI = """
[databases]
* = host={server} user=importer pool_size=2
[pgbouncer]
pool_mode = transaction
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
server_round_robin = 1
"""
REMEDY = "no PgBouncer here, so nothing is tried behind one: apt-get install pgbouncer"


def binary():
    """Its path; without one the test is left out, and says so."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if found is None:
        pytest.skip(REMEDY)
    return found


class PgBouncer:
    def __init__(self, server, folder):
        command, self._server = binary(), server
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(INI.format(server=server.folder, port=self.port))
        user = {}
        if os.geteuid() == 0:  # it refuses to run as root
            entry = pwd.getpwnam("nobody")
            user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(file, entry.pw_uid, entry.pw_gid)
        read = os.open(file, os.O_RDONLY)  # its folder may be closed to that user
        self._log = (Path(folder) / "pgbouncer.log").open("w+")
        self._process = subprocess.Popen(
            [command, f"/dev/fd/{read}"], pass_fds=[read], stderr=self._log, stdout=self._log, **user
        )
        os.close(read)
        self._wait()

    def _wait(self):
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert self._process.poll() is None, self.log
            else:
                return

    @property
    def log(self):
        self._log.seek(0)
        return self._log.read()

    def url_of(self, database):
        return f"postgresql+psycopg://importer@127.0.0.1:{self.port}/{database}"

    def close(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._log.close()
