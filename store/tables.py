"""Tables of the ground itself: the instance and its clock, stored answers, log, counters, horizons, issued files."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from store.columns import Bytes, Document, Flag, Instant, Int64, Words
from store.rows import check, table


class Instance(SQLModel, table=True):
    """The one row that says what this database is: sandbox or real, its time zone, its clock's offset."""

    __tablename__ = "instance"
    __table_args__ = table(check("single", "id = 1"), append_only=False)

    id: int = Field(primary_key=True, sa_type=Int64)
    sandbox: bool = Field(sa_type=Flag)
    timezone: str = Field(sa_type=Words)
    clock_offset_us: int = Field(sa_type=Int64)
    started_at: datetime = Field(sa_type=Instant)


class StoredAnswer(SQLModel, table=True):
    """The answer given to an idempotency key; it lives outside the books and is forgotten after some months."""

    __tablename__ = "stored_answer"
    __table_args__ = table(append_only=False)

    principal: str = Field(primary_key=True, sa_type=Words)
    key: str = Field(primary_key=True, sa_type=Words)
    request_hash: str = Field(sa_type=Words)
    status: int | None = Field(default=None, sa_type=Int64)
    body: bytes | None = Field(default=None, sa_type=Bytes)
    recorded_at: datetime = Field(sa_type=Instant, index=True)


class AuditEntry(SQLModel, table=True):
    """Who did what, when, and how it ended; refused attempts too."""

    __tablename__ = "audit_entry"
    __table_args__ = table()

    id: str = Field(primary_key=True, sa_type=Words)
    recorded_at: datetime = Field(sa_type=Instant, index=True)
    role: str = Field(sa_type=Words)
    party_id: str | None = Field(default=None, sa_type=Words, index=True)
    key_id: str | None = Field(default=None, sa_type=Words)
    action: str = Field(sa_type=Words)
    outcome: str = Field(sa_type=Words)
    code: str | None = Field(default=None, sa_type=Words)
    object_id: str | None = Field(default=None, sa_type=Words, index=True)
    request_id: str | None = Field(default=None, sa_type=Words)
    detail: Any = Field(default=None, sa_type=Document, nullable=True)


class Counter(SQLModel, table=True):
    """The last number given out in a gapless series of one book."""

    __tablename__ = "counter"
    __table_args__ = table(check("value", "value >= 0"), append_only=False)

    book: str = Field(primary_key=True, sa_type=Words)
    series: str = Field(primary_key=True, sa_type=Words)
    value: int = Field(sa_type=Int64)


class Horizon(SQLModel, table=True):
    """Instants below which nothing can be committed any more."""

    __tablename__ = "horizon"
    __table_args__ = table()

    at: datetime = Field(primary_key=True, sa_type=Instant)


class IssuedFile(SQLModel, table=True):
    """The bytes of a document as first issued; later requests get these and no others."""

    __tablename__ = "issued_file"
    __table_args__ = table()

    document_id: str = Field(primary_key=True, sa_type=Words)
    form: str = Field(primary_key=True, sa_type=Words)
    language: str = Field(primary_key=True, sa_type=Words)
    sha256: str = Field(sa_type=Words)
    content: bytes = Field(sa_type=Bytes)
    recorded_at: datetime = Field(sa_type=Instant)
