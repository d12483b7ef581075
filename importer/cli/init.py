"""`importer init`."""

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
    click.echo(
        f"Next: set api.base_url in {folder / 'config' / 'importer.toml'}, give the credentials in "
        "IMPORTER_API__USERNAME and IMPORTER_API__PASSWORD, then run `importer doctor` in that folder."
    )
