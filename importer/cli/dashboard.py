"""`importer dashboard`."""

import threading

import click

from importer.adapters.telemetry import Redactor
from importer.cli.assembled import log_of
from importer.cli.page import DEFAULT, served
from importer.cli.reading import settings_of
from importer.cli.signals import on_signals
from importer.config import ListenAddress
from importer.config.units import MalformedError
from importer.config.urls import parse_listen


class Listen(click.ParamType[ListenAddress]):
    """An address of this machine with a port."""

    name = "HOST:PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> ListenAddress:
        if isinstance(value, ListenAddress):
            return value
        try:
            address = parse_listen(value)
        except MalformedError as error:
            self.fail(f"{value!r} {error.problem}: {error.remedy}", param, ctx)
        if address is None:
            self.fail("name an address, such as 127.0.0.1:8426", param, ctx)
        return address


@click.command(epilog="\b\nExample:\n  importer dashboard --listen 127.0.0.1:8426")
@click.option(
    "--listen", type=Listen(), help="Default: dashboard.listen, then 127.0.0.1:8426. Port 0 takes a free one."
)
@click.pass_context
def command(ctx: click.Context, listen: ListenAddress | None) -> None:
    """The operator's page, until SIGTERM or SIGINT: how things stand, and decisions about what needs a person.

    The first line on standard output is its address, written when it listens. It works beside `importer run`, which can
    serve it too (dashboard.listen), and without it. Other addresses than this machine's own want dashboard.token_file.
    """
    settings = settings_of(ctx)
    stop = threading.Event()
    address = listen or settings.dashboard.listen or DEFAULT
    redactor = Redactor()
    with on_signals(stop.set), served(settings, redactor, log_of(ctx, redactor), address) as page:
        click.echo(page.url)
        stop.wait()
