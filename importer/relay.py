"""A document under way is a coroutine: whoever ends what it waits for carries it on, up to its next wait.

So a document that waits costs no thread, and a thread that has done something for many goes on with each of them. A
crew's threads do one document's act each, a desk's only thread does one act for all that have come; everything in
between is done at once by whichever of them has the document in hand.
"""

import sys
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import Future, wait
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
Wanted = TypeVar("Wanted")
Result = TypeVar("Result")

Way = Coroutine[Any, Any, T]
"""What is done with a document, from top to bottom; it awaits nothing but what this module offers."""

MOST = 64
"""So many at a desk at once; more would only make all of them wait for the last one."""


class StationClosed(Exception):
    """Nobody is there any more to do what a way waits for: the importer is ending."""


class Runner:
    """A way under way. One thread at a time carries it on.

    Args:
        way: not begun yet.
        ended: told the result, or the error, by the thread that was there; must return at once.
    """

    def __init__(self, way: Way[Any], ended: Callable[[Any, BaseException | None], None]) -> None:
        self._way = way
        self._ended = ended

    def begin(self) -> None:
        Ticket(self).go_on()

    def step(self, move: Callable[[Any], "Wait[Any]"], given: Any) -> None:
        """From one wait to the next one. For the way's ticket only."""
        try:
            wait_for = move(given)
        except StopIteration as end:
            self._ended(end.value, None)
        except BaseException as error:  # noqa: BLE001 - it is told to whoever began the way
            self._ended(None, error)
        else:
            wait_for.begin(Ticket(self))

    def go_on(self, value: object) -> None:
        _carry(partial(self.step, self._way.send, value))

    def fail(self, error: BaseException) -> None:
        _carry(partial(self.step, self._way.throw, error))


class Ticket:
    """The right to end one wait of a way, once: whoever comes second with it does nothing."""

    __slots__ = ("_runners",)

    def __init__(self, runner: Runner) -> None:
        self._runners = [runner]

    def go_on(self, value: object = None) -> None:
        """The wait has ended with that value. A thread that carries another way does this after it."""
        if runner := self._taken():
            runner.go_on(value)

    def fail(self, error: BaseException) -> None:
        """The wait has ended with an error."""
        if runner := self._taken():
            runner.fail(error)

    def _taken(self) -> Runner | None:
        try:
            return self._runners.pop()  # of two threads, one gets it
        except IndexError:
            return None


class Wait(Generic[T]):
    """To be awaited on a way.

    Args:
        begin: called once nothing of the way is going on any more; keeps the ticket until what is waited for is there.
    """

    def __init__(self, begin: Callable[[Ticket], None]) -> None:
        self._begin = begin

    def __await__(self) -> Generator["Wait[T]", Any, T]:
        return cast("T", (yield self))

    def begin(self, ticket: Ticket) -> None:
        try:
            self._begin(ticket)
        except BaseException as error:  # noqa: BLE001 - the way has to know
            ticket.fail(error)


class _Hands(threading.local):
    """What a thread carries: the steps that are to be done by it, one after the other."""

    steps: deque[Callable[[], None]] | None = None


_hands = _Hands()


def _carry(step: Callable[[], None]) -> None:
    """At once, or after the step that the thread is at: a way that lets in another is not held up by it."""
    if _hands.steps is not None:
        _hands.steps.append(step)
        return
    _hands.steps = deque([step])
    try:
        while _hands.steps:
            try:
                _hands.steps.popleft()()
            except BaseException:  # noqa: BLE001 - of whoever was told of an end; the other ways must go on
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
    finally:
        _hands.steps = None


def complete(way: Way[T]) -> T:
    """A way from here to its end, for whoever has nothing else to do; not for a thread that others wait for.

    Whoever is interrupted meanwhile waits all the same: what he would close or give back is still needed.

    Raises:
        whatever the way raises.
    """
    outcome: Future[T] = Future()

    def ended(result: T, error: BaseException | None) -> None:
        if error is None:
            outcome.set_result(result)
        else:
            outcome.set_exception(error)

    try:
        Runner(way, ended).begin()
        return outcome.result()
    except BaseException:
        wait([outcome])
        raise


