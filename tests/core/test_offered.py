"""The decisions that are offered about a document: exactly those that are not refused, where they change anything."""

from datetime import UTC, datetime
from itertools import product

import pytest

from importer.core import person
from importer.core.model import Document, Key, Reason, State, digest_of
from importer.core.person import DISMISSED, RETRIED, Decision, offered

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CODES = ("", "revision", "no_rule", "readback_unclear", DISMISSED)


@pytest.mark.parametrize(("state", "code", "in_doubt"), list(product(State, CODES, (False, True))))
def test_what_is_offered_is_not_refused_and_the_other_way_round(state, code, in_doubt):
    document = Document(
        id=1, account="a", sha256=digest_of(b""), size=0, inbox="/i", path="a.pdf", location="/i/a.pdf",
        filename="a.pdf", state=state, reason=Reason(code, "why") if code else None, key=Key(in_doubt=in_doubt),
        first_seen_at=NOW,
    )  # fmt: skip
    taken = {
        Decision.RETRY: isinstance(person.retry(document, NOW), Document) and state in RETRIED,
        Decision.ACCEPT: isinstance(person.accept(document, NOW), Document),
        Decision.IMPORTED: person.not_in_question(document, "") is None,
        Decision.NOT_IMPORTED: person.not_in_question(document, "") is None,
        Decision.DISMISS: isinstance(person.dismiss(document), Document) and code != DISMISSED,
    }
    assert offered(document, NOW) == tuple(decision for decision in Decision if taken[decision])
    assert not (state in {State.IMPORTED, State.DUPLICATE, State.SENDING} and offered(document, NOW))
