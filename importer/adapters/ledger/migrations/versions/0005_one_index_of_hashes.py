"""One index over hashes instead of two: both cost a document a page of its own, once there are many.

A duplicate or rejected document no longer names its identity, which was left out of the old index by its state: an index
that depends on the state is written anew with each state.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

IDENTITY = "over account, invoice reference, kind and bytes; null without them, or of a duplicate or rejected one"


def upgrade() -> None:
    op.drop_index("uq_documents_identity", "documents", if_exists=True)
    op.drop_index("ix_documents_sha256", "documents", if_exists=True)
    op.execute(sa.text("UPDATE documents SET identity = NULL WHERE state IN ('duplicate', 'rejected')"))
    if op.get_bind().dialect.name == "postgresql":  # SQLite has no comments
        op.alter_column("documents", "identity", comment=IDENTITY)
    op.create_index("uq_documents_identity", "documents", ["sha256", "identity"], unique=True)
