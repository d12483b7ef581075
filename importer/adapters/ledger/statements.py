"""The statements of the way that every document takes, built once: to build one costs more than to execute it.

Values are handed over with the execution: a statement's columns are those that its parameters name.
"""

from sqlalchemy import and_, bindparam, insert, or_, select, update

from importer.adapters.ledger.inserts import Inserts
from importer.adapters.ledger.prepared import Prepared
from importer.adapters.ledger.tables import attempts, documents, events, sightings
from importer.core.lifecycle import FILE_GONE
from importer.core.model import ON_ITS_WAY, State

_d, _s = documents.c, sightings.c

ON_THEIR_WAY = or_(*(_d.state == state.value for state in sorted(ON_ITS_WAY)))
HAS_COME = or_(_d.next_attempt_at.is_(None), _d.next_attempt_at <= bindparam("now"))
IS_FREE = _d.claim_token.is_(None)

# ------------------------------------------------------------ changes; `its_id` and the like are no column's name

ENTER = Prepared(insert(documents).returning(_d.id))
SIGHT = Inserts(sightings, "document_id", "path", "size", "mtime_ns", "inode", "seen_at")
BEGIN_ATTEMPT = Inserts(attempts, "document_id", "number", "generation", "key", "started_at")
END_ATTEMPT = Prepared(
    update(attempts).where(attempts.c.document_id == bindparam("its_id"), attempts.c.ended_at.is_(None))
)
TELL = Inserts(events, "document_id", "at", "name", "actor", "data")

_IT = _d.id == bindparam("its_id")
_IF_FREE = update(documents).where(_IT, IS_FREE)
_IF_OURS = update(documents).where(_IT, _d.claim_token == bindparam("its_token"))
CHANGE_FREE = Prepared(_IF_FREE)
CHANGE_CLAIMED = Prepared(_IF_OURS)
CHANGE_IN_TIME = Prepared(_IF_OURS.where(_d.claim_until > bindparam("now")))

_SEIZE = _IF_FREE.returning(*_d)
SEIZE = Prepared(_SEIZE)
SEIZE_UNSETTLED = Prepared(_SEIZE.where(or_(ON_THEIR_WAY, _d.target.is_not(None))))
SEIZE_DUE = Prepared(_SEIZE.where(or_(and_(ON_THEIR_WAY, HAS_COME), _d.target.is_not(None))))
SEIZE_ORPHAN = Prepared(_IF_OURS.returning(*_d))

# ------------------------------------------------------------ questions

SEEN = Prepared(
    select(documents)
    .join(sightings, _s.document_id == _d.id)
    .where(
        _s.path == bindparam("path"),
        _s.size == bindparam("size"),
        _s.mtime_ns == bindparam("mtime_ns"),
        _s.inode == bindparam("inode"),
        _d.location == bindparam("path"),
        _d.reason["code"].as_string().is_distinct_from(FILE_GONE),
    )
    .order_by(_d.id.desc())
    .limit(1)
)
ONE = Prepared(select(documents).where(_IT))

_OTHERS = select(documents).where(_d.account == bindparam("account"), _d.id != bindparam("its_id")).order_by(_d.id)
_SAME_BYTES = _d.sha256 == bindparam("sha256")
SAME_BYTES = Prepared(_OTHERS.where(_SAME_BYTES))
NEIGHBOURS = Prepared(
    _OTHERS.where(or_(_SAME_BYTES, and_(_d.invoice_reference == bindparam("reference"), _d.kind == bindparam("kind"))))
)
RESERVED = Prepared(select(_d.id).where(_d.target == bindparam("target"), _d.id != bindparam("its_id")))

_WAITING = select(_d.id).where(_d.state.in_(bindparam("states", expanding=True)), IS_FREE)
ANY_DUE = Prepared(
    select(_d.id)
    .where(or_(*(_d.state == state.value for state in sorted(ON_ITS_WAY - {State.SENDING}))), IS_FREE, HAS_COME)
    .limit(1)
)
DUE = _WAITING.where(HAS_COME).order_by(_d.next_attempt_at.asc().nulls_first(), _d.id)
FALLS_DUE = _WAITING.add_columns(_d.next_attempt_at).where(_d.next_attempt_at.is_not(None)).order_by(_d.next_attempt_at)
FALLS_DUE_AFTER = FALLS_DUE.where(_d.next_attempt_at > bindparam("after"))
