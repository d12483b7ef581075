"""The door for programs: one file in, one answer out, through the same pipeline as `importer backfill`."""

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Self

from importer.adapters.archive import NotDurable
from importer.adapters.inbox import FoundFile
from importer.adapters.reading import FileVanished, NotReady
from importer.adapters.telemetry import Redactor, program_log
from importer.assembly import Parts, put_together, scanner_of
from importer.batches import sighting_of
from importer.config import Settings, find_config, load_settings as settings_from
from importer.core.errors import ImporterError
from importer.core.model import Document
from importer.core.naming import shown
from importer.library.result import ImportResult, result_of
from importer.pipeline import Taken
from importer.relay import complete
from importer.whereabouts import is_put_away, named

BREATH = 0.25
"""Seconds between two looks at a document that cannot go on at this moment."""

ID = re.compile(r"D[1-9][0-9]{0,17}")
"""Of a document, within the numbers of any database."""

RECOVERY = 5.0
"""Seconds between two looks at what dead importers have left behind."""


class NotImportable(ImporterError):
    """What was named is a folder, a link, or left alone for its name or place; nothing of it is in the ledger."""


class UnknownDocument(ImporterError):
    """The ledger holds no document of that id."""


class Closed(ImporterError):
    """The importer was closed; make another one."""


