"""The ledger's few verbs."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, select

from importer.adapters.ledger.changes import Changes, Placement, leave_in_place
from importer.adapters.ledger.database import Change, Database
from importer.adapters.ledger.errors import LedgerError, LedgerNeedsPerson
from importer.adapters.ledger.hook_calls import HookCalls
from importer.adapters.ledger.line_words import fall_silent, say
from importer.adapters.ledger.meta import get_meta, set_meta
from importer.adapters.ledger.postgres_news import News, tell
from importer.adapters.ledger.reader import LedgerReader
from importer.adapters.ledger.resends import Resends
from importer.adapters.ledger.rows import to_document
from importer.adapters.ledger.shared import alone_with_meta, present_to_reader
from importer.adapters.ledger.shared_line import SharedPacer, ask_leave, tell_all
from importer.adapters.ledger.tables import documents
from importer.adapters.ledger.values import Claim, Refusal
from importer.adapters.ledger.witness import Witness, identify
from importer.core.hooks import Hook

T = TypeVar("T")


class Ledger(LedgerReader):
    """The record of every document. Safe to share between threads and processes; on PostgreSQL, between hosts.

    Args:
        url: as for `Database`.
        lease: how long a claim holds without a sign of life: longer than any send can take.
        place: where settled documents are to lie.
        witness: the file that notices when the ledger was deleted, restored or replaced; None for none.

    Raises:
        LedgerBusy: the ledger is being rebuilt or upgraded.
        LedgerNeedsPerson: the ledger is corrupt, or of another version.
        LedgerError: it cannot be opened.
    """

    def __init__(
        self,
        url: str,
        *,
        lease: timedelta = timedelta(seconds=125),
        place: Placement = leave_in_place,
        witness: Path | None = None,
    ) -> None:
        super().__init__(Database(url))
        self._holder = self._database.holder()
        self._lease = lease
        self.changes = Changes(self._holder, lease, place)
        """What can become of documents, for `write` and `write_together`."""
        self._witness = Witness(witness, self._database) if witness else None
        if self._witness:
            self._database.vouch = self._witness.vouch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(LedgerError):  # if that fails: a dead one's word counts for nothing
            self._database.write(lambda connection: fall_silent(connection, self._holder.name))
        self._holder.__exit__()
        self._database.close()

    def bind_account(self, account: str, *, new_account: bool = False) -> None:
        """Writes the account at first use; later it must be the same one, because it is part of every identity.

        While the ledger holds no document, nothing depends on it yet, and it may be corrected.

        Raises:
            LedgerNeedsPerson: the ledger belongs to another account.
        """

        def bind(connection: Connection) -> None:
            alone_with_meta(connection)
            known = get_meta(connection, "account")
            is_used = connection.execute(select(documents.c.id).limit(1)).first() is not None
            if known is None or new_account or not is_used:
                set_meta(connection, "account", account)
            elif known != account:
                raise LedgerNeedsPerson(
                    f"ledger {self._database.path}: it belongs to account {known!r}, the configuration says "
                    f"{account!r}; correct api.account, or confirm the change with `importer backfill --new-account`"
                )

        self._database.write(bind)

    def amnesia(self) -> str | None:
        """What the witness knows better than this ledger; None when all is well."""
        self._identify()
        return self._witness.contradiction() if self._witness else None

    def face_witness(self) -> None:
        """To be called before anything is sent; a ledger without a witness gets one.

        Raises:
            LedgerNeedsPerson: the witness knows better; nothing must be sent on the word of this ledger.
        """
        self._identify()
        if self._witness:
            self._witness.face()

    # ------------------------------------------------------------ documents

    def write(self, change: Change[T]) -> T:
        """Makes a change of `changes`; it is on disk when this returns.

        Raises:
            ClaimLost: another importer has taken the document over.
            LedgerError: it could not be written.
        """
        return self._database.write(change.make, vouched=change.is_vouched_for)

    def write_together(self, wanted: Sequence[Change[Any]]) -> list[Any]:
        """Makes several in one commit: see `Database.write_together`."""
        return self._database.write_together(wanted)

    def confirm_sound(self) -> None:
        """Between an intent and its first byte, when there was time for something to happen.

        Raises:
            LedgerError: the disk has failed meanwhile, and the outcome could not be recorded.
        """
        self._database.confirm_sound()

    def orphans(self, now: datetime) -> list[Claim]:
        """Claims whose holder is dead or whose lease is over: their documents are anybody's to settle."""
        query = select(documents).where(documents.c.claim_token.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            moment = present_to_reader(connection, now)
        dead = {name for name in {row["claim_holder"] for row in rows} if not self._holder.is_alive(name)}
        return [
            Claim(to_document(row), row["claim_token"])
            for row in rows
            if row["claim_holder"] in dead or row["claim_until"] < moment
        ]

    @property
    def resends(self) -> Resends:
        """What is to be sent again."""
        return Resends(self._database, self._holder, self._lease)

    def hook_calls(self, hook: Hook, lease: timedelta) -> HookCalls:
        """What a hook is to be called for.

        Args:
            hook: which.
            lease: how long one call may take, and more.
        """
        return HookCalls(self._database, self._holder, hook, lease)

    def set_line(self, stopped: dict[str, Any] | None) -> None:
        """Tells other processes whether anything is sent at all, and why not."""

        def leave_word(connection: Connection) -> None:
            say(connection, self._holder.name, stopped, self._holder.is_alive)
            tell_all(connection, stopped)
            tell(connection, News.LINE, self._holder.name)

        self._database.write(leave_word)

    @property
    def are_credentials_refused(self) -> bool:
        """Whether another importer that shares the ledger has found that out, as of our last change."""
        return self._database.are_credentials_refused

    def listen(
        self, ended: threading.Event, heard: Callable[[set[News]], None], told: Callable[[bool, str], None]
    ) -> None:
        """Hears what other importers tell all that share the ledger, until it is to end; see `Listener.listen`.

        `are_credentials_refused` is brought up to date before anybody hears of the line.
        """

        def pass_on(news: set[News]) -> None:
            if News.LINE in news:
                with suppress(LedgerError):  # the next change will show it
                    self._database.ask_line()
            heard(news)

        if listener := self._database.listener(self._holder.name):
            listener.listen(ended, pass_on, told)

    @property
    def is_shared(self) -> bool:
        """Whether importers on other hosts may work with it."""
        return self._database.is_shared

    def leave_to_probe(self, pause: timedelta, *, starting: bool) -> Refusal | None:
        """Leave to try the credentials: None; or another importer's refusal that is to be heeded.

        Args:
            pause: for so long nobody else tries them, should they be refused.
            starting: whether this importer has not tried them yet.
        """
        if not self._database.is_shared:
            return None
        return self._database.write(lambda connection: ask_leave(connection, pause, starting=starting))

    def pacer(self, interval: timedelta, clock: Callable[[], float]) -> SharedPacer | None:
        """Whatever tells the requests of all importers that share the ledger their turns; None where nobody does."""
        return SharedPacer(self._database, interval, clock) if self._database.is_shared else None

    def _identify(self) -> None:
        with self._database.read() as connection:
            if get_meta(connection, "ledger") is not None:
                return

        def identify_first(connection: Connection) -> None:
            alone_with_meta(connection)
            if get_meta(connection, "ledger") is None:  # another process may have been first
                identify(connection)

        self._database.write(identify_first)
