"""Documents that wait cost no thread; whoever ends their wait carries them on."""

import signal
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from importer.relay import MOST, Crew, Crowd, Desk, Runner, StationClosed, Wait, complete


@pytest.fixture
def gate():
    """Keeps a desk busy with its first act until it is opened."""
    return threading.Event()


class Clerk:
    """What a desk does: notes who came together, and answers each with its double. The first act waits for the gate."""

    def __init__(self, gate):
        self._gate = gate
        self.begun = threading.Event()
        self.acts = []

    def __call__(self, wanted):
        self.begun.set()
        assert self._gate.wait(60)
        self.acts.append(len(wanted))
        return [each if isinstance(each, BaseException) else 2 * each for each in wanted]


class Outcomes:
    """Of ways that were begun; `all` waits for them."""

    def __init__(self):
        self._ended = threading.Condition()
        self._outcomes = {}
        self._begun = 0

    def of(self, way):
        number, self._begun = self._begun, self._begun + 1

        def ended(result, error):
            with self._ended:
                self._outcomes[number] = error or result
                self._ended.notify()

        Runner(way, ended).begin()

    def all(self):
        with self._ended:
            assert self._ended.wait_for(lambda: len(self._outcomes) == self._begun, timeout=60)
        return [self._outcomes[number] for number in range(self._begun)]


def asking(desk, *wanted):
    async def way():
        return [await desk.done(each) for each in wanted]

    return way()


def begun_behind_one(desk, clerk, ways):
    """Ways that all wait while the desk is busy with one before them."""
    outcomes = Outcomes()
    outcomes.of(asking(desk, 0))
    assert clerk.begun.wait(60)
    for way in ways:
        outcomes.of(way)
    return outcomes


def test_those_who_wait_together_are_done_together_and_each_gets_its_own_result(gate):
    clerk = Clerk(gate)
    with closing(Desk("desk", clerk)) as desk:
        outcomes = begun_behind_one(desk, clerk, [asking(desk, number) for number in range(20)])
        gate.set()
        assert outcomes.all() == [[0], *([2 * number] for number in range(20))]
    assert clerk.acts == [1, 20]


def test_no_more_than_a_fair_share_is_done_at_once(gate):
    clerk = Clerk(gate)
    with closing(Desk("desk", clerk)) as desk:
        outcomes = begun_behind_one(desk, clerk, [asking(desk, number) for number in range(MOST + 16)])
        gate.set()
        outcomes.all()
    assert clerk.acts == [1, MOST, 16]


def test_an_error_of_one_is_its_alone(gate):
    clerk, error = Clerk(gate), ValueError("mine")
    with closing(Desk("desk", clerk)) as desk:
        outcomes = begun_behind_one(desk, clerk, [asking(desk, 1), asking(desk, error), asking(desk, 3)])
        gate.set()
        assert outcomes.all() == [[0], [2], error, [6]]


def test_an_error_of_the_act_is_everybodys_but_not_the_next_ones():
    class Died(BaseException):
        pass

    def act(wanted):
        if "die" in wanted:
            raise Died
        return wanted

    with closing(Desk("desk", act)) as desk:
        with pytest.raises(Died):
            complete(asking(desk, "die"))
        assert complete(asking(desk, "live", "on")) == ["live", "on"]


def test_a_desk_that_was_left_is_attended_again(gate):
    gate.set()
    clerk = Clerk(gate)
    with closing(Desk("desk", clerk, patience=0.001)) as desk:
        for number in range(300):
            assert complete(asking(desk, number)) == [2 * number]
    assert sum(clerk.acts) == 300


def test_who_comes_to_a_closed_desk_or_crew_is_told():
    desk, crew = Desk("desk", list), Crew("crew", 1)
    desk.close()
    crew.close()

    async def taken_over():
        await crew.takes_over()

    with pytest.raises(StationClosed):
        complete(asking(desk, 1))
    with pytest.raises(StationClosed):
        complete(taken_over())


def test_a_crew_takes_over_and_a_failure_reaches_whoever_began():
    async def way(crew):
        await crew.takes_over()
        assert threading.current_thread().name.startswith("crew")
        raise ValueError("mine")

    with closing(Crew("crew", 2)) as crew, pytest.raises(ValueError, match="mine"):
        complete(way(crew))


def test_a_crew_does_no_more_at_once_than_it_has_threads():
    together, most, lock = [0], [0], threading.Lock()
    barrier = threading.Barrier(2)

    async def way(crew):
        await crew.takes_over()
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        barrier.wait(60)  # passes only when both threads are at it
        with lock:
            together[0] -= 1

    outcomes = Outcomes()
    with closing(Crew("crew", 2)) as crew:
        for _ in range(20):
            outcomes.of(way(crew))
        assert outcomes.all() == [None] * 20
    assert most == [2]


