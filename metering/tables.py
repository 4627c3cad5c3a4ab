"""Tables of use: events by their key, refused events, write-offs, counters of quotas, what bills have to look at."""

from datetime import date, datetime

from sqlalchemy import ColumnElement, Index, PrimaryKeyConstraint, UniqueConstraint, and_
from sqlmodel import Field, SQLModel, col

from store.columns import Bytes, Day, Flag, Instant, Int16, Int32, Int64, Words
from store.rows import BY_MONTH, check, table


class EventKey(SQLModel, table=True):
    """The key of an accepted event: (operator, source, id), each once, whatever the month. It is never partitioned.

    Its content hash tells a duplicate from a conflict; transaction, number and month lead to the event itself.
    """

    __tablename__ = "event_key"
    __table_args__ = table(sqlite_with_rowid=False)

    operator_id: str = Field(primary_key=True, sa_type=Words)
    source: str = Field(primary_key=True, sa_type=Words)
    event_id: str = Field(primary_key=True, sa_type=Words)
    transaction_id: int = Field(sa_type=Int64)
    number: int = Field(sa_type=Int32)
    recorded_month: int = Field(sa_type=Int16)
    content_hash: bytes = Field(sa_type=Bytes)


class UsageEvent(SQLModel, table=True):
    """An accepted event, in a partition of its month of recording, which is that of its transaction (PostgreSQL).

    Its key is unique in ``event_key``, which is written first; ``number`` tells the events of a transaction apart,
    with gaps.
    """

    __tablename__ = "usage_event"
    __table_args__ = table(
        check("quantity", "quantity > 0"),
        Index("ix_usage_event_contract_transaction", "contract_id", "transaction_id"),
        PrimaryKeyConstraint("transaction_id", "number", "recorded_month"),
        **BY_MONTH,
        sqlite_with_rowid=False,
    )

    transaction_id: int = Field(primary_key=True, sa_type=Int64)
    happened_at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)
    quantity: int = Field(sa_type=Int64)
    service_on: date = Field(sa_type=Day)
    number: int = Field(primary_key=True, sa_type=Int32)
    recorded_month: int = Field(primary_key=True, sa_type=Int16)
    operator_id: str = Field(sa_type=Words)
    source: str = Field(sa_type=Words)
    event_id: str = Field(sa_type=Words)
    type: str = Field(sa_type=Words)
    contract_id: str = Field(sa_type=Words)
    offering_id: str = Field(sa_type=Words)


def event_of_key() -> ColumnElement[bool]:
    """Return what joins keys to their events: each leads to one row of one month."""
    return and_(
        col(UsageEvent.transaction_id) == col(EventKey.transaction_id),
        col(UsageEvent.number) == col(EventKey.number),
        col(UsageEvent.recorded_month) == col(EventKey.recorded_month),
    )


class UsageReversal(SQLModel, table=True):
    """An accepted event that takes another back. The one reversed is the key: that happens once."""

    __tablename__ = "usage_reversal"
    __table_args__ = table(UniqueConstraint("operator_id", "source", "event_id"))

    operator_id: str = Field(primary_key=True, sa_type=Words)
    reversed_source: str = Field(primary_key=True, sa_type=Words)
    reversed_id: str = Field(primary_key=True, sa_type=Words)
    source: str = Field(sa_type=Words)
    event_id: str = Field(sa_type=Words)
    transaction_id: int = Field(sa_type=Int64, index=True)
    recorded_at: datetime = Field(sa_type=Instant)


class RefusedEvent(SQLModel, table=True):
    """An event that was refused, with the reason; it can be judged afresh, and does not hold its key.

    ``event`` is its JSON as it was sent, cut short where it is ``truncated``; ``subject`` the contract that it names,
    as far as it could be read.
    """

    __tablename__ = "refused_event"
    __table_args__ = table(UniqueConstraint("operator_id", "content_hash"), append_only=False)

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    content_hash: str = Field(sa_type=Words)
    subject: str | None = Field(default=None, sa_type=Words)
    event: str = Field(sa_type=Words)
    truncated: bool = Field(sa_type=Flag)
    code: str = Field(sa_type=Words)
    detail: str = Field(sa_type=Words)
    recorded_at: datetime = Field(sa_type=Instant, index=True)
    judged_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = Field(default=None, sa_type=Words)


class Quota(SQLModel, table=True):
    """Use counted against a limit: of a grant as a whole (period ``all``), or of a contract by month.

    Derived from the books and checked against them; the row is what concurrent events lock.
    """

    __tablename__ = "quota"
    __table_args__ = table(check("used", "used >= 0"), append_only=False)

    contract_id: str = Field(primary_key=True, sa_type=Words, foreign_key="contract.id")
    offering_id: str = Field(primary_key=True, sa_type=Words, foreign_key="offering.id")
    period: str = Field(primary_key=True, sa_type=Words)
    used: int = Field(sa_type=Int64)


class UsageWriteoff(SQLModel, table=True):
    """Unbilled use of a month that will not be billed, with the reason."""

    __tablename__ = "usage_writeoff"
    __table_args__ = table(check("quantity", "quantity > 0"))

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    contract_id: str = Field(sa_type=Words, foreign_key="contract.id", index=True)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id")
    month: str = Field(sa_type=Words)
    quantity: int = Field(sa_type=Int64)
    reason: str = Field(sa_type=Words)
    recorded_at: datetime = Field(sa_type=Instant)
    recorded_by: str | None = Field(default=None, sa_type=Words)


class LateUse(SQLModel, table=True):
    """A month that the next bill of a contract looks at beside its own, and the transaction for which it does.

    Derived from the books; see ``metering.late_use``.
    """

    __tablename__ = "late_use"
    __table_args__ = table(append_only=False)

    contract_id: str = Field(primary_key=True, sa_type=Words, foreign_key="contract.id")
    service_month: str = Field(primary_key=True, sa_type=Words)
    transaction_id: int = Field(primary_key=True, sa_type=Int64)
