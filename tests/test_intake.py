"""What comes in, by a clock that the test turns: a real inbox, a real ledger, a real scanner."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from importer.adapters.inbox import Scanner
from importer.adapters.inbox.look import FRESH
from importer.adapters.ledger import Ledger, LedgerError, Sighting
from importer.batches import Batches
from importer.core.brake import BrakePolicy, Understood
from importer.core.model import Digest, Document, State
from importer.intake import BREATH, GLANCE, QUEUED, SHARE, Intake
from tests.making import made

RESCAN = 60.0
START = datetime(2026, 11, 21, tzinfo=UTC)


class Clock:
    """Each reading takes a while, as everything does on a busy machine."""

    def __init__(self, reading=0.0):
        self.time, self.reading = 1000.0, reading

    def steady(self):
        self.time += self.reading
        return self.time

    def now(self):
        return START + timedelta(seconds=self.time)


class World:
    def __init__(self, folder, clock, url=None, survey=None):
        self.clock, self.inbox = clock, folder / "inbox"
        self.inbox.mkdir(exist_ok=True)
        self.surveyed, self.known = [], []
        self.ledger = Ledger(
            url or f"sqlite:///{folder}/ledger.db", lease=timedelta(seconds=60), place=lambda d, n: None
        )
        self.intake = Intake(
            Scanner(self.inbox, settle=0),
            self.ledger,
            rescan=RESCAN,
            accepts=lambda file: True,
            survey=survey or (lambda files, is_idle: self.surveyed.append(len(files))),
            is_known=self.known.append,
            clock=clock,
            log=structlog.get_logger(),
        )

    def drop(self, name, content=b"%PDF"):
        path = self.inbox / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def document(self, path, reference=None):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Document(
            id=0, account="a", sha256=Digest(digest), size=path.stat().st_size, inbox=str(self.inbox), path=path.name,
            location=str(path), filename=path.name, first_seen_at=START, invoice_reference=reference,
        )  # fmt: skip

    def admit(self, path):
        document, status = self.document(path), path.stat()
        self.ledger.bind_account("a")
        sighting = Sighting(str(path), status.st_size, status.st_mtime_ns, status.st_ino)
        made(self.ledger).admit(document, sighting, START, lambda candidate, known: candidate)

    def go_on(self, *, is_full=False):
        return self.intake.go_on(is_busy=False, is_full=is_full)

    def settled(self):
        """Steps until there is nothing more to do at once; how many these were."""
        for steps in range(1, 200):
            if self.go_on() > 0:
                return steps
        raise AssertionError("it never comes to an end")

    def files(self):
        found = []
        while (file := self.intake.next_fresh() or self.intake.next_of_backlog()) is not None:
            found.append(file.relative)
        return found


@pytest.fixture
def world_of(tmp_path):
    worlds = []

    def made(clock, url=None, survey=None):
        worlds.append(World(tmp_path, clock, url, survey))
        return worlds[-1]

    yield made
    for world in worlds:
        world.ledger.close()


def test_a_look_that_takes_longer_than_its_interval_comes_to_its_end(world_of):
    world = world_of(Clock(reading=2 * RESCAN))
    for number in range(20):
        world.drop(f"{number}/RE1.pdf")

    while world.intake.has_files and not (taken := world.files()):
        world.go_on()

    assert len(taken) == 20


def test_long_looks_leave_time_for_other_things(world_of):
    clock = Clock(reading=10.0)
    world = world_of(clock)
    for number in range(20):
        world.drop(f"{number}/RE1.pdf")
    began = clock.time
    world.settled()
    took = clock.time - began

    assert world.go_on() > SHARE * took / 2


def test_a_backlog_is_queued_in_portions_and_a_fresh_file_goes_before_it(world_of):
    world = world_of(Clock())
    for number in range(QUEUED + FRESH + 200):
        world.drop(f"{number % 5}/RE{number}.pdf", b"")
    world.settled()

    queued = world.intake.waiting - world.intake._scanner.waiting
    fresh = world.drop("RE-fresh.pdf")
    world.intake.changed(str(fresh))
    world.clock.time += 1
    world.settled()
    first = world.intake.next_fresh()

    assert queued <= QUEUED + FRESH
    assert first.path == fresh
    assert sum(world.surveyed) == queued + 1, "each is judged with the others before it is taken, and only once"
    rest = world.files()
    while world.intake.has_files:
        world.clock.time += 1
        world.settled()
        rest += world.files()
    assert len(rest) == len(set(rest)) == QUEUED + FRESH + 200


@pytest.mark.parametrize("folders", [1, 10])
def test_files_are_taken_while_the_first_look_goes_on(world_of, folders):
    world, count = world_of(Clock(reading=BREATH / 3)), 2 * QUEUED
    for number in range(count):
        world.drop(f"{number % folders}/RE{number}.pdf", b"")
    taken, looks = [], []

    while world.intake.has_files:
        world.go_on()
        queued = world.intake.waiting - world.intake._scanner.waiting
        assert queued <= QUEUED + 2 * FRESH, "of a million, too, no more are in memory"
        for _ in range(500):  # and then the look goes on
            if (file := world.intake.next_of_backlog()) is not None:
                assert world.intake.looks or sum(world.surveyed) - len(taken) > QUEUED, "judged with those after it"
                taken.append(file.relative)
                looks.append(world.intake.looks)

    assert (looks[0], looks[-1]) == (0, 1)
    assert len(taken) == len(set(taken)) == sum(world.surveyed) == count


@pytest.mark.parametrize("name", ["RE-fresh.pdf", "0/RE-fresh.pdf", "new/RE-fresh.pdf"])
def test_a_fresh_file_goes_first_while_the_first_look_goes_on(world_of, name):
    world, count = world_of(Clock(reading=BREATH / 3)), 2 * QUEUED
    for number in range(count):
        world.drop(f"0/RE{number}.pdf", b"")
    world.intake.changed(str(world.inbox / "0/RE1.pdf"))
    for _ in range(3):
        world.go_on()
        assert world.intake.next_fresh() is None, "nothing is taken before as many are found as are judged together"
    while (taken := world.intake.next_of_backlog()) is None:
        world.go_on()
    told = world.intake.next_fresh()
    fresh = world.drop(name)
    world.intake.changed(str(fresh))
    while (first := world.intake.next_fresh()) is None:
        world.go_on()

    assert (first.path, world.intake.looks) == (fresh, 0)
    rest = [taken.relative, told.relative, *world.files()]
    while world.intake.has_files:
        world.go_on()
        rest += world.files()
    assert len(set(rest)) == len(rest) == count, "none is forgotten, and none taken twice"


class Letters:
    """All for one invoice, and nothing else is understood."""

    def understand(self, relative):
        return Understood("RE1", by_fallback=False) if "Brief" in relative else None


def world_of_letters(world_of):
    clock = Clock(reading=BREATH / 3)
    batches = Batches(BrakePolicy(files_per_reference=25, fallback_share=1.0), Letters(), clock)
    return world_of(clock, survey=batches.survey), batches


def test_an_unusual_batch_is_held_as_a_whole_while_the_first_look_goes_on(world_of):
    world, batches = world_of_letters(world_of)
    for number in range(QUEUED - 26):
        world.drop(f"RE{number}.pdf", b"")
    for number in range(26):
        world.drop(f"Brief {number} RE1.pdf", b"")
    for number in range(2 * FRESH):
        world.drop(f"later/RE{number}.pdf", b"")
    letters = []

    while world.intake.has_files:
        world.go_on()
        file = world.intake.next_of_backlog()
        if file is not None and "Brief" in file.relative:
            letters.append((world.intake.looks, batches.braked(world.document(file.path, "RE1")).state))

    assert letters[0] == (0, State.HELD)
    assert [state for _, state in letters] == [State.HELD] * 26


@pytest.mark.parametrize("folder", ["", "new/"])
def test_so_is_one_that_only_a_later_look_finds(world_of, folder):
    world, batches = world_of_letters(world_of)
    if not folder:  # as when its file system is mounted only later
        world.inbox.rmdir()
    while world.intake.looks == 0:
        world.go_on()
    world.inbox.mkdir(exist_ok=True)
    for number in range(QUEUED):
        world.drop(f"{folder}{'Brief ' if number % 140 == 0 else 'RE'}{number}.pdf", b"")
    world.intake.changed(None)
    states, taken = [], 0

    while taken < QUEUED:
        world.intake.changed(str(world.inbox / "nothing.pdf"))
        world.go_on()
        while file := world.intake.next_fresh() or world.intake.next_of_backlog():
            taken += 1
            if "Brief" in file.relative:
                states.append(batches.braked(world.document(file.path, "RE1")).state)

    assert states == [State.HELD] * 30


def test_files_that_no_event_has_told_of_are_counted(world_of):
    clock = Clock()
    world = world_of(clock)
    looked_at_ns = world.drop("RE1.pdf").stat().st_ctime_ns + 10_000
    clock.now = lambda: datetime.fromtimestamp(looked_at_ns / 1e9, UTC)
    world.settled()
    assert (world.intake.looks, world.intake.unannounced) == (1, 0), "what lay there nobody had to announce"

    for name, told in {"RE2.pdf": "RE2.pdf", "new/RE3.pdf": "new", "RE4.pdf": None}.items():
        path = world.drop(name)
        while path.stat().st_ctime_ns <= looked_at_ns:  # the file system's clock is coarse
            path.touch()
        if told:
            world.intake.changed(str(world.inbox / told))
    clock.time += RESCAN
    world.settled()

    assert sorted(world.files()) == ["RE1.pdf", "RE2.pdf", "RE4.pdf", "new/RE3.pdf"]
    assert (world.intake.looks, world.intake.unannounced) == (2, 1)


def test_an_inbox_that_cannot_be_seen_is_told_until_it_is_there_again(world_of):
    world = world_of(Clock())
    world.settled()
    assert world.intake.blind is None

    away = world.inbox.rename(world.inbox.with_name("away"))
    world.clock.time += RESCAN
    world.settled()
    assert "mount it" in world.intake.blind.message

    away.rename(world.inbox)
    world.clock.time += RESCAN
    world.settled()
    assert world.intake.blind is None


def test_what_the_ledger_knows_is_not_taken_again(world_of):
    world = world_of(Clock())
    world.admit(world.drop("RE1.pdf"))
    world.drop("RE2.pdf")

    world.settled()

    assert world.files() == ["RE2.pdf"]
    assert world.known == [1]
    assert world.surveyed == [1]


def test_what_another_importer_takes_meanwhile_is_left_to_it(world_of, postgres):
    url = postgres.new_url()
    one, other = world_of(Clock(), url), world_of(Clock(), url)
    paths = [one.drop(f"RE{number}.pdf", b"%d" % number) for number in range(40)]
    for world in (one, other):
        world.settled()
    taken = [one.intake.next_of_backlog().path for _ in range(30)]
    for path in taken:
        one.admit(path)

    other.clock.time += GLANCE
    other.go_on()
    left = other.files()

    assert {other.inbox / name for name in left} == set(paths) - set(taken)
    rest = one.files()
    assert set(rest) == set(left)
    assert (taken + [one.inbox / name for name in rest]) != sorted(paths), "each in an order of its own"


def test_whoever_has_as_much_as_it_may_take_does_not_count_what_others_take(world_of, postgres):
    url = postgres.new_url()
    one, other = world_of(Clock(), url), world_of(Clock(), url)
    paths = [one.drop(f"RE{number}.pdf", b"%d" % number) for number in range(2)]
    for world in (one, other):
        world.settled()
    for path in paths:
        one.admit(path)
    other.clock.time += GLANCE

    other.go_on(is_full=True)
    assert other.known == []
    other.go_on()
    assert sorted(other.known) == [1, 2]


@pytest.mark.parametrize("when", ["when they are found", "when they wait"])
def test_while_the_ledger_does_not_answer_no_file_is_forgotten(world_of, postgres, when):
    url = postgres.new_url()
    rename = "ALTER TABLE {} RENAME TO {}".format
    world = world_of(Clock(), url)
    for number in range(5):
        world.drop(f"RE{number}.pdf")
    if when == "when they wait":
        world.settled()
    postgres.execute(rename("sightings", "away"), postgres.database_of(url))
    world.clock.time += GLANCE
    with pytest.raises(LedgerError):
        world.settled()
    postgres.execute(rename("away", "sightings"), postgres.database_of(url))
    world.clock.time += RESCAN

    world.settled()

    assert set(world.files()) == {f"RE{number}.pdf" for number in range(5)}
