"""Tables around a revenue cap: who may determine it, its application, what is added later, evaluations and duties."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from registry.tables import Recorded
from store.columns import Day, Document, Flag, Instant, Int64, Words
from store.rows import check, one_of, table


class PriceAuthorityAppointment(Recorded, table=True):
    """The price authority of an operator's products of one registration level, from a day on (Price Notice, three)."""

    __tablename__ = "price_authority_appointment"
    __table_args__ = table(
        one_of("registration_level", "national", "local"),
        check("term", "effective_until IS NULL OR effective_until > effective_from"),
        UniqueConstraint("operator_id", "registration_level", "effective_from"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id")
    regulator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    registration_level: str = Field(sa_type=Words)
    effective_from: date = Field(sa_type=Day)
    effective_until: date | None = Field(default=None, sa_type=Day)
    decision_no: str = Field(sa_type=Words)


class RevenueCapApplication(Recorded, table=True):
    """An operator's application for a formal maximum, when its trial is over (Price Notice, two and three)."""

    __tablename__ = "revenue_cap_application"
    __table_args__ = table(
        one_of("registration_level", "national", "local"), one_of("revenue_basis", "tax_exclusive", "tax_inclusive")
    )

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    regulator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    registration_level: str | None = Field(default=None, sa_type=Words)
    revenue_basis: str = Field(sa_type=Words)
    cost_survey_year: int = Field(sa_type=Int64)
    years: Any = Field(sa_type=Document)
    statement: str = Field(sa_type=Words)
    operating_year_complete_on: date | None = Field(default=None, sa_type=Day)


class CapApplicationEvaluation(Recorded, table=True):
    """The price authority's finding on an application: accepted, with its own figures or as applied, or returned."""

    __tablename__ = "cap_application_evaluation"
    __table_args__ = table(one_of("outcome", "returned", "accepted"))

    id: str = Field(primary_key=True, sa_type=Words)
    application_id: str = Field(sa_type=Words, foreign_key="revenue_cap_application.id", unique=True)
    regulator_id: str = Field(sa_type=Words, foreign_key="party.id")
    outcome: str = Field(sa_type=Words)
    finding: str = Field(sa_type=Words)
    accepted_years: Any = Field(default=None, sa_type=Document, nullable=True)
    reasons: Any = Field(sa_type=Document)


class CapYearsAddition(Recorded, table=True):
    """The figures of later years of a cycle, determined after the cap itself; what was determined before stays."""

    __tablename__ = "cap_years_addition"
    __table_args__ = table()

    id: str = Field(primary_key=True, sa_type=Words)
    cap_id: str = Field(sa_type=Words, foreign_key="revenue_cap.id", index=True)
    decision_no: str = Field(sa_type=Words)
    decided_on: date = Field(sa_type=Day)
    years: Any = Field(sa_type=Document)
    rule_set: Any = Field(sa_type=Document)


class RevenueEvaluation(Recorded, table=True):
    """The price authority's evaluation of a year's revenue against its maximum (Price Notice, four)."""

    __tablename__ = "revenue_evaluation"
    __table_args__ = table(UniqueConstraint("cap_id", "year"))

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    regulator_id: str = Field(sa_type=Words, foreign_key="party.id")
    cap_id: str = Field(sa_type=Words, foreign_key="revenue_cap.id")
    year: int = Field(sa_type=Int64)
    as_of: datetime = Field(sa_type=Instant)
    finding: str | None = Field(default=None, sa_type=Words)
    compared: Any = Field(sa_type=Document)
    rule_set: Any = Field(sa_type=Document)


class Duty(Recorded, table=True):
    """What a party has to do about a deviation, by a day (Price Notice, four)."""

    __tablename__ = "duty"
    __table_args__ = table(
        one_of("party_role", "grantor", "operator"),
        one_of("kind", "guide_actual_prices", "adjust_ceilings"),
        UniqueConstraint("evaluation_id", "party_id", "party_role"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    evaluation_id: str = Field(sa_type=Words, foreign_key="revenue_evaluation.id")
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    party_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    party_role: str = Field(sa_type=Words)
    kind: str = Field(sa_type=Words)
    due_on: date = Field(sa_type=Day)
    due_given: bool = Field(sa_type=Flag)


class DutyStep(Recorded, table=True):
    """A step on a duty: its party says what it did, the price authority confirms that it is done."""

    __tablename__ = "duty_step"
    __table_args__ = table(one_of("action", "fulfil", "confirm"))

    id: str = Field(primary_key=True, sa_type=Words)
    duty_id: str = Field(sa_type=Words, foreign_key="duty.id", index=True)
    action: str = Field(sa_type=Words)
    statement: str = Field(sa_type=Words)
    decisions: Any = Field(sa_type=Document)
    no_change_reason: str | None = Field(default=None, sa_type=Words)
