"""The ledger's table of resends: one row an intent to have an invoice's e-mail sent again."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from importer.adapters.ledger.tables import Large, UtcTime, metadata

UNDER_WAY = "state IN ('sending', 'uncertain')"

resends = Table(
    "resends",
    metadata,
    Column("id", Large, primary_key=True),
    Column("account", String, nullable=False),
    Column("invoice_reference", String, nullable=False),
    Column("key", String(255), nullable=False, comment="the idempotency key in use: seed, colon, generation"),
    Column("key_born_at", UtcTime, comment="by the server's clock, as the following one"),
    Column("key_last_sent_at", UtcTime),
    Column("key_in_doubt", Boolean, nullable=False),
    Column("key_answer", Text),
    Column("key_sealed", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("next_attempt_at", UtcTime),
    Column("attempts", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("forbidden", Boolean, nullable=False),
    Column("outcome", String(32)),
    Column("message", Text),
    Column("job", String),
    Column("result", String),
    Column("resultcode", String),
    Column("actor", String, comment="the person, or null for a rule"),
    Column("document_id", ForeignKey("documents.id"), index=True, comment="after whose import a rule wanted it"),
    Column("claim_token", String(32)),
    Column("claim_holder", String(32)),
    Column("claim_until", UtcTime),
    Index("uq_resends_key", "key", unique=True),
    # Whatever else goes wrong: no second request while the first one may have been processed.
    Index(
        "uq_resends_under_way",
        "account",
        "invoice_reference",
        unique=True,
        sqlite_where=text(UNDER_WAY),
        postgresql_where=text(UNDER_WAY),
    ),
    Index("ix_resends_reference", "invoice_reference"),
    Index("ix_resends_due", "state", "next_attempt_at"),
)
