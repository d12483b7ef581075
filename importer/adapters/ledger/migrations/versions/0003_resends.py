"""Resends: intents to have an invoice's e-mail sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

WIDE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "resends",
        sa.Column("id", WIDE, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("invoice_reference", sa.String(), nullable=False),
        sa.Column(
            "key", sa.String(length=255), nullable=False, comment="the idempotency key in use: seed, colon, generation"
        ),
        sa.Column(
            "key_born_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="by the server's clock, as the following one",
        ),
        sa.Column("key_last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key_in_doubt", sa.Boolean(), nullable=False),
        sa.Column("key_answer", sa.Text(), nullable=True),
        sa.Column("key_sealed", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("forbidden", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("job", sa.String(), nullable=True),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("resultcode", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=True, comment="the person, or null for a rule"),
        sa.Column("document_id", WIDE, nullable=True, comment="after whose import a rule wanted it"),
        sa.Column("claim_token", sa.String(length=32), nullable=True),
        sa.Column("claim_holder", sa.String(length=32), nullable=True),
        sa.Column("claim_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_resends_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resends")),
    )
    under_way = sa.text("state IN ('sending', 'uncertain')")
    op.create_index("uq_resends_key", "resends", ["key"], unique=True)
    op.create_index(
        "uq_resends_under_way",
        "resends",
        ["account", "invoice_reference"],
        unique=True,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )
    op.create_index("ix_resends_reference", "resends", ["invoice_reference"], unique=False)
    op.create_index("ix_resends_due", "resends", ["state", "next_attempt_at"], unique=False)
    op.create_index(op.f("ix_resends_document_id"), "resends", ["document_id"], unique=False)
