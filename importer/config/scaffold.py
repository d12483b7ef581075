"""The files that an importer of one's own begins with: configuration, inbox, and a drop-in for systemd."""

from dataclasses import dataclass, field
from pathlib import Path

from importer.config.faults import ConfigError, Fault

PACKAGE = Path(__file__).parent.parent
SECRETS = "/etc/importer/credentials"
DROP_IN = """\
# For /etc/systemd/system/importer.service.d/local.conf; then: systemctl daemon-reload && systemctl restart importer
#
# The credential of the API. Make both files first, for root alone:
#   install -d -m 700 {secrets}
#   install -m 600 /dev/stdin {secrets}/api_username
#   install -m 600 /dev/stdin {secrets}/api_password
[Service]
LoadCredential=api_username:{secrets}/api_username
LoadCredential=api_password:{secrets}/api_password
Environment={config}
WorkingDirectory={directory}
ReadWritePaths={writable}
"""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What `write_config` did, in the order in which it did it."""

    written: tuple[Path, ...] = field(default=())
    kept: tuple[Path, ...] = field(default=())
    """What was there already, and was left untouched."""


def templates() -> Path:
    """The folder with the shipped configuration: in an installed package, or beside it in a check-out."""
    packaged = PACKAGE / "_config"
    return packaged if packaged.is_dir() else PACKAGE.parent / "config"


def write_config(directory: Path) -> Scaffold:
    """Write `config/`, `inbox/` and `systemd/` into `directory`; nothing that exists is overwritten.

    Raises:
        ConfigError: a file or folder cannot be made.
    """
    directory = directory.absolute()
    contents = {f"config/{path.name}": path.read_bytes() for path in sorted(templates().glob("*.toml"))}
    contents["systemd/importer.service.d/local.conf"] = drop_in(directory).encode()
    try:
        made = [_make_folder(directory / "inbox")]
        made += [_write(directory / name, content) for name, content in contents.items()]
    except OSError as error:
        place = str(error.filename or directory)
        remedy = "check the folder's owner and free space, or name another folder"
        raise ConfigError([Fault(place, "", f"cannot be written: {error.strerror}", remedy)]) from error
    return Scaffold(
        written=tuple(path for path, is_new in made if is_new), kept=tuple(path for path, is_new in made if not is_new)
    )


def drop_in(directory: Path) -> str:
    """What the service must be told about an importer in `directory`, an absolute path."""
    return DROP_IN.format(
        secrets=SECRETS,
        config=_quoted(f"IMPORTER_CONFIG={directory}/config/importer.toml"),
        directory=_escaped(str(directory)),
        writable=_quoted(str(directory)),
    )


def _quoted(text: str) -> str:
    """One word in a list of systemd's."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{_escaped(quoted)}"'


def _escaped(text: str) -> str:
    """A `%` would be a specifier of systemd's."""
    return text.replace("%", "%%")


def _make_folder(path: Path) -> tuple[Path, bool]:
    is_new = not path.is_dir()
    path.mkdir(parents=True, exist_ok=True)
    return path, is_new


def _write(path: Path, content: bytes) -> tuple[Path, bool]:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = path.open("xb")
    except FileExistsError:
        return path, False
    try:
        with file:
            file.write(content)
    except OSError:
        # A half-written file would be kept, and believed, the next time.
        path.unlink()
        raise
    return path, True
