"""The outside world: files that come and go, a server with its operators, the machine's clock."""

import hashlib
import itertools
import os
from functools import partial

from tests.campaign.ending import Dropped
from tests.campaign.instance import PASSWORD


class Outside:
    """Every public method but the last three is an act of a schedule, by its name."""

    def __init__(self, schedule, folder, sandbox, clock, story):
        self._schedule, self._folder = schedule, folder
        self._sandbox, self._clock, self._story = sandbox, clock, story
        self._later = []
        self._mtime = itertools.count(1_700_000_000_000_000_000, 1_000_000_000)
        self._passwords, self._returns = itertools.count(1), itertools.count(1)
        self.password = PASSWORD
        self.dropped, self.deleted = [], set()

    # ------------------------------------------------------------ files

    def drop(self, drop):
        self._put(drop.name, drop.content, drop)

    def grow(self, drop):
        """A slow copy: half of the bytes first, the rest once somebody may have looked."""
        self._put(drop.name, drop.content[: len(drop.content) // 2], drop)
        self.dropped[-1].disturbed = True
        self.later(1.0, partial(self._put, drop.name, drop.content, drop))

    def append(self, choice, seconds):
        """A writer that has kept its file open goes on with it, wherever it lies by then."""
        if (found := self._one_lying(choice)) is not None:
            found.disturbed = True
            content = found.path.read_bytes() + b"\n% more\n"
            self.later(seconds, partial(self._write_on, found.path.open("ab"), found, content))

    def _write_on(self, writer, found, content):
        with writer:
            writer.write(b"\n% more\n")
        written = Dropped(found.path, hashlib.sha256(content).hexdigest(), found.drop, disturbed=True)
        # Before it: what lies under that name by now may be a later file, and stays the latest.
        self.dropped.insert(self.dropped.index(found), written)
        self._story.tell("an old writer appends", path=repr(found.path.name))

    def again(self):
        """The same bytes under the same name, once more."""
        if self.dropped and not self.dropped[-1].path.exists():
            last = self.dropped[-1]
            self._put(last.path.relative_to(self._folder / "inbox"), last.drop.content, last.drop)

    def put_back(self, file):
        """A person moves a file into the inbox once more; no act of its own."""
        folder = self._folder / "inbox" / f"back-{next(self._returns)}"
        folder.mkdir()
        file.rename(folder / file.name)
        self._story.tell("a file is put back", name=repr(file.name))

    def replace(self, choice, content):
        if (found := self._one_lying(choice)) is not None:
            self._put(found.path.relative_to(self._folder / "inbox"), content, found.drop)

    def delete(self, choice):
        if (found := self._one_lying(choice)) is not None:
            found.disturbed = True
            found.path.unlink()
            self._story.tell("a file is deleted", path=repr(str(found.path.name)))

    def squat(self, choice):
        """A stranger's file where a document is to lie."""
        if self.dropped:
            name = self.dropped[int(choice * len(self.dropped))].path.name
            folder = self._folder / "archive" / f"{self._clock.now():%Y/%m}"
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / name).exists():
                (folder / name).write_bytes(b"a stranger's")

    def _put(self, name, content, drop):
        path = self._folder / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        for earlier in self._lying():
            earlier.disturbed = earlier.disturbed or earlier.path == path
        temporary = path.with_name(".drop.tmp")
        temporary.write_bytes(content)
        moment = next(self._mtime)
        os.utime(temporary, ns=(moment, moment))
        temporary.rename(path)
        sha256 = hashlib.sha256(content).hexdigest()
        self.dropped.append(Dropped(path, sha256, drop))
        self._story.tell("a file appears", name=repr(name), sha256=sha256[:8])

    def _lying(self):
        """The dropped files that still lie in the inbox: of several with one path the latest."""
        latest = {dropped.path: dropped for dropped in self.dropped}
        return [dropped for path, dropped in latest.items() if path.exists()]

    def _one_lying(self, choice):
        there = [dropped for dropped in self._lying() if not dropped.disturbed]
        return there[int(choice * len(there))] if there else None

    # ------------------------------------------------------------ Abillify, and the machine

    def appear(self):
        for reference in sorted(set(self._schedule.unknown) - set(self._schedule.never)):
            if self._sandbox._state.store.find_invoice(reference) is None:
                self._sandbox.add_invoice(reference)
                self._story.tell("an invoice appears", reference=reference)

    def rotate(self, seconds):
        """The password is changed at Abillify, and only later in the file."""
        self._sandbox.change(password=f"{PASSWORD}-{next(self._passwords)}")
        self._story.tell("the password is changed")
        self.later(seconds, self._learn)

    def _learn(self):
        self.password = self._sandbox.behaviour.password

    def away(self, seconds):
        self._sandbox.close()
        self._story.tell("Abillify is away")
        self.later(seconds, self._back)

    def _back(self):
        if self._sandbox._server is None:
            self._sandbox.start()
            self._story.tell("Abillify is back")

    def delete_remote(self, choice):
        if there := self._sandbox.communications:
            gone = there[int(choice * len(there))]
            self._sandbox.delete(gone.id)
            self.deleted.add(gone.id)
            self._story.tell("deleted at Abillify", id=gone.id)

    def set_clock(self, seconds):
        self._clock.set_by(seconds)
        self._story.tell("the machine's clock is set", by=seconds)

    # ------------------------------------------------------------ what was begun

    def later(self, seconds, act):
        """Has something happen after so many seconds."""
        self._later.append((self._clock.steady() + seconds, act))

    def next_at(self, default):
        """When the next of these things is due; `default` when there is none."""
        return min((at for at, _ in self._later), default=default)

    def happen(self):
        """Lets everything happen that is due by now."""
        for pair in [pair for pair in self._later if pair[0] <= self._clock.steady()]:
            self._later.remove(pair)
            pair[1]()