def test_many_ways_through_desks_and_crews_lose_nothing():
    async def way(number, first, crew, second):
        doubled = await first.done(number)
        await crew.takes_over()
        return await second.done(doubled)

    outcomes = Outcomes()
    first, second = (Desk(name, lambda wanted: [2 * each for each in wanted]) for name in ("first", "second"))
    with closing(Crew("crew", 8)) as crew, closing(first), closing(second):
        for number in range(2000):
            outcomes.of(way(number, first, crew, second))
        assert outcomes.all() == [4 * number for number in range(2000)]


def test_where_others_come_a_desk_waits_for_them(gate):
    clerk = Clerk(gate)
    with closing(Desk("desk", clerk, patience=2.0)) as desk:
        # Given a desk that has seen that several come
        outcomes = begun_behind_one(desk, clerk, [asking(desk, 1, 3), asking(desk, 2)])
        gate.set()
        # When the first of them comes again, and another one a little later
        while len(clerk.acts) < 2:
            pass
        outcomes.of(asking(desk, 4))
        assert outcomes.all() == [[0], [2, 6], [4], [8]]
    # Then they are done together
    assert clerk.acts == [1, 2, 2]


def test_a_desk_waits_for_no_more_than_there_are(gate):
    crowd, clerk = Crowd(), Clerk(gate)
    with closing(Desk("desk", clerk, patience=600.0, crowd=crowd)) as desk:

        async def way(*wanted):
            async with crowd:
                return await asking(desk, *wanted)

        outcomes = begun_behind_one(desk, clerk, [way(1, 3, 5), way(2, 4)])
        gate.set()
        assert outcomes.all() == [[0], [2, 6, 10], [4, 8]]
    # Nor at its end, when nobody comes any more
    assert clerk.acts == [1, 2, 2, 1]


def test_a_wait_ends_once_whoever_comes_second():
    tickets, seen = [], []

    async def way():
        seen.append(await Wait(tickets.append))
        seen.append(await Wait(tickets.append))

    ends = []
    Runner(way(), lambda result, error: ends.append(error)).begin()
    tickets[0].go_on("first")
    tickets[0].go_on("again")
    tickets[0].fail(ValueError("again"))
    assert (seen, ends) == (["first"], [])
    tickets[1].go_on("second")
    tickets[1].go_on("again")
    assert (seen, ends) == (["first", "second"], [None])


def test_a_system_that_gives_no_more_threads_is_told_once_and_the_desk_goes_on(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with closing(Desk("desk", lambda wanted: wanted)) as desk:
        with monkeypatch.context() as without_threads:
            without_threads.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError):
                complete(asking(desk, 1))
        assert complete(asking(desk, 2)) == [2]


def test_an_end_that_cannot_be_told_holds_up_nobody_else(monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda told_of: told.append(told_of.exc_type))

    def broken(result, error):
        raise OSError("no space left on device")

    with closing(Desk("desk", lambda wanted: wanted)) as desk:
        Runner(asking(desk, 1), broken).begin()
        assert complete(asking(desk, 2)) == [2]
    assert told == [OSError]


AFTER_THE_MAIN_THREAD = """
import threading, time
from importer.relay import Crew, Desk, complete
crew, desk = Crew("crew", 2), Desk("desk", lambda wanted: wanted)

async def way():
    await crew.takes_over()
    return await desk.done("done")

def later():
    threading.main_thread().join()
    print(complete(way()), flush=True)
    crew.close()
    desk.close()

threading.Thread(target=later).start()
"""


def test_a_program_whose_main_thread_has_ended_can_still_import():
    ended = subprocess.run(
        [sys.executable, "-c", AFTER_THE_MAIN_THREAD], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


INTERRUPTED = """
import signal, threading
from importer.relay import Crew, complete
crew, go_on = Crew("crew", 1), threading.Event()
signal.signal(signal.SIGINT, signal.default_int_handler)

async def way():
    await crew.takes_over()
    print("under way", flush=True)
    go_on.wait(60)
    print("ended", flush=True)

threading.Thread(target=lambda: (input(), go_on.set())).start()
try:
    complete(way())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_whoever_is_interrupted_waits_for_what_he_has_begun():
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "under way\n"
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate("\n", timeout=60)
    assert told == "ended\ninterrupted\n"
