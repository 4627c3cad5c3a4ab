"""Tables of what becomes of a free-use grant: reviews, evidence sent as files, use found to have been commercial."""

from datetime import date

from sqlmodel import Field

from registry.tables import Recorded
from store.columns import Bytes, Day, Int64, Words
from store.rows import check, one_of, table


class GrantReviewPlan(Recorded, table=True):
    """When a grant is to be reviewed next, and every how many months from then on; the newest row holds.

    ``due_on`` is none where no review is due: none was ordered, or the grant was revoked.
    """

    __tablename__ = "grant_review_plan"
    __table_args__ = table(check("every_months", "every_months > 0"))

    id: str = Field(primary_key=True, sa_type=Words)
    grant_id: str = Field(sa_type=Words, foreign_key="free_use_grant.id", index=True)
    due_on: date | None = Field(default=None, sa_type=Day)
    every_months: int | None = Field(default=None, sa_type=Int64)


class GrantReview(Recorded, table=True):
    """A grantor's review of a grant: what was found and what follows."""

    __tablename__ = "grant_review"
    __table_args__ = table(one_of("outcome", "continue", "suspend", "revoke"))

    id: str = Field(primary_key=True, sa_type=Words)
    grant_id: str = Field(sa_type=Words, foreign_key="free_use_grant.id", index=True)
    finding: str = Field(sa_type=Words)
    outcome: str = Field(sa_type=Words)
    next_review_on: date | None = Field(default=None, sa_type=Day)


class GrantEvidence(Recorded, table=True):
    """A file that a buyer sent as evidence of the task that its free use serves, kept as it came."""

    __tablename__ = "grant_evidence"
    __table_args__ = table(check("size_bytes", "size_bytes > 0"))

    id: str = Field(primary_key=True, sa_type=Words)
    grant_id: str = Field(sa_type=Words, foreign_key="free_use_grant.id", index=True)
    name: str = Field(sa_type=Words)
    media_type: str = Field(sa_type=Words)
    size_bytes: int = Field(sa_type=Int64)
    sha256: str = Field(sa_type=Words)
    content: bytes = Field(sa_type=Bytes)


class GrantRerating(Recorded, table=True):
    """The decision that use under a grant was commercial, from a day until before another; it is billed once.

    ``offering_id`` is the commercial offering at whose tariff it is charged, ``contract_id`` the contract that was
    opened for it and took its use, ``invoice_id`` the bill of it, ``quantity`` that use in millionths.
    """

    __tablename__ = "grant_rerating"
    __table_args__ = table(check("term", "until_date > from_date"), check("quantity", "quantity > 0"))

    id: str = Field(primary_key=True, sa_type=Words)
    grant_id: str = Field(sa_type=Words, foreign_key="free_use_grant.id", index=True)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id", index=True)
    contract_id: str = Field(sa_type=Words, foreign_key="contract.id", unique=True)
    invoice_id: str = Field(sa_type=Words, foreign_key="invoice.id")
    decision_no: str = Field(sa_type=Words)
    reason: str = Field(sa_type=Words)
    from_date: date = Field(sa_type=Day)
    until_date: date = Field(sa_type=Day)
    quantity: int = Field(sa_type=Int64)
