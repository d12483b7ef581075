"""Whether a ledger is sound: what the database says of itself, and what must hold in every ledger."""

from collections.abc import Iterator

from sqlalchemy import Connection, and_, func, or_, select

from importer.adapters.ledger.database import Database
from importer.adapters.ledger.resend_tables import resends
from importer.adapters.ledger.resends import to_resend
from importer.adapters.ledger.rows import identity_column, to_document
from importer.adapters.ledger.shared import is_shared
from importer.adapters.ledger.tables import attempts, documents
from importer.core.model import ON_ITS_WAY, Document, State
from importer.core.resending import Resend, ResendState, wanted_by_rule

ON_THEIR_WAY = [state.value for state in ON_ITS_WAY]
REFERENCES = ("communication_reference", "file_reference", "voucher_reference", "imported_at")


def faults_of(database: Database) -> Iterator[str]:
    """One sentence for each thing that is wrong.

    Raises:
        LedgerNeedsPerson: it is so damaged that it cannot be looked at.
    """
    with database.read() as connection:
        if not is_shared(connection):
            yield from _file(connection)
        yield from _identities(connection)
        yield from _rows(connection)
        yield from _resends(connection)


def _file(connection: Connection) -> Iterator[str]:
    """What SQLite finds; a server looks after its pages and its foreign keys by itself."""
    damage = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    yield from (f"the file is damaged: {line}" for line in damage if line != "ok")
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} points to a row of {parent} that is not there"


def _identities(connection: Connection) -> Iterator[str]:
    count = func.count()
    query = select(documents.c.identity, count).where(documents.c.identity.is_not(None))
    for identity, number in connection.execute(query.group_by(documents.c.identity).having(count > 1)):
        yield f"{number} documents have the identity {identity}; only one may"
    for row in connection.execute(select(documents)).mappings():
        document = to_document(row)
        if row["identity"] != identity_column(document):
            yield (
                f"D{document.id}: its identity is not that of its account, invoice reference, kind and bytes, or it "
                "names one though it is a duplicate or rejected"
            )


def _rows(connection: Connection) -> Iterator[str]:
    d = documents.c
    is_imported, on_its_way = d.state == State.IMPORTED.value, d.state.in_(ON_THEIR_WAY)
    wrong = {
        "imported, but without all of its references and its time": and_(
            is_imported, or_(*(d[name].is_(None) for name in REFERENCES))
        ),
        "on its way, but its file is to be moved": and_(on_its_way, d.target.is_not(None)),
        "its claim has no holder, or its holder no claim": d.claim_token.is_(None) != d.claim_holder.is_(None),
        "an upload is under way, but nobody has claimed it": and_(
            d.state == State.SENDING.value, d.claim_token.is_(None)
        ),
    }
    for message, condition in wrong.items():
        for document_id in connection.execute(select(d.id).where(condition)).scalars():
            yield f"D{document_id}: {message}"
    lost = select(attempts.c.id).where(attempts.c.document_id.not_in(select(d.id)))
    for attempt in connection.execute(lost).scalars():
        yield f"attempt {attempt} belongs to no document"


def _resends(connection: Connection) -> Iterator[str]:
    r, count = resends.c, func.count()
    under_way = r.state.in_([ResendState.SENDING.value, ResendState.UNCERTAIN.value])
    several = select(r.invoice_reference, count).where(under_way).group_by(r.account, r.invoice_reference)
    for reference, number in connection.execute(several.having(count > 1)):
        yield f"{number} requests to send invoice {reference} again are under way; only one may"
    for row in connection.execute(select(resends).order_by(r.id)).mappings():
        resend = to_resend(row)
        if (row["claim_token"] is None) != (row["claim_holder"] is None):
            yield f"R{resend.id}: its claim has no holder, or its holder no claim"
        if resend.state is ResendState.SENDING and row["claim_token"] is None:
            yield f"R{resend.id}: a request is under way, but nobody has claimed it"
        if resend.state is ResendState.SENT and resend.sent_at is None:
            yield f"R{resend.id}: sent, but without its time"
        if resend.document_id is not None:
            found = connection.execute(select(documents).where(documents.c.id == resend.document_id)).mappings().first()
            if wrong := _unlike(resend, to_document(found) if found else None):
                yield f"R{resend.id}: {wrong}"


def _unlike(resend: Resend, document: Document | None) -> str | None:
    """What contradicts the document after whose import a rule wanted it."""
    if document is None or document.state is not State.IMPORTED:
        return f"wanted after the import of D{resend.document_id}, which is not imported"
    wanted = wanted_by_rule(document, resend.created_at)
    if (resend.account, resend.invoice_reference, resend.seed) != (
        wanted.account,
        wanted.invoice_reference,
        wanted.seed,
    ):
        return f"its invoice or its key is not that of D{document.id}, after whose import it was wanted"
    return None
