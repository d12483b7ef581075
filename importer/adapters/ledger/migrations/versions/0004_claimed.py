"""The claimed documents, found without a look at all of them: every importer asks for them once a minute."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    claimed = sa.text("claim_token IS NOT NULL")
    op.create_index("ix_documents_claimed", "documents", ["id"], sqlite_where=claimed, postgresql_where=claimed)
