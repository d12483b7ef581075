"""User name and password of the API credential, from outside of the configuration."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from importer.config.environment import PASSWORD, USERNAME
from importer.config.faults import ConfigError, Fault
from importer.config.secret import Secret
from importer.config.settings import Settings

DIRECTORY = "CREDENTIALS_DIRECTORY"
WAYS = f"""give it in one of these ways:
       ${DIRECTORY}/api_username and api_password (systemd: LoadCredential=)
       {USERNAME} and {PASSWORD}
       api.username, and the file that api.password_file names"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What Abillify knows the importer by; the password shows itself as `***`."""

    username: str
    password: Secret


class MissingCredentials(ConfigError):
    """User name or password is nowhere to be found."""


def load_credentials(settings: Settings, environ: Mapping[str, str]) -> Credentials:
    """User name and password, each from the first place that has it.

    The places: `$CREDENTIALS_DIRECTORY`, the two variables, then `api.username` and `api.password_file`.

    Raises:
        MissingCredentials: no place has the one or the other.
        ConfigError: a place has it, but cannot be used.
    """
    directory = Path(environ[DIRECTORY]) if environ.get(DIRECTORY) else None
    username = _from_directory(directory, "api_username") or environ.get(USERNAME) or settings.api.username
    password = _from_directory(directory, "api_password") or environ.get(PASSWORD) or _from_password_file(settings)
    missing = [key for key, value in (("api.username", username), ("api.password", password)) if not value]
    if missing:
        problem = "are given nowhere" if len(missing) > 1 else "is given nowhere"
        raise MissingCredentials([Fault(str(settings.file), " and ".join(missing), problem, WAYS)])
    if not _is_text(username + password):
        raise ConfigError([Fault(str(settings.file), "api.username", "or the password is not valid UTF-8", WRITE_ANEW)])
    if ":" in username:
        raise ConfigError([Fault(str(settings.file), "api.username", "holds a colon", "give the user name alone")])
    return Credentials(username=username, password=Secret(password))


def load_ledger_password(environ: Mapping[str, str]) -> Secret | None:
    """`$CREDENTIALS_DIRECTORY/ledger_password`, for a ledger on PostgreSQL; None where there is none.

    Raises:
        ConfigError: it cannot be used.
    """
    directory = Path(environ[DIRECTORY]) if environ.get(DIRECTORY) else None
    password = _from_directory(directory, "ledger_password")
    return Secret(password) if password else None


WRITE_ANEW = "write both anew, in a terminal or editor that works in UTF-8"


def _is_text(value: str) -> bool:
    """Bytes of another encoding arrive from the environment as lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _from_directory(directory: Path | None, name: str) -> str:
    path = directory / name if directory else None
    return _read(path, f"${DIRECTORY}/{name}") if path and path.exists() else ""


def _from_password_file(settings: Settings) -> str:
    path = settings.api.password_file
    if path is None:
        return ""
    return _read_guarded(path, "api.password_file")


def read_token(path: Path) -> str:
    """What the operator's page asks for, from `dashboard.token_file`.

    Raises:
        ConfigError: it cannot be read, is not one line of text, or everybody may read it.
    """
    return _read_guarded(path, "dashboard.token_file")


def _read_guarded(path: Path, key: str) -> str:
    text = _read(path, key)
    if path.stat().st_mode & stat.S_IROTH:
        raise ConfigError([Fault(str(path), key, "can be read by everyone", f"chmod 600 {path}")])
    return text


def _read(path: Path, key: str) -> str:
    """The file's text without the line break at its end.

    Raises:
        ConfigError: it cannot be read, or holds nothing or more than one line.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "is not UTF-8"
    else:
        line = text.removesuffix("\n").removesuffix("\r")
        if line and not set("\r\n\0") & set(line):
            return line
        problem = "is empty" if not line else "holds more than one line"
    remedy = "write nothing but the one line into it, readable for the importer's user only"
    raise ConfigError([Fault(str(path), key, problem, remedy)])
