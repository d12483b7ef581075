"""What the campaigns of real processes have in common: files that are dropped, and what is wrong at the end."""

import hashlib
from types import SimpleNamespace

from tests.campaign.checker import check
from tests.campaign.ending import Dropped, Ending
from tests.world import PASSWORD, eml, pdf

OURS = {"inbox", "archive", "rejected", "held", "var", "config", "systemd"}


class Scene:
    """A folder with one world in it. `_world` and `_sandbox` are made when it is played."""

    def __init__(self, schedule, folder):
        self._schedule, self._folder = schedule, folder
        self._dropped, self._violations = [], []

    def _drop(self, drop):
        content = eml(drop.title) if drop.name.endswith(".eml") else pdf(drop.title)
        path = self._world.drop(drop.name, content)
        said = SimpleNamespace(reference=drop.reference, kind=drop.kind and SimpleNamespace(value=drop.kind))
        sha256 = hashlib.sha256(content).hexdigest()
        self._dropped.append(Dropped(path, sha256, said))

    def _checked(self, *, settled=True):
        """The campaign's checker; but for what it knows of its own lives (I7) and its own folders (I8)."""
        ending = Ending(
            folder=self._world.folder, schedule=self._schedule, dropped=self._dropped, effects=self._sandbox.effects,
            communications=self._sandbox.communications, requests=self._sandbox.requests, callers=[(0, 0)],
            deleted=set(), story=[], settled=settled,
        )  # fmt: skip
        return [told for told in check(ending) if not told.startswith(("I7", "I8"))]

    def _traces(self):
        """Secrets, tracebacks, and what was left behind."""
        for path in self._folder.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            if PASSWORD.encode() in content:
                yield f"I8 the password stands in {path}"
            if path.suffix == ".log" and b"Traceback" in content:
                yield f"I9 a traceback in {path}: {content.decode()[-3000:]}"
            if path.name.startswith(".importer-") or path.parent.name.endswith(".holders"):
                yield f"I8 {path} was left behind"
        for path in self._world.folder.iterdir():
            if path.name not in OURS:
                yield f"I8 {path} lies outside of the configured folders"
