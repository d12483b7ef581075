"""The ledger's tables. One row a document, its attempts, the sightings of files, and an append-only event trail."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator

# Named constraints, so that a migration can find them again on any database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An aware moment in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given by SQLAlchemy
        return None if value is None else _in_utc(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given by SQLAlchemy
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"a naive time must not reach the ledger: {moment!r}")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _as_text(moment: datetime | None) -> str | None:
    """As SQLAlchemy writes it for SQLite, in one step instead of three."""
    return None if moment is None else _in_utc(moment).isoformat(" ", "microseconds").removesuffix("+00:00")


class PathName(TypeDecorator[str]):
    """A path as the file system has it: any bytes, also ones that are not UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - given by SQLAlchemy
        return _as_bytes(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], Any] | None:
        return _as_bytes if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - given by SQLAlchemy
        return None if value is None else os.fsdecode(bytes(value))


def _as_bytes(path: str | None) -> bytes | None:
    return None if path is None else os.fsencode(path)


Large = Integer().with_variant(BigInteger(), "postgresql")
"""A number that may pass two thousand million; SQLite's integers have room for that anyway."""

claims = Sequence("claims", metadata=metadata)
"""PostgreSQL only: each claim's token begins with a number that is larger than those of all earlier claims."""

documents = Table(
    "documents",
    metadata,
    Column("id", Large, primary_key=True),
    Column("account", String, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", Large, nullable=False),
    Column("inbox", PathName, nullable=False),
    Column("path", PathName, nullable=False),
    Column("location", PathName, nullable=False),
    Column("target", PathName, comment="where the file is to be moved; null when it lies where it should"),
    Column("in_place", Boolean, nullable=False),
    Column("filename", PathName, nullable=False),
    Column("invoice_reference", String),
    Column("kind", String(16)),
    # The same document may be seen, or tried, any number of times.
    Column(
        "identity",
        String(64),
        comment="over account, invoice reference, kind and bytes; null without them, or of a duplicate or rejected one",
    ),
    Column("label", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("rule", Text),
    Column("unjudged", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("came_from", String(16)),
    Column("reason", JSON(none_as_null=True)),
    Column("attempts", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_attempt_at", UtcTime),
    Column("waiting_since", UtcTime),
    Column("forbidden", Boolean, nullable=False),
    Column("accepted", JSON, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("key_born_at", UtcTime, comment="by the server's clock, as the following ones"),
    Column("key_last_sent_at", UtcTime),
    Column("key_in_doubt", Boolean, nullable=False),
    Column("key_answer", Text),
    Column("key_sealed", Boolean, nullable=False),
    Column("key_absent_at", UtcTime),
    Column("communication_reference", String),
    Column("file_reference", String),
    Column("voucher_reference", String),
    Column("references_from", String(16)),
    Column("duplicate_of", ForeignKey("documents.id")),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("imported_at", UtcTime),
    Column("claim_token", String(32)),
    Column("claim_holder", String(32)),
    Column("claim_until", UtcTime),
    # The bytes are a part of the identity. Before it they serve whoever asks for them alone: each index over hashes
    # costs a document a page of its own, once there are many.
    Index("uq_documents_identity", "sha256", "identity", unique=True),
    Index("ix_documents_reference", "invoice_reference", "kind"),
    Index("ix_documents_path", "path"),
    Index("ix_documents_location", "location"),
    Index("ix_documents_due", "state", "next_attempt_at"),
    Index(
        "ix_documents_claimed",
        "id",
        sqlite_where=text("claim_token IS NOT NULL"),
        postgresql_where=text("claim_token IS NOT NULL"),
    ),
    Index(
        "uq_documents_target",
        "target",
        unique=True,
        sqlite_where=text("target IS NOT NULL"),
        postgresql_where=text("target IS NOT NULL"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Large, primary_key=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False, comment="counts a document's attempts from 1"),
    Column("generation", Integer, nullable=False),
    Column("key", String(255), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("outcome", String(32), comment="null: the importer was interrupted, or the upload is under way"),
    Column("message", Text),
)

sightings = Table(
    "sightings",
    metadata,
    Column("id", Large, primary_key=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False, index=True),
    Column("path", PathName, nullable=False, comment="absolute"),
    Column("size", Large, nullable=False),
    Column("mtime_ns", String(24), nullable=False),
    Column("inode", String(24), nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Index("ix_sightings_path", "path"),
)

events = Table(
    "events",
    metadata,
    Column("id", Large, primary_key=True),
    Column("document_id", ForeignKey("documents.id"), index=True),
    Column("at", UtcTime, nullable=False),
    Column("name", String(64), nullable=False),
    Column("actor", String, comment="the person, or null for the importer itself"),
    Column("data", JSON, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", JSON, nullable=False),
)

holders = Table(
    "holders",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("host", String, nullable=False, comment="for a person"),
    Column("since", UtcTime, nullable=False),
    Column("alive_until", UtcTime, nullable=False, comment="by the database's clock"),
    Column("commits", Large, nullable=False, comment="counts its transactions: tells whether a lost one was committed"),
)
"""PostgreSQL only: the importers at work, on whatever host. With SQLite they have locked files instead."""

line = Table(
    "line",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("next_at", UtcTime, nullable=False, comment="when the next request may go out"),
    Column(
        "refused",
        JSON(none_as_null=True),
        comment="null: the credentials were not refused, or are accepted again",
    ),
    Column("refused_at", UtcTime),
    Column("probe_at", UtcTime, comment="not before that they are tried again"),
)
"""PostgreSQL only, one row: what all importers do to Abillify together. All times are by the database's clock."""
