"""`importer init`."""

import shlex
from pathlib import Path

import click

from importer.config.scaffold import write_config


@click.command(epilog="\b\nExample:\n  importer init /srv/importer")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Write config/, inbox/ and a systemd drop-in into DIR; nothing that exists is touched."""
    scaffold = write_config(folder)
    for path in scaffold.written:
        click.echo(f"written  {path}")
    for path in scaffold.kept:
        click.echo(f"kept     {path}")
    click.echo(_next_steps(folder))


def _next_steps(folder: Path) -> str:
    return f"""
Next:
  1. set api.base_url in {folder / "config" / "importer.toml"}
  2. give the credentials: export IMPORTER_API__USERNAME=... IMPORTER_API__PASSWORD=...
     or api.username and api.password_file in that file; for systemd see {folder / "systemd"}
  3. cd {shlex.quote(str(folder))} && importer doctor"""
