"""`importer`: the verbs, each loaded only when it is called for."""

import gc
import importlib
import io
import os
import sys

import click

from importer.cli.exits import errors_as_advice

VERBS = {
    "demo": "Show the whole pipeline on sample files, in a throw-away folder.",
    "init": "Write a configuration, an inbox and a systemd drop-in.",
    "run": "Watch the inbox until SIGTERM or SIGINT.",
    "backfill": "One pass over the inbox, or over the given files and trees.",
    "explain": "Say what would happen to a file, and why; sends and writes nothing.",
    "rules": "Test the rules, or see what other rules would change.",
    "status": "Counts by state, what is blocked and why.",
    "list": "The documents that the ledger knows.",
    "show": "A document's whole story, by id, path or invoice reference.",
    "retry": "Try documents again now.",
    "resolve": "Record a person's decision about a held or uncertain document.",
    "invoice": "An invoice at Abillify: documents, payments and charges, beside the ledger.",
    "resend": "Have Abillify send invoices to their customers again.",
    "reconcile": "Check the ledger against Abillify both ways, and look up what is uncertain.",
    "audit": "Which invoices at Abillify lack a document that they should have.",
    "report": "What was imported in a month, for an auditor.",
    "doctor": "Check configuration, credentials, API, clock, folders and ledger.",
    "ledger": "Verify, back up, rebuild or upgrade the ledger.",
    "dashboard": "The operator's page, in a browser.",
    "sandbox": "A local stand-in for the Abillify API, on loopback.",
}

EXAMPLES = """\b
Examples:
  importer demo
  importer init /srv/importer && cd /srv/importer && importer doctor
  importer explain inbox/*.pdf
  importer show RE-2024-0815

Exit codes: 0 all well; 1 a fault of ours; 2 wrong usage or configuration;
3 some documents need a person; 4 some will be tried again later; 5 credentials
refused; 6 another instance holds what only one may hold; 7 the ledger needs a person.
"""


class Verbs(click.Group):
    """Loads a verb's module when it is called: `--help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - given by click
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - given by click
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"importer.cli.{cmd_name}").command
        gc.freeze()  # what a verb has loaded stays: no search for garbage need go through it
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in VERBS:
            import difflib  # noqa: PLC0415 - only for a slip of the finger

            meant = difflib.get_close_matches(args[0], VERBS, n=1)
            if meant:
                ctx.fail(f"there is no verb {args[0]!r}; did you mean {meant[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config", type=click.Path(), metavar="FILE", help="The configuration to use.")
@click.option("--log-format", type=click.Choice(["console", "json"]), help="Default: console on a terminal.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.version_option(package_name="abillify-importer", prog_name="importer")
@click.pass_context
def cli(ctx: click.Context, config: str | None, log_format: str | None, log_level: str) -> None:
    """Imports PDF and EML documents into Abillify exactly once, and keeps a ledger of what went where."""
    from pathlib import Path  # noqa: PLC0415 - `--help` does without

    ctx.obj = {"config": Path(config) if config is not None else None, "log_format": log_format, "log_level": log_level}


NOT_FOR_OTHERS = 0o007

ALLOCATIONS = 10_000
"""Objects, beyond those given back, after which garbage is searched for; after 700 by itself. To load a verb makes
hundreds of thousands that stay, and a document under way many that are given back without a search."""


def main() -> None:
    """The command line, but for the help that `importer.__main__` prints by itself.

    What it writes is customers' business: whatever umask it is started under, others get no right to any of it. What
    the group may do stays with the caller.
    """
    gc.set_threshold(ALLOCATIONS)
    os.umask(os.umask(0o077) | NOT_FOR_OTHERS)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a name still shows the rest
    with errors_as_advice():
        cli(prog_name="importer")
