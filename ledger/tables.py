"""Tables of the books: assets with a scale, accounts, transactions, entries.

Entries are only ever added. The migrations add what a table definition cannot say: on both databases a transaction
takes exactly the legs it announces, each on an account of its book and in its asset, each of its assets balances to
zero, none lies in a closed period, and nothing is changed or removed later. Foreign keys would ask the same questions
row by row, and on PostgreSQL lock the rows of popular accounts; the guards ask once a statement.
"""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Index, PrimaryKeyConstraint, UniqueConstraint, and_, text
from sqlmodel import Field, SQLModel, col

from store.columns import Bytes, Day, Document, Instant, Int16, Int64, Words
from store.rows import BY_MONTH, check, one_of, table

LEGS_MAX: Final = 32_767
"""What one transaction holds: its legs are numbered in two bytes."""


class Asset(SQLModel, table=True):
    """Something that is counted: CNY in fen, or a unit of use in millionths."""

    __tablename__ = "asset"
    __table_args__ = table(check("scale", "scale >= 0 AND scale <= 6"))

    code: str = Field(primary_key=True, sa_type=Words)
    scale: int = Field(sa_type=Int64)


class Account(SQLModel, table=True):
    """An account of one book (an operator's), in one asset; its code spells out what it is for."""

    __tablename__ = "account"
    __table_args__ = table()

    id: int | None = Field(default=None, primary_key=True, sa_type=Int64)
    code: str = Field(sa_type=Words, unique=True)
    kind: str = Field(sa_type=Words)
    book: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    asset: str = Field(sa_type=Words, foreign_key="asset.code")
    party_id: str | None = Field(default=None, sa_type=Words, foreign_key="party.id")
    contract_id: str | None = Field(default=None, sa_type=Words, index=True)
    offering_id: str | None = Field(default=None, sa_type=Words, index=True)
    recorded_at: datetime = Field(sa_type=Instant)


class Transaction(SQLModel, table=True):
    """The head of a ledger transaction: what it is for, when it takes effect, and how many legs it has.

    ``recorded_month`` is the business month of ``recorded_at``, by its number (``store.months``): the partition in
    which its legs and events are. Columns stand in the order in which they take the least room.
    """

    __tablename__ = "ledger_transaction"
    __table_args__ = table(
        check("legs", "legs >= 2"),
        Index(
            "ix_ledger_transaction_document_id",
            "document_id",
            sqlite_where=text("document_id IS NOT NULL"),
            postgresql_where=text("document_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Int64)
    recorded_at: datetime = Field(sa_type=Instant, index=True)
    event_count: int | None = Field(default=None, sa_type=Int64)
    effective_on: date = Field(sa_type=Day)
    recorded_month: int = Field(sa_type=Int16)
    legs: int = Field(sa_type=Int16)
    key: str = Field(sa_type=Words, unique=True)
    kind: str = Field(sa_type=Words)
    book: str = Field(sa_type=Words)
    content_hash: bytes | None = Field(default=None, sa_type=Bytes)
    document_id: str | None = Field(default=None, sa_type=Words)
    event_digest: str | None = Field(default=None, sa_type=Words)


class Entry(SQLModel, table=True):
    """One leg of a transaction: an amount above zero on the debit or the credit side of an account in its asset.

    In a partition of its month of recording, which is that of its head (PostgreSQL).
    """

    __tablename__ = "ledger_entry"
    __table_args__ = table(
        # On SQLite the head comes after its legs, and the key holds that it comes; PostgreSQL is given both at once.
        ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transaction.id"], deferrable=True, initially="DEFERRED"
        ).ddl_if(dialect="sqlite"),
        one_of("side", "D", "C"),
        check("leg", "leg >= 1"),
        check("amount", "amount > 0 AND amount <= 1000000000000000"),
        Index("ix_ledger_entry_account_month", "account_id", "service_month"),
        PrimaryKeyConstraint("transaction_id", "leg", "recorded_month"),
        **BY_MONTH,
        sqlite_with_rowid=False,
    )

    transaction_id: int = Field(primary_key=True, sa_type=Int64)
    account_id: int = Field(sa_type=Int64)
    amount: int = Field(sa_type=Int64)
    service_on: date | None = Field(default=None, sa_type=Day)
    recorded_month: int = Field(primary_key=True, sa_type=Int16)
    leg: int = Field(primary_key=True, sa_type=Int16)
    asset: str = Field(sa_type=Words)
    side: str = Field(sa_type=Words)
    service_month: str | None = Field(default=None, sa_type=Words)


def legs_of_head() -> ColumnElement[bool]:
    """Return what joins entries to their heads, so that they are sought in the month of the head only."""
    return and_(
        col(Entry.transaction_id) == col(Transaction.id), col(Entry.recorded_month) == col(Transaction.recorded_month)
    )


class ClosedPeriod(SQLModel, table=True):
    """A month of a book that takes no entry any more; closed in their order, for good."""

    __tablename__ = "closed_period"
    __table_args__ = table(UniqueConstraint("book", "month"), check("month", "length(month) = 7"))

    id: str = Field(primary_key=True, sa_type=Words)
    book: str = Field(sa_type=Words, foreign_key="party.id")
    month: str = Field(sa_type=Words)
    opens_on: date = Field(sa_type=Day)
    closed_at: datetime = Field(sa_type=Instant)
    closed_by: str | None = Field(default=None, sa_type=Words)


class Verification(SQLModel, table=True):
    """A run of the checks over the books: what was checked, and the first row at fault where one was found."""

    __tablename__ = "verification"
    __table_args__ = table(one_of("status", "passed", "failed"))

    id: str = Field(primary_key=True, sa_type=Words)
    recorded_at: datetime = Field(sa_type=Instant, index=True)
    recorded_by: str | None = Field(default=None, sa_type=Words)
    as_of: datetime = Field(sa_type=Instant)
    status: str = Field(sa_type=Words)
    checks: Any = Field(sa_type=Document)
