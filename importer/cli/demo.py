"""`importer demo`."""

import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from importer.adapters.telemetry import Redactor, start_logging
from importer.assembly import Parts, put_together, scanner_of
from importer.cli.exits import Exit, Stop
from importer.cli.output import console
from importer.config import Settings, load_settings
from importer.config.scaffold import write_config
from importer.core.naming import shown
from importer.demo import DemoError, Sample, write_samples
from importer.report import counted, places_of, table_of
from importer.sandbox import Sandbox
from importer.service import Limits, Round, Service

INVOICES = ("RE-2024-00123", "RE-2024-00124", "RE-2024-00125", "GS-2023-0099")
"""What the sandbox knows; the sample that names another one has to wait."""

USER, PASSWORD = "demo", "sandbox-only"


@click.command(epilog="\b\nExample:\n  importer demo")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to show it; default: a new one."
)
def command(folder: Path | None) -> None:
    """The whole pipeline on sample files, good and bad, against a local sandbox, in a throw-away folder."""
    out = console()
    place = (folder or Path(tempfile.mkdtemp(prefix="importer-demo-"))).absolute()
    if place.is_dir() and any(place.iterdir()):
        raise Stop(Exit.USAGE, f"{shown(place)} is not empty; name a new folder")
    try:
        samples = write_samples(place / "samples")
    except DemoError as error:
        raise Stop(Exit.FAULT, str(error)) from None
    with Sandbox(invoices=INVOICES, username=USER, password=PASSWORD) as sandbox, _importer(place, sandbox) as parts:
        _introduce(out, place, sandbox)
        _show(out, parts, samples)
        _conclude(out, parts, place)


@contextmanager
def _importer(place: Path, sandbox: Sandbox) -> Iterator[Parts]:
    """The real importer, with a configuration as `init` writes it."""
    write_config(place)
    environ = {
        "IMPORTER_API__BASE_URL": sandbox.base_url,
        "IMPORTER_API__USERNAME": USER,
        "IMPORTER_API__PASSWORD": PASSWORD,
        "IMPORTER_INBOX__SETTLE": "300ms",
    }
    settings = load_settings(place / "config" / "importer.toml", environ)
    redactor = Redactor()
    with put_together(settings, environ, redactor, start_logging(form="console", redactor=redactor)) as parts:
        yield parts


def _introduce(out: Console, place: Path, sandbox: Sandbox) -> None:
    out.print(f"[bold]A throw-away importer in[/] {place}")
    out.print(f"  a local Abillify at {sandbox.base_url}, which knows the invoices {', '.join(INVOICES)}")
    out.print("  the ledger in var/ledger.db, the rules in config/rules.toml as they are shipped\n")


def _show(out: Console, parts: Parts, samples: Sequence[Sample]) -> None:
    """Drops the samples as an ERP system would, the copy after its original, and watches what becomes of them."""
    settings = parts.settings
    limits = Limits(concurrency=settings.api.concurrency, rescan=settings.inbox.rescan.total_seconds())
    service = parts.service(scanner_of(settings), limits)
    copies = [sample for sample in samples if sample.expected == "duplicate"]
    originals = [sample for sample in samples if sample not in copies]
    for batch in (originals, copies):
        _drop(out, settings, batch)
        service.changed()
        service.run(stop=_all_taken(service, len(service.touched) + len(batch)))
        out.print()


def _drop(out: Console, settings: Settings, samples: Sequence[Sample]) -> None:
    out.print(f"[bold]Dropped into the inbox:[/] {counted(len(samples), 'file')}")
    for sample in samples:
        relative = _below_samples(sample.path)
        out.print(f"  {relative}  [dim]{sample.what}[/]", highlight=False)
        target = settings.inbox.path / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sample.path, target)
    out.print("[bold]What happens:[/]")


def _below_samples(path: Path) -> Path:
    return Path(*path.parts[path.parts.index("samples") + 1 :])


def _all_taken(service: Service, count: int) -> Callable[[Round], bool]:
    return lambda _: len(service.touched) >= count and not service.is_busy


def _conclude(out: Console, parts: Parts, place: Path) -> None:
    documents = parts.ledger.documents()
    out.print("[bold]The ledger:[/]")
    out.print(table_of(documents))
    out.print("\n[bold]Where each file lies now:[/]")
    out.print(places_of(documents, place))
    out.print(_what_next(place), soft_wrap=True)


def _what_next(place: Path) -> str:
    """Commands to copy: they work in any folder, and with a program that is not on PATH."""
    program = _program()
    here = f"{program} --config {shlex.quote(str(place / 'config' / 'importer.toml'))}"
    rejected = place / "rejected" / "Preisliste Frühling.pdf"
    return f"""
[bold]Look closer:[/]
  {here} show RE-2024-00123
  {here} explain {shlex.quote(str(rejected))}
  cat {shlex.quote(str(rejected) + ".reason.txt")}

[bold]To point it at the real service:[/]
  1. {program} init ~/importer          writes config/, inbox/ and a systemd drop-in
  2. set api.base_url in ~/importer/config/importer.toml
  3. give IMPORTER_API__USERNAME and IMPORTER_API__PASSWORD (or api.password_file)
  4. cd ~/importer && {program} doctor, then: {program} run

The folder {place} may be deleted at any time."""


def _program() -> str:
    """How this program is called from anywhere."""
    if shutil.which("importer"):
        return "importer"
    if Path(sys.argv[0]).name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m importer"
    return shlex.quote(str(Path(sys.argv[0]).absolute()))
