"""A service that hears what other importers of its ledger, and persons elsewhere, have just decided."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from importer.adapters.ledger import News
from importer.assembly import Parts
from importer.helpers import Helpers
from importer.service import Service


@contextmanager
def listening(parts: Parts, service: Service, helpers: Helpers) -> Iterator[None]:
    """As long as the context lasts; for a ledger of this host alone there is nothing to hear."""
    if not parts.ledger.is_shared:
        yield
        return
    state: list[bool | None] = [None]

    def heard(news: set[News]) -> None:
        if News.LINE in news:
            parts.line.look_again()
        service.decided()

    def told(is_listening: bool, why: str) -> None:
        if is_listening == state[0]:
            return
        state[0] = is_listening
        if is_listening:
            parts.log.info("ledger.listening")
        else:
            parts.log.info("ledger.not_listening", message=f"{why}; others' changes are seen at the next regular look")

    with helpers.running("listener", partial(parts.ledger.listen, heard=heard, told=told)):
        yield
