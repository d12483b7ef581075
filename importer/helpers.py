"""Threads beside the work: when one of them dies, the service must not go on as if all were well."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class HelperDied(Exception):
    """A thread that the service cannot do without has ended by an error of ours."""


class Helpers:
    """Starts them, and knows whether one has died.

    Args:
        on_death: called by the dying thread, so that whoever works looks up.
    """

    def __init__(self, on_death: Callable[[], None]) -> None:
        self._on_death = on_death
        self._dead: tuple[str, BaseException] | None = None

    @contextmanager
    def running(self, name: str, act: Callable[[threading.Event], None]) -> Iterator[None]:
        """Runs the act in a thread of its own while the context lasts.

        Args:
            name: what it does, for a person.
            act: returns soon after the event that it is given is set.
        """
        ended = threading.Event()
        thread = threading.Thread(target=self._run, args=(name, act, ended), name=name)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def check(self) -> None:
        """To be called by whoever does the work.

        Raises:
            HelperDied: a thread has ended; its error is the cause.
        """
        if self._dead is not None:
            name, error = self._dead
            raise HelperDied(f"the {name} has ended by an error of ours; start the importer again") from error

    def _run(self, name: str, act: Callable[[threading.Event], None], ended: threading.Event) -> None:
        try:
            act(ended)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the work must hear of it
            self._dead = name, error
            self._on_death()
