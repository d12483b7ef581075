"""A document under way is a coroutine: whoever ends what it waits for carries it on, up to its next wait.

So a document that waits costs no thread, and a thread that has done something for many goes on with each of them. A
crew's threads do one document's act each, a desk's only thread does one act for all that have come; everything in
between is done at once by whichever of them has the document in hand.
"""

import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
Wanted = TypeVar("Wanted")
Result = TypeVar("Result")

Way = Coroutine[Any, Any, T]
"""What is done with a document, from top to bottom; it awaits nothing but what this module offers."""

MOST = 64
"""So many at a desk at once; more would only make all of them wait for the last one."""


class Runner:
    """A way under way. One thread at a time carries it on.

    Args:
        way: not begun yet.
        ended: told the result, or the error, by the thread that was there; must return at once, and never fail.
    """

    def __init__(self, way: Way[Any], ended: Callable[[Any, BaseException | None], None]) -> None:
        self._way = way
        self._ended = ended

    def go_on(self, value: object = None) -> None:
        """Its wait has ended with that value; also begins it. A thread that carries another one does this after it."""
        _carry(partial(self._step, self._way.send, value))

    def fail(self, error: BaseException) -> None:
        """Its wait has ended with an error."""
        _carry(partial(self._step, self._way.throw, error))

    def _step(self, move: Callable[[Any], "Wait[Any]"], given: Any) -> None:
        try:
            wait = move(given)
        except StopIteration as end:
            self._ended(end.value, None)
        except BaseException as error:  # noqa: BLE001 - it is told to whoever began the way
            self._ended(None, error)
        else:
            wait.begin(self)


class Wait(Generic[T]):
    """To be awaited on a way.

    Args:
        begin: called once nothing of the way is going on any more; has its `go_on` or `fail` called, once, sometime.
    """

    def __init__(self, begin: Callable[[Runner], None]) -> None:
        self._begin = begin

    def __await__(self) -> Generator["Wait[T]", Any, T]:
        return cast("T", (yield self))

    def begin(self, runner: Runner) -> None:
        try:
            self._begin(runner)
        except BaseException as error:  # noqa: BLE001 - the way has to know
            runner.fail(error)


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
            _hands.steps.popleft()()
    finally:
        _hands.steps = None


def complete(way: Way[T]) -> T:
    """A way from here to its end, for whoever has nothing else to do; not for a thread that others wait for.

    Raises:
        whatever the way raises.
    """
    outcome: Future[T] = Future()

    def ended(result: T, error: BaseException | None) -> None:
        if error is None:
            outcome.set_result(result)
        else:
            outcome.set_exception(error)

    Runner(way, ended).go_on()
    return outcome.result()


class Crew:
    """Threads that carry one document each: for acts that take their time.

    Args:
        name: of its threads.
        threads: how many; they are started when they are first needed.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def takes_over(self) -> Wait[None]:
        """From here on, up to its next wait, the way is carried by one of these threads."""
        return Wait(self._take_over)

    def close(self) -> None:
        """Returns when all that were taken over have gone on."""
        self._threads.shutdown()

    def _take_over(self, runner: Runner) -> None:
        self._threads.submit(runner.go_on)


class Desk(Generic[Wanted, Result]):
    """Does what many want in one act, and carries each of them on with its own result.

    A disk takes about as long to make one thing safe as to make sixty-four safe.

    Args:
        name: of its thread, which is started when it is first needed.
        act: does it for all of them, in their order: a result each, or an error that is its alone. What it raises is
            the error of all of them.
        patience: seconds for which it waits for others, once it has been seen that others come.
    """

    def __init__(
        self, name: str, act: Callable[[Sequence[Wanted]], Sequence[Result | BaseException]], *, patience: float = 0.0
    ) -> None:
        self._act = act
        self._patience = patience
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Wanted, Runner]] = deque()
        self._is_full = threading.Event()
        self._is_attended = False
        self._last = 1
        """How many the last time; whoever was alone need not wait for others."""

    def done(self, wanted: Wanted) -> Wait[Result]:
        """When it is done; the way is carried on by the desk's thread."""
        return Wait(partial(self._join, wanted))

    def close(self) -> None:
        """Returns when all who have come have gone on. Whoever comes later is sent away with an error."""
        self._thread.shutdown()

    def _join(self, wanted: Wanted, runner: Runner) -> None:
        with self._lock:
            if not self._is_attended:
                self._thread.submit(self._attend)
                self._is_attended = True
            self._waiting.append((wanted, runner))
            if len(self._waiting) == MOST:
                self._is_full.set()

    def _attend(self) -> None:
        while members := self._gathered():
            results = self._results([wanted for wanted, _ in members])
            for (_, runner), result in zip(members, results, strict=True):
                if isinstance(result, BaseException):
                    runner.fail(result)
                else:
                    runner.go_on(result)

    def _gathered(self) -> list[tuple[Wanted, Runner]]:
        """The next ones, in the order in which they came; with none of them the desk is left."""
        if self._last > 1:
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