class Crew:
    """Threads that carry one document each: for acts that take their time.

    Args:
        name: of its threads.
        most: how many threads at most; each is started when it is first needed.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._is_closed = False

    def takes_over(self) -> Wait[None]:
        """From here on, up to its next wait, the way is carried by one of these threads.

        Raises:
            StationClosed: the crew has gone home.
        """
        return Wait(lambda ticket: self.call(ticket.go_on))

    def call(self, act: Callable[[], None]) -> None:
        """Has one of the threads do this.

        Raises:
            StationClosed: the crew has gone home.
        """
        with self._lock:
            if self._is_closed:
                raise StationClosed(self._name)
            if len(self._threads) < self._most:
                self._add_thread()
            self._calls.put(act)

    def close(self) -> None:
        """Returns when all that were taken over have gone on."""
        with self._lock:
            self._is_closed = True
            threads, self._threads = self._threads, []
        for _ in threads:
            self._calls.put(None)
        for thread in threads:
            thread.join()

    def _add_thread(self) -> None:
        # Not waited for at the end of the program: whoever still wants something of it is waited for, and closes it.
        thread = threading.Thread(target=self._work, name=f"{self._name}_{len(self._threads)}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system gives us no more of them
            if not self._threads:
                raise
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        while act := self._calls.get():
            act()


class Crowd:
    """How many ways are under way: whoever waits for others need not wait for more than there are.

    Each of them is inside of it, by `async with`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._size = 0

    @property
    def size(self) -> int:
        return self._size

    async def __aenter__(self) -> None:
        with self._lock:
            self._size += 1

    async def __aexit__(self, *_: object) -> None:
        with self._lock:
            self._size -= 1


class Desk(Generic[Wanted, Result]):
    """Does what many want in one act, and carries each of them on with its own result.

    A disk takes about as long to make one thing safe as to make sixty-four safe.

    Args:
        name: of its thread, which is started when it is first needed.
        act: does it for all of them, in their order: a result each, or an error that is its alone. What it raises is
            the error of all of them.
        patience: seconds for which it waits for others, once it has been seen that others come.
        crowd: those who may come; once all of them are here it waits no longer.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[Sequence[Wanted]], Sequence[Result | BaseException]],
        *,
        patience: float = 0.0,
        crowd: Crowd | None = None,
    ) -> None:
        self._act = act
        self._patience = patience
        self._crowd = crowd
        self._clerk = Crew(name, 1)
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Wanted, Ticket]] = deque()
        self._is_full = threading.Event()
        self._is_attended = False
        self._last = 1
        """How many the last time; whoever was alone need not wait for others."""

    def done(self, wanted: Wanted) -> Wait[Result]:
        """When it is done; the way is carried on by the desk's thread.

        Raises:
            StationClosed: nobody is at the desk any more.
        """
        return Wait(partial(self._join, wanted))

    def close(self) -> None:
        """Returns when all who have come have gone on."""
        self._patience = 0.0  # nobody else comes
        self._is_full.set()
        self._clerk.close()

    def _join(self, wanted: Wanted, ticket: Ticket) -> None:
        with self._lock:
            if not self._is_attended:
                self._clerk.call(self._attend)
                self._is_attended = True
            self._waiting.append((wanted, ticket))
            if len(self._waiting) >= self._most():
                self._is_full.set()

    def _most(self) -> int:
        """How many can be here at once."""
        return MOST if self._crowd is None else min(MOST, self._crowd.size)

    def _attend(self) -> None:
        while members := self._gathered():
            results = self._results([wanted for wanted, _ in members])
            for (_, ticket), result in zip(members, results, strict=True):
                if isinstance(result, BaseException):
                    ticket.fail(result)
                else:
                    ticket.go_on(result)

    def _gathered(self) -> list[tuple[Wanted, Ticket]]:
        """The next ones, in the order in which they came; with none of them the desk is left."""
        if self._last > 1 and len(self._waiting) < self._most():  # one who has left meanwhile has told nobody
            self._is_full.wait(self._patience)
        with self._lock:
            members = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            self._last = len(members)
            self._is_attended = bool(members)
            if len(self._waiting) < MOST:
                self._is_full.clear()
            return members

    def _results(self, wanted: list[Wanted]) -> Sequence[Result | BaseException]:
        try:
            return self._act(wanted)
        except BaseException as error:  # noqa: BLE001 - each of them raises it again
            return [error] * len(wanted)
