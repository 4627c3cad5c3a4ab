"""Tables of breaches found later: the record, the months it touched, the refunds, and the steps until its close."""

from datetime import date
from typing import Any

from sqlmodel import Field, SQLModel

from settlement.tables import Issued
from store.columns import Day, Document, Int64, Words
from store.rows import check, one_of, table


class BreachRecord(Issued, table=True):
    """A breach of the ceilings of an offering, with its cause: found on a day, in the service months of a period."""

    __tablename__ = "breach"
    __table_args__ = table(check("period", "period_until > period_from"))

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id", index=True)
    cause: str = Field(sa_type=Words)
    found_on: date = Field(sa_type=Day)
    found_by: str = Field(sa_type=Words)
    period_from: date = Field(sa_type=Day)
    period_until: date = Field(sa_type=Day)


class BreachMonth(SQLModel, table=True):
    """A buyer's service month that a breach touched, in fen of the bill's tax basis, as it was found.

    ``charged`` is what it came to, ``allowed`` quantity × ceiling, ``owed`` what had not been given back by then.
    """

    __tablename__ = "breach_month"
    __table_args__ = table(check("owed", "owed > 0"))

    breach_id: str = Field(primary_key=True, sa_type=Words, foreign_key="breach.id")
    contract_id: str = Field(primary_key=True, sa_type=Words, foreign_key="contract.id")
    service_month: str = Field(primary_key=True, sa_type=Words)
    buyer_id: str = Field(sa_type=Words, foreign_key="party.id")
    price_basis: str = Field(sa_type=Words)
    charged: int = Field(sa_type=Int64)
    allowed: int = Field(sa_type=Int64)
    owed: int = Field(sa_type=Int64)


class BreachRefund(Issued, table=True):
    """A credit note that refunds a buyer what a breach took."""

    __tablename__ = "breach_refund"
    __table_args__ = table()

    credit_note_id: str = Field(primary_key=True, sa_type=Words, foreign_key="credit_note.id")
    breach_id: str = Field(sa_type=Words, foreign_key="breach.id", index=True)
    contract_id: str = Field(sa_type=Words, foreign_key="contract.id")
    service_month: str = Field(sa_type=Words)


class BreachStep(Issued, table=True):
    """What followed on a breach: the price authority's order, the operator's answer to it, the close."""

    __tablename__ = "breach_step"
    __table_args__ = table(one_of("action", "order", "answer", "close"))

    id: str = Field(primary_key=True, sa_type=Words)
    breach_id: str = Field(sa_type=Words, foreign_key="breach.id", index=True)
    action: str = Field(sa_type=Words)
    details: Any = Field(sa_type=Document)
