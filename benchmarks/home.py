"""An importer of one's own in a throw-away folder: real configuration, real ledger, the real command."""

import os
import shutil
import subprocess
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import BIN, Run, run
from benchmarks.sink import Sink

IMPORTER = BIN / "importer"


@dataclass(frozen=True, slots=True)
class Home:
    """A folder that `importer init` has filled."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Home":
        run([IMPORTER, "init", folder])
        return cls(folder)

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    @property
    def ledger(self) -> Path:
        return self.folder / "var" / "ledger.db"

    def fill(self, files: list[Path]) -> None:
        """Copies documents into the inbox, folder by folder, as they lie, and has them on the disk."""
        for file in files:
            target = self.inbox / file.parent.name / file.name
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, target)
        os.sync()  # else the first commit would wait for all that was copied

    def command(self, *verb: str | Path) -> list[str | Path]:
        config = self.folder / "config" / "importer.toml"
        return [IMPORTER, "--config", config, *verb]

    def environment(self, sink: Sink, *, concurrency: int = 8, **settings: str) -> dict[str, str]:
        """As shipped, but for the address, the number of uploads, the rate limit and the waiting for copies to end."""
        wanted = {
            "API__BASE_URL": sink.url,
            "API__USERNAME": "user",
            "API__PASSWORD": "password",
            "API__CONCURRENCY": str(concurrency),
            "API__RATE": "0/s",
            "INBOX__SETTLE": "0s",
            **settings,
        }
        return dict(os.environ) | {f"IMPORTER_{name}": value for name, value in wanted.items()}

    def backfill(
        self, sink: Sink, *arguments: str | Path, concurrency: int = 8, expected: Container[int] = (0,)
    ) -> Run:
        environment = self.environment(sink, concurrency=concurrency)
        return run(self.command("backfill", *arguments), env=environment, expected=expected)

    def start(self, sink: Sink, *, concurrency: int = 8, **settings: str) -> "subprocess.Popen[bytes]":
        """`importer run`, until it is told to end."""
        command = [str(part) for part in self.command("run")]
        quiet = subprocess.DEVNULL
        environment = self.environment(sink, concurrency=concurrency, **settings)
        return subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
