"""The addresses of the configuration: Abillify's, the ledger's, and where metrics and the operator's page are served.

The first two may have been written with a password inside, so no message repeats one whole;
at most scheme and host are named.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

from importer.config.paths import parse_path
from importer.config.secret import Secret
from importer.config.units import MalformedError

BASE_URL_FORM = 'write it like "https://your-host/api"'
LEDGER_FORMS = 'write "sqlite:///var/ledger.db" or "postgresql+psycopg://user@host/database"'
METRICS_FORMS = 'write it like "127.0.0.1:9464" or "/var/lib/node-exporter/importer.prom", or "" for none'
LISTEN_FORM = 'write it like "127.0.0.1:8426", or "" for none'
ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")
SQLITE = "sqlite:///"
POSTGRESQL = "postgresql+psycopg://"
HOST_AND_DATABASE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^/\s:\[\]]*)(:\d+)?/[^/?\s]+(\?\S*)?")


class LedgerUrl(Secret):
    """The ledger's address for SQLAlchemy, from `reveal()`; printed, its password is hidden."""

    __slots__ = ()

    @property
    def sqlite_path(self) -> Path | None:
        """The ledger's file, absolute; None with PostgreSQL."""
        url = self.reveal()
        return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None

    def __repr__(self) -> str:
        if self.sqlite_path:
            return self.reveal()
        scheme, separator, rest = self.reveal().partition("://")
        userinfo, at, host = rest.rpartition("@")
        user, colon, _ = userinfo.partition(":")
        return f"{scheme}{separator}{user}{':***' if colon else ''}{at}{host}"


def parse_base_url(value: object) -> str:
    """Abillify's address without a trailing slash: https, or http on loopback; no user, query or fragment.

    Raises:
        MalformedError: anything else.
    """
    if not isinstance(value, str):
        raise MalformedError("must be an address, in quotes", BASE_URL_FORM)
    if "@" in value:
        raise MalformedError(
            "carries a user name or a password",
            "take them out of the address; put the credentials where `importer doctor` looks for them: "
            "$CREDENTIALS_DIRECTORY, IMPORTER_API__USERNAME and IMPORTER_API__PASSWORD, or api.password_file",
        )
    parts = _split(value)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise MalformedError(
            "http:// would send the credentials unprotected; it is for this machine only",
            f"write https://{parts.hostname}...",
        )
    path = parts.path.rstrip("/")
    if not path:
        raise MalformedError("ends in a host name, without the API's path", f'write "{value.rstrip("/")}/api"')
    return f"{parts.scheme}://{parts.netloc}{path}"


def _split(value: str) -> SplitResult:
    # urlsplit drops line breaks and tabs in silence, and reads a port only when it is asked for one.
    odd = re.search(r"[\s\\\x00-\x1f]", value)
    try:
        parts = urlsplit("" if odd else value)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        # Its text repeats a part of the address.
        raise MalformedError("is not an http or https address", BASE_URL_FORM) from None
    if not is_address:
        raise MalformedError("is not an http or https address", BASE_URL_FORM)
    if "?" in value or "#" in value:
        raise MalformedError("has something after the path", BASE_URL_FORM)
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_ledger_url(value: object, root: Path, *, may_hold_password: bool) -> LedgerUrl:
    """The ledger's address; a SQLite file's relative path is taken from `root`.

    Raises:
        MalformedError: neither of the two forms, or a password where it may not be.
    """
    if not isinstance(value, str):
        raise MalformedError("must be an address, in quotes", LEDGER_FORMS)
    if value.startswith(SQLITE):
        return _sqlite(value.removeprefix(SQLITE), root)
    scheme, _, rest = value.partition("://")
    # By the last "@", and wherever it stands: a password may itself hold "/", "?" or "@".
    userinfo, _, place = rest.rpartition("@")
    if _has_password_parameter(place) or (":" in userinfo and not may_hold_password):
        raise MalformedError(
            "carries a password",
            "take it out; put it into a file named by PGPASSFILE, or set the whole address in IMPORTER_LEDGER__URL "
            "as postgresql+psycopg://user:...@host/database",
        )
    if f"{scheme}://" != POSTGRESQL or not HOST_AND_DATABASE.fullmatch(place):
        raise MalformedError("is not an address of a ledger", LEDGER_FORMS)
    return LedgerUrl(value)


def _has_password_parameter(place: str) -> bool:
    names = (name.lower() for name, _ in parse_qsl(place.partition("?")[2], keep_blank_values=True))
    return any("passw" in name for name in names)


def _sqlite(path: str, root: Path) -> LedgerUrl:
    if not path or path.startswith((":", "~", "file:")) or path.endswith("/") or "?" in str(root / path):
        raise MalformedError("does not name a ledger's file", 'write it like "sqlite:///var/ledger.db"')
    return LedgerUrl(f"{SQLITE}{root / path}")


class ListenAddress(NamedTuple):
    """Where a service of ours listens."""

    host: str
    port: int
    """0 lets the system choose one."""

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine reaches it."""
        return _is_loopback(self.host)


def parse_listen(value: object) -> ListenAddress | None:
    """`"127.0.0.1:8426"` or `"[::]:8426"`; None for an empty text.

    Raises:
        MalformedError: anything else.
    """
    if value == "":
        return None
    if (address := _address(value)) is None:
        raise MalformedError("is not an address to listen on", LISTEN_FORM)
    return address


def _address(value: object) -> ListenAddress | None:
    found = ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if not found or int(found[2]) > 65535:
        return None
    return ListenAddress(found[1].strip("[]"), int(found[2]))


def parse_metrics(value: object, root: Path) -> ListenAddress | Path | None:
    """`"127.0.0.1:9464"` to listen there, a path that ends in `.prom` to write it; None for an empty text.

    A relative path is taken from `root`.

    Raises:
        MalformedError: anything else, and an address that others than this machine could reach.
    """
    if value == "":
        return None
    if isinstance(value, str) and value.endswith(".prom"):
        return parse_path(value, root)
    if (address := _address(value)) is None:
        raise MalformedError("is neither an address to listen on nor a file that ends in .prom", METRICS_FORMS)
    if not address.is_loopback:
        problem = "would show the service to the network: metrics ask for no password"
        raise MalformedError(problem, f"{METRICS_FORMS}, and let a proxy with a password or a tunnel stand before it")
    return address
