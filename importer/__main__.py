"""`importer` and `python -m importer`."""

import os
import shutil
import sys

from importer.cli.help_text import HELP


def main() -> None:
    """The console script.

    Loading click takes several times as long as all else that `importer --help` needs, so it is answered without.
    """
    if wants_kept_help():
        try:
            os.write(1, HELP.encode())  # click.echo would load click; print would keep what cannot be written
        except OSError:
            pass  # click meets it as well, and then it is told as ever
        else:
            return
    from importer.cli.main import main as command_line  # noqa: PLC0415

    command_line()


def wants_kept_help() -> bool:
    """Whether click would print just that: it wraps on a narrower terminal, and completes for a shell that asks."""
    return (
        sys.argv[1:] in (["--help"], ["-h"])
        and shutil.get_terminal_size().columns >= 80
        and not os.environ.get("_IMPORTER_COMPLETE")
    )


if __name__ == "__main__":
    main()
