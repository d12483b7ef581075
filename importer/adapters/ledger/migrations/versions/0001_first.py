"""The ledger's first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("inbox", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("location", sa.LargeBinary(), nullable=False),
        sa.Column(
            "target",
            sa.LargeBinary(),
            nullable=True,
            comment="where the file is to be moved; null when it lies where it should",
        ),
        sa.Column("in_place", sa.Boolean(), nullable=False),
        sa.Column("filename", sa.LargeBinary(), nullable=False),
        sa.Column("invoice_reference", sa.String(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column(
            "identity",
            sa.String(length=64),
            nullable=True,
            comment="over account, invoice reference, kind and bytes; null without them",
        ),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("unjudged", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("came_from", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("forbidden", sa.Boolean(), nullable=False),
        sa.Column("accepted", sa.JSON(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column(
            "key_born_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="by the server's clock, as the following ones",
        ),
        sa.Column("key_last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key_in_doubt", sa.Boolean(), nullable=False),
        sa.Column("key_answer", sa.Text(), nullable=True),
        sa.Column("key_sealed", sa.Boolean(), nullable=False),
        sa.Column("key_absent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("communication_reference", sa.String(), nullable=True),
        sa.Column("file_reference", sa.String(), nullable=True),
        sa.Column("voucher_reference", sa.String(), nullable=True),
        sa.Column("references_from", sa.String(length=16), nullable=True),
        sa.Column("duplicate_of", sa.Integer(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_token", sa.String(length=32), nullable=True),
        sa.Column("claim_holder", sa.String(length=32), nullable=True),
        sa.Column("claim_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["duplicate_of"], ["documents.id"], name=op.f("fk_documents_duplicate_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
    )
    op.create_index("ix_documents_due", "documents", ["state", "next_attempt_at"], unique=False)
    op.create_index("ix_documents_location", "documents", ["location"], unique=False)
    op.create_index("ix_documents_path", "documents", ["path"], unique=False)
    op.create_index("ix_documents_reference", "documents", ["invoice_reference", "kind"], unique=False)
    op.create_index("ix_documents_sha256", "documents", ["sha256"], unique=False)
    op.create_index(
        "uq_documents_identity",
        "documents",
        ["identity"],
        unique=True,
        sqlite_where=sa.text("state NOT IN ('duplicate', 'rejected')"),
        postgresql_where=sa.text("state NOT IN ('duplicate', 'rejected')"),
    )
    op.create_index(
        "uq_documents_target",
        "documents",
        ["target"],
        unique=True,
        sqlite_where=sa.text("target IS NOT NULL"),
        postgresql_where=sa.text("target IS NOT NULL"),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="counts a document's attempts from 1"),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.String(length=32),
            nullable=True,
            comment="null: the importer was interrupted, or the upload is under way",
        ),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_attempts_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_document_id"), "attempts", ["document_id"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(), nullable=True, comment="the person, or null for the importer itself"),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_events_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_document_id"), "events", ["document_id"], unique=False)
    op.create_table(
        "sightings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False, comment="absolute"),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.String(length=24), nullable=False),
        sa.Column("inode", sa.String(length=24), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_sightings_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sightings")),
    )
    op.create_index(op.f("ix_sightings_document_id"), "sightings", ["document_id"], unique=False)
    op.create_index("ix_sightings_path", "sightings", ["path"], unique=False)
