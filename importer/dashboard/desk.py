"""What the page needs from the importer: questions and a person's decisions. The door gives it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from importer.adapters.ledger import LedgerReader
from importer.auditing import Audits
from importer.core.model import Document, References
from importer.core.person import Decision
from importer.core.resending import Resend
from importer.decisions import Decided

Standing = Mapping[str, Any]
"""What `importer status --json` prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A decision as a person has made it on the page."""

    decision: Decision
    actor: str
    note: str = ""
    references: References | None = None
    objection: Callable[[Document], str | None] = lambda _: None
    """Why the document, as it is under the claim, is not the one that the person has seen; None when it is."""


Settle = Callable[[Resend, datetime], Resend | str]
"""What a person has found out about a resend; or why that does not fit it as it is."""


class Choose(Protocol):
    """From the open ledger, the documents that a decision is about."""

    def __call__(self, ledger: LedgerReader) -> list[Document]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """May be used from any thread. Each opens what it needs, and for so long only: a rebuild wants the ledger alone."""

    reading: Callable[[], AbstractContextManager[LedgerReader]]
    """The ledger for questions only."""
    standing: Callable[[LedgerReader], Standing]
    decide: Callable[[Ask, Choose], list[Decided]]
    """Records a decision about each of the documents chosen, as `importer retry` and `importer resolve` do."""
    settle: Callable[[int, Settle, str], Resend | str]
    """Records what became of the resend with this id, in that person's name; or says why not."""
    explain: Callable[[str], Mapping[str, Any]]
    """What `importer explain --json` prints, for a name in the inbox."""
    audits: Audits
    """What the last audit has found; another one can be begun."""
    max_size: int
    """Bytes; of a larger file there is no preview."""
    operator: str
    """Who works here where nobody is asked for a name: the user of this process."""
    token: Callable[[], str] | None
    """Reads the token that is asked for; None: nobody is asked."""
    language: str
    """`auto`, `de` or `en`."""
    log: FilteringBoundLogger
