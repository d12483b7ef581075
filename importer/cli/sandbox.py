"""`importer sandbox`."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import click

from importer.cli.exits import Exit, Stop
from importer.cli.output import Number
from importer.sandbox import Sandbox
from importer.sandbox.__main__ import run


@click.command(epilog="\b\nExample:\n  importer sandbox --any-invoice")
@click.option("--port", type=Number(0, 65535), default=8425, show_default=True, help="0 takes a free one.")
@click.option("--user", default="sandbox", show_default=True)
@click.option("--password", default="sandbox", show_default=True, help="For the sandbox alone; never a real one.")
@click.option("--invoice", "invoices", multiple=True, metavar="REFERENCE", help="An invoice that exists; repeatable.")
@click.option("--any-invoice", is_flag=True, help="Every invoice exists.")
def command(port: int, user: str, password: str, invoices: tuple[str, ...], any_invoice: bool) -> None:
    """A local stand-in for the Abillify API: keeps what it is given in memory, on loopback only.

    The first line on standard output is the base URL, written when it listens.
    """
    with _listening_at(port):
        run(Sandbox(port=port, username=user, password=password, invoices=invoices, any_invoice=any_invoice))


@contextmanager
def _listening_at(port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        advice = "perhaps by another sandbox; stop it or choose --port"
        raise Stop(Exit.USAGE, f"port {port} is taken, {advice}") from None
