"""What each of a person's decisions comes to; two of them want a look into Abillify before they are recorded."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from importer.core import person
from importer.core.model import Document, Found, ReadbackOutcome, ReadFailed, References, Unclear
from importer.core.person import Decision
from importer.decisions import Decide

LookedUp = tuple[ReadbackOutcome, datetime | None]
"""What Abillify shows of a document, and when by its clock."""

EVENTS: Mapping[Decision, str] = {
    Decision.RETRY: "person.retried",
    Decision.ACCEPT: "person.accept",
    Decision.IMPORTED: "person.imported",
    Decision.NOT_IMPORTED: "person.not_imported",
    Decision.DISMISS: "person.dismiss",
}
"""What the trail calls each of them."""


class NotAnswered(Exception):
    """Abillify could not be asked; nothing was decided."""


def decide_as(
    decision: Decision,
    references: References | None,
    look: Callable[[Document], LookedUp],
    grace: timedelta,
    attempted_at: Callable[[Document], datetime | None],
) -> Decide:
    """The decision, to be made under a claim.

    Args:
        decision: what the person says.
        references: with `IMPORTED`, what Abillify calls the document; None: Abillify is asked.
        look: asks Abillify.
        grace: how long an upload may take to show (`api.readback_grace`).
        attempted_at: when the last upload of a document ended, by our clock.

    Raises:
        NotAnswered: not here but by what is returned: it was to look, and got no answer.
    """
    match decision:
        case Decision.RETRY:
            return person.retry
        case Decision.ACCEPT:
            return person.accept
        case Decision.DISMISS:
            return lambda document, _: person.dismiss(document)
        case Decision.IMPORTED if references is not None:
            return lambda document, now: person.imported(document, references, now)

    def look_and_decide(document: Document, now: datetime) -> Document | str:
        if refusal := person.not_in_question(document, f"--{decision.replace('_', '-')}"):
            return refusal
        # Under the claim: what is seen now cannot be changed by another importer before it is recorded.
        seen, seen_at = _answered(look(document), document)
        if decision is Decision.IMPORTED:
            return _with_references(seen, document, now)
        before = attempted_at(document)
        return _without(seen, document, lambda: person.not_imported(document, seen_at, grace, now, before), now)

    return look_and_decide


def _answered(looked_up: LookedUp, document: Document) -> LookedUp:
    outcome, _ = looked_up
    if isinstance(outcome, ReadFailed):
        raise NotAnswered(f"Abillify could not be asked about D{document.id} ({outcome.cause}); try again")
    return looked_up


def _with_references(seen: ReadbackOutcome, document: Document, now: datetime) -> Document | str:
    if not isinstance(seen, Found):
        return (
            f"Abillify's list does not tell which entry is D{document.id}; "
            "name it with --communication, --file and --voucher"
        )
    return person.imported(document, seen.references, now)


def _without(
    seen: ReadbackOutcome, document: Document, conclude: Callable[[], Document | str], now: datetime
) -> Document | str:
    """The last look overrules the person: what is there must not be sent again."""
    if isinstance(seen, Found):
        return person.imported(document, seen.references, now)
    if isinstance(seen, Unclear) and seen.is_there:
        return f"D{document.id} is at Abillify: {seen.cause}; name the entry with --imported and its references"
    return conclude()
