"""A whole importer in a temporary folder: real files, a real SQLite ledger, a real sandbox, real processes."""

import atexit
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

from pypdf import PdfWriter

from importer.config.scaffold import write_config
from importer.sandbox import Sandbox
from tests.nursery import Nursery

NURSERY = Nursery()
atexit.register(NURSERY.end)

USER, PASSWORD = "erp", "pa55-wörd-never-shown"


def pdf(title="Rechnung", pages=1) -> bytes:
    """A small, sound PDF; another title makes other bytes."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    writer.add_metadata({"/Title": title})
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def eml(subject="Ihre Rechnung") -> bytes:
    lines = [
        "From: Buchhaltung <ar@acme.example>",
        "To: kunde@example.org",
        "Date: Mon, 05 Oct 2026 09:00:00 +0200",
        f"Subject: {subject}",
        "Message-ID: <1@acme.example>",
        "",
        "Guten Tag, anbei die Rechnung.",
        "",
    ]
    return "\r\n".join(lines).encode()


class Running:
    """A service at work; its log tells what happens."""

    def __init__(self, process):
        self.process = process
        self.log = []

    def wait_for(self, event, **fields):
        """Reads the log on until a line says so; fails when the service ends first."""
        for line in self.process.stderr:
            self.log.append(line)
            told = json.loads(line)
            if told["event"] == event and fields.items() <= told.items():
                return told
        raise AssertionError(f"the service ended before {event} {fields}:\n{''.join(self.log)}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.log.extend(self.process.stderr)
        code = self.process.wait(60)
        assert code >= 0, f"it was ended by signal {-code}, after it had said {''.join(self.log[-20:])}"
        return code


class World:
    """An importer's folder and its Abillify."""

    def __init__(self, folder, sandbox=None):
        self.folder = folder
        self.sandbox = sandbox
        write_config(folder)
        self.inbox = folder / "inbox"
        self.config = folder / "config" / "importer.toml"
        self.environ = {
            "IMPORTER_API__USERNAME": USER,
            "IMPORTER_API__PASSWORD": PASSWORD,
            "IMPORTER_INBOX__SETTLE": "50ms",
            "IMPORTER_SCHEDULE__BACKOFF": "100ms..400ms",
            "IMPORTER_SCHEDULE__WAITING": "100ms..400ms",
            "IMPORTER_API__READBACK_GRACE": "0s",
            "IMPORTER_API__RATE": "0/s",
        }
        if sandbox:
            self.environ["IMPORTER_API__BASE_URL"] = sandbox.base_url

    @property
    def full_environ(self):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("IMPORTER_")}
        return clean | self.environ | {"PYTHONWARNINGS": "error"}

    def command(self, *arguments):
        return [sys.executable, "-m", "importer", "--config", str(self.config), *map(str, arguments)]

    def importer(self, *arguments, exits=None):
        """Runs a verb to its end."""
        done = self._run(self.command(*arguments))
        if exits is not None:
            assert done.returncode == exits, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def _run(self, command):
        # A library acts where a program begins; and the nursery has one child at a time.
        if "LD_PRELOAD" in self.environ or NURSERY.is_busy:
            environ = self.full_environ
            return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=90, check=False)
        return NURSERY.run(command[3:], self.full_environ, timeout=90)

    def json(self, *arguments, exits=None):
        """The JSON lines of a verb."""
        return [json.loads(line) for line in self.importer(*arguments, "--json", exits=exits).stdout.splitlines()]

    def documents(self):
        return self.json("list", exits=0)

    def document(self, name):
        """The one document that was first seen as `name`."""
        (found,) = [document for document in self.documents() if document["path"] == name]
        return found

    def drop(self, name, content=None):
        """A file that appears whole, as by a rename into the inbox."""
        path = self.inbox / name if isinstance(name, str) else name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = pdf(str(name)) if content is None else content
        temporary = path.with_name(".drop.tmp")
        temporary.write_bytes(content)
        temporary.rename(path)
        return path

    @contextmanager
    def running(self, *arguments):
        """`importer run` as a process of its own; ended by SIGTERM unless it is gone already."""
        command = self.command("--log-format", "json", "--log-level", "debug", "run", *arguments)
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=self.full_environ)
        try:
            yield Running(process)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)  # reads on: nobody can end who still has something to say
        finally:
            process.kill()
            process.communicate()

    def stored(self):
        """What Abillify holds: (invoice reference, kind, SHA-256), one entry for each time it was stored."""
        return sorted((c.reference, c.kind, c.sha256) for c in self.sandbox.effects)


@contextmanager
def sandbox(**behaviour):
    with Sandbox(**({"any_invoice": True, "username": USER, "password": PASSWORD} | behaviour)) as opened:
        yield opened
