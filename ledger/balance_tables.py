"""Tables of the folded balances: derived from the entries, changed by ``ledger.folding`` only, and rebuildable."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from store.columns import Instant, Int64, Whole, Words
from store.rows import check, table


class BalanceBucket(SQLModel, table=True):
    """Debits and credits of one account by the month they were recorded in, took effect in, and are of.

    The recorded month is the business month of ``recorded_at``; ``service_month`` is empty for entries of none.
    No number of entries is too many for a bucket: the sums are of any size.
    """

    __tablename__ = "balance_bucket"
    __table_args__ = table(
        check("debit", "debit >= 0"),
        check("credit", "credit >= 0"),
        Index("ix_balance_bucket_months", "effective_month", "recorded_month"),
        append_only=False,
    )

    account_id: int = Field(primary_key=True, sa_type=Int64)
    recorded_month: str = Field(primary_key=True, sa_type=Words)
    effective_month: str = Field(primary_key=True, sa_type=Words)
    service_month: str = Field(primary_key=True, sa_type=Words)
    debit: int = Field(sa_type=Whole)
    credit: int = Field(sa_type=Whole)


class BalanceFold(SQLModel, table=True):
    """The one row that says up to which instant the buckets hold every transaction, and how often they changed."""

    __tablename__ = "balance_fold"
    __table_args__ = table(check("single", "id = 1"), append_only=False)

    id: int = Field(primary_key=True, sa_type=Int64)
    folded_until: datetime = Field(sa_type=Instant)
    changes: int = Field(sa_type=Int64)