def load_settings(file: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings, as every verb of the command line loads them.

    Args:
        file: the configuration; None: where the command line looks (`$IMPORTER_CONFIG`, then `config/importer.toml`,
            then `/etc/importer/importer.toml`).
        environ: the variables that override it; None: this process's.

    Raises:
        ConfigError: with every fault.
    """
    environ = os.environ if environ is None else environ
    return settings_from(find_config(None, environ) if file is None else Path(file), environ)


class Importer:
    """Imports files one by one, each exactly once, from any number of threads.

    Opens ledger, rules and connections; `close` it, or use it as a context manager. Other importers, a running service
    and other instances of this class may work on the same ledger meanwhile. A forked process makes one of its own.

    Args:
        settings: see `load_settings`.
        environ: where credentials are looked for beside the settings; None: this process's environment.

    Raises:
        ConfigError: rules or credentials are not in order.
        LedgerError: the ledger cannot be opened; `LedgerNeedsPerson`: it was replaced or restored, and nothing is sent.
        OSError: a folder that the settings name cannot be made.
    """

    def __init__(self, settings: Settings, *, environ: Mapping[str, str] | None = None) -> None:
        self._calls = 0
        self._free = threading.Condition()
        self._tending, self._surveying, self._resending = threading.Lock(), threading.Lock(), threading.Lock()
        self._closing = threading.RLock()
        self._ended = threading.Event()
        self._broken: NotDurable | None = None
        redactor = Redactor()
        with ExitStack() as stack:
            self._parts: Parts = stack.enter_context(
                put_together(settings, os.environ if environ is None else environ, redactor, program_log(redactor))
            )
            stack.enter_context(self._parts.hooks)
            self._recovers_at = self._parts.clock.steady()
            self._recover()
            self._opened = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Begins nothing new, waits for the calls that are under way, and closes everything; harmless when repeated.

        Whichever thread calls it, and however many do: it returns when all is closed.
        """
        self._ended.set()
        self._parts.pipeline.begin_nothing_new()
        self._parts.resender.begin_nothing_new()
        with self._free:
            self._free.wait_for(lambda: self._calls == 0)
        with self._closing:
            self._opened.close()

    # ------------------------------------------------------------ what a program asks for

    def import_file(
        self, path: str | os.PathLike[str], *, timeout: float = 0.0, in_place: bool | None = None
    ) -> ImportResult:
        """A file that is complete, from its name to its receipt.

        What must wait, and what needs a person, comes back as a state. Called again with the same file, it goes on
        where the ledger says; what may have been sent is looked up at Abillify first, whoever was killed meanwhile.

        Args:
            path: absolute, or relative to the working directory.
            timeout: seconds for which a document that cannot be settled at once is followed: through retries,
                read-backs and a line that is stopped. 0: whatever is due now is done once. A request under way is
                always waited for; each takes `api.timeout` at most.
            in_place: whether the file stays where it is. None: as with `importer backfill`, one in the inbox is put
                away, and one elsewhere stays.

        Raises:
            FileVanished: it is not there.
            NotReady: it is being written to, or another importer is about to put it away.
            ReadError: it cannot be read.
            NotImportable: it is no file to be imported.
            LedgerError, ProbeError, ArchiveError: the importer itself cannot work; nothing is lost. Call again later.
            Closed: see `close`.
        """
        with self._working():
            deadline = self._parts.clock.steady() + timeout
            self._tend()
            return self._followed(self._taken(Path(path), in_place, deadline).document_id, deadline)

    def follow(self, document: str, *, timeout: float = 0.0) -> ImportResult:
        """Goes on with a document that is on its way, as far as anything is due; the file's name need not be known.

        Args:
            document: its id, as in `ImportResult.id`.
            timeout: as in `import_file`.

        Raises:
            UnknownDocument: the ledger holds none of that id.
            LedgerError, ProbeError, ArchiveError, Closed: as in `import_file`.
        """
        with self._working():
            deadline = self._parts.clock.steady() + timeout
            document_id = self._known(document).id
            self._tend()
            return self._followed(document_id, deadline)

    def result_of(self, document: str) -> ImportResult:
        """How a document stands; only the ledger is asked.

        Raises:
            UnknownDocument: the ledger holds none of that id.
            LedgerError, Closed: as in `import_file`.
        """
        with self._working():
            return result_of(self._known(document), self._parts.line.stopped)

    # ------------------------------------------------------------ a file becomes a document

    def _taken(self, path: Path, in_place: bool | None, deadline: float) -> Taken:
        while True:
            file = self._found(path)
            self._survey(file)
            try:
                stays = self._stays(file) if in_place is None else in_place
                return complete(self._parts.pipeline.take(file, in_place=stays))
            except FileVanished:
                raise
            except NotReady:
                if not self._wait(deadline):
                    raise

    def _found(self, path: Path) -> FoundFile:
        """As a scan finds it, so that nothing is imported that a scan would leave alone."""
        settings = self._parts.settings
        place = named(settings, path)
        if is_put_away(settings, place):
            raise NotImportable(f"{shown(place)} is where the importer puts files; it is not imported again")
        if place.is_dir() and not place.is_symlink():
            raise NotImportable(f"{shown(place)} is a folder; name one file")
        scan = scanner_of(settings, [place], settle=timedelta(0)).scan(0.0)
        if scan.settled:
            return scan.settled[0]
        for problem in scan.problems:
            missing = problem.code == "path_missing"
            raise FileVanished(problem.message) if missing else NotImportable(problem.message)
        raise NotImportable(
            f"{shown(place)} is left alone: its name is on the list inbox.ignore, or it waits for its marker "
            "(inbox.done_file)"
        )

    def _stays(self, file: FoundFile) -> bool:
        return not file.path.is_relative_to(self._parts.settings.inbox.path)

    def _survey(self, file: FoundFile) -> None:
        """An unusual batch is one whoever brings it: the files of an hour are counted here too (`[brake]`)."""
        with self._surveying:
            if self._parts.ledger.seen(sighting_of(file)) is None:
                self._parts.pipeline.survey([file], is_idle=self._calls == 1)

    # ------------------------------------------------------------ a document goes on

    def _followed(self, document_id: int, deadline: float) -> ImportResult:
        while True:
            document = self._gone_on(document_id)
            if _is_settled(document) or not self._wait(deadline):
                self._resend_after(document)
                return result_of(document, self._parts.line.stopped)
            self._tend()

    def _gone_on(self, document_id: int) -> Document:
        document = self._known(f"D{document_id}")
        if _is_settled(document):
            return document
        pipeline, is_due = self._parts.pipeline, self._is_due(document)
        if is_due and complete(pipeline.resume(document_id)) is None:
            # Somebody works on it; unless that one is dead.
            self._recover()
            complete(pipeline.resume(document_id))
        return self._known(f"D{document_id}")

    def _is_due(self, document: Document) -> bool:
        at = document.next_attempt_at
        return document.target is not None or at is None or at <= self._parts.clock.now()

    def _resend_after(self, document: Document) -> None:
        """A rule may want the invoice's e-mail sent again after the import; what fails is left to the next importer."""
        resender = self._parts.resender
        if document.rule not in self._parts.pipeline.examiner.resending_rules:
            return
        with self._resending:
            resender.expect()  # what another thread has not found for its document says nothing about this one's
            resend_id, _ = resender.next_due(among=[document.id])
            if resend_id is not None:
                resender.send_for_service(resend_id)

    def _recover(self) -> None:
        """What dead importers have left behind; not at every breath, for all of the ledger is looked through."""
        now = self._parts.clock.steady()
        if now >= self._recovers_at:
            self._recovers_at = now + RECOVERY
            self._parts.pipeline.recover()
            self._parts.resender.recover()

    def _tend(self) -> None:
        """One probe where one is due: whoever comes first opens the line for all."""
        line = self._parts.line
        if not line.is_open:
            with self._tending:
                line.tend()

    # ------------------------------------------------------------ calls

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self._free:
            if self._ended.is_set():
                raise Closed("the importer was closed")
            if self._broken is not None:
                raise self._broken
            self._calls += 1
        try:
            yield
        except NotDurable as error:
            self._broken = error  # nobody knows what that disk has kept; another answer would only hide it
            raise
        finally:
            with self._free:
                self._calls -= 1
                self._free.notify_all()

    def _wait(self, deadline: float) -> bool:
        """A breath; False when there is no time left, or nothing new is to be begun."""
        left = deadline - self._parts.clock.steady()
        return left > 0 and not self._ended.wait(min(BREATH, left))

    def _known(self, name: str) -> Document:
        document = self._parts.ledger.get(int(name[1:])) if ID.fullmatch(name) else None
        if document is None:
            raise UnknownDocument(f"the ledger holds no document {name!r}")
        return document


def _is_settled(document: Document) -> bool:
    """Nothing is left to be done by itself: neither with the document nor with its file."""
    return not document.state.is_on_its_way and document.target is None
