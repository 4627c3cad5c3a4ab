"""Tables of complaints about offerings, and of what was answered."""

from sqlmodel import Field

from registry.tables import Recorded
from store.columns import Words
from store.rows import one_of, table


class Complaint(Recorded, table=True):
    """What somebody has to complain of in an offering; ``recorded_by`` is who complains."""

    __tablename__ = "complaint"
    __table_args__ = table(one_of("kind", "price_too_high", "unfair_terms", "quality", "other"))

    id: str = Field(primary_key=True, sa_type=Words)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id", index=True)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    kind: str = Field(sa_type=Words)
    text: str = Field(sa_type=Words)


class ComplaintStep(Recorded, table=True):
    """What followed on a complaint: the operator's answer, or its close by grantor or price authority."""

    __tablename__ = "complaint_step"
    __table_args__ = table(one_of("action", "answer", "close"))

    id: str = Field(primary_key=True, sa_type=Words)
    complaint_id: str = Field(sa_type=Words, foreign_key="complaint.id", index=True)
    action: str = Field(sa_type=Words)
    text: str = Field(sa_type=Words)
