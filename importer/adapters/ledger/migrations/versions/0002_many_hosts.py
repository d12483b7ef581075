"""Many hosts, one ledger: who is at work, one line for all, numbers for the claims, and wide integers on PostgreSQL."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

WIDE = {
    "documents": ["id", "size", "duplicate_of"],
    "attempts": ["id", "document_id"],
    "sightings": ["id", "document_id", "size"],
    "events": ["id", "document_id"],
}


def upgrade() -> None:
    op.create_table(
        "holders",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(), nullable=False, comment="for a person"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False, comment="by the database's clock"),
        sa.Column(
            "commits",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=False,
            comment="counts its transactions: tells whether a lost one was committed",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_holders")),
    )
    line = op.create_table(
        "line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False, comment="when the next request may go out"),
        sa.Column(
            "refused",
            sa.JSON(none_as_null=True),
            nullable=True,
            comment="null: the credentials were not refused, or are accepted again",
        ),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "probe_at", sa.DateTime(timezone=True), nullable=True, comment="not before that they are tried again"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line")),
    )
    op.bulk_insert(line, [{"id": 1, "next_at": datetime(2000, 1, 1, tzinfo=UTC)}])
    # SQLite's integers are as wide as any number, and its importers have locked files.
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in WIDE.items():
            for column in columns:
                op.alter_column(table, column, type_=sa.BigInteger())
        for table in WIDE:
            op.execute(f"ALTER SEQUENCE {table}_id_seq AS bigint")
        op.execute("CREATE SEQUENCE claims")
