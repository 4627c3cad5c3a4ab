"""Tables of the operating costs of authorised operation, kept apart from all others (Price Notice 五)."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from settlement.tables import Issued
from store.columns import Day, Instant, Int64, Words
from store.rows import check, one_of, table


class OperatingCost(Issued, table=True):
    """One item of cost, in fen above zero: of a head and a use, of a month of service, by a line of a document.

    ``entry`` counts what one line of a document said: a second entry follows the reversal of the first.
    """

    __tablename__ = "operating_cost"
    __table_args__ = table(
        one_of("head", "platform", "data_processing", "personnel", "data_acquisition", "period_expense"),
        one_of("use", "commercial", "public_interest"),
        check("amount", "amount > 0"),
        check("line", "line > 0"),
        UniqueConstraint("operator_id", "document_no", "line", "entry"),
        Index("ix_operating_cost_operator_id_month", "operator_id", "month"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id")
    document_no: str = Field(sa_type=Words)
    line: int = Field(sa_type=Int64)
    entry: int = Field(sa_type=Int64)
    month: str = Field(sa_type=Words)
    head: str = Field(sa_type=Words)
    use: str = Field(sa_type=Words)
    amount: int = Field(sa_type=Int64)
    text: str = Field(sa_type=Words)
    product_id: str | None = Field(default=None, sa_type=Words, foreign_key="product.id")
    offering_id: str | None = Field(default=None, sa_type=Words, foreign_key="offering.id")
    occurred_on: date = Field(sa_type=Day)


class OperatingCostReversal(SQLModel, table=True):
    """An item of cost taken back, with the reason; the item stays."""

    __tablename__ = "operating_cost_reversal"
    __table_args__ = table()

    id: str = Field(primary_key=True, sa_type=Words)
    cost_id: str = Field(sa_type=Words, foreign_key="operating_cost.id", unique=True)
    reason: str = Field(sa_type=Words)
    reversed_on: date = Field(sa_type=Day)
    recorded_at: datetime = Field(sa_type=Instant)
    recorded_by: str | None = Field(default=None, sa_type=Words)
