"""`python -m importer.sandbox`: a local Abillify API as a process of its own.

The first line on stdout is the base URL, written when it listens. SIGINT and SIGTERM end it with exit code 0.
"""

import argparse
import signal
from functools import partial

from importer.sandbox import Sandbox, serve


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m importer.sandbox", description="A local Abillify API.")
    parser.add_argument("--port", type=int, default=8425, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--user", default="sandbox", help="(default: %(default)s)")
    parser.add_argument("--password", default="sandbox", help="(default: %(default)s)")
    parser.add_argument("--invoice", action="append", default=[], metavar="REF", help="a known invoice; repeatable")
    parser.add_argument("--any-invoice", action="store_true", help="every invoice is known")
    given = parser.parse_args(arguments)
    run(
        Sandbox(
            port=given.port,
            username=given.user,
            password=given.password,
            invoices=given.invoice,
            any_invoice=given.any_invoice,
        )
    )


def run(sandbox: Sandbox) -> None:
    """Serves until SIGINT or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    serve(sandbox, announce=partial(print, flush=True))


if __name__ == "__main__":
    main()
