"""Tables of reports that were filed: each with its moment and its hash, and the files as they were rendered then."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.columns import Bytes, Day, Instant, Int64, Words
from store.rows import check, one_of, table

CAP_COMPLIANCE, ANNUAL_OPERATION, DISCLOSURE = "cap_compliance", "annual_operation", "disclosure"


class ReportFiling(SQLModel, table=True):
    """A report as it was filed: on an operator, or a grantor's own, of a period, as of a moment.

    ``generation`` counts the filings of one report, subject and period; each after the first supersedes the one before.
    """

    __tablename__ = "report_filing"
    __table_args__ = table(
        one_of("report", CAP_COMPLIANCE, ANNUAL_OPERATION, DISCLOSURE),
        one_of("subject_kind", "operator", "grantor"),
        one_of("language", "zh", "en"),
        check("period", "period_until > period_from"),
        check("supersedes", "(generation = 1) = (supersedes IS NULL) AND (supersedes IS NULL) = (reason IS NULL)"),
        UniqueConstraint(
            "subject_id", "report", "period_from", "period_until", "generation", name="uq_report_filing_generation"
        ),
        Index("ix_report_filing_subject_id_recorded_at", "subject_id", "recorded_at"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    report: str = Field(sa_type=Words)
    subject_id: str = Field(sa_type=Words, foreign_key="party.id")
    subject_kind: str = Field(sa_type=Words)
    period_from: date = Field(sa_type=Day)
    period_until: date = Field(sa_type=Day)
    generation: int = Field(sa_type=Int64)
    supersedes: str | None = Field(default=None, sa_type=Words, foreign_key="report_filing.id", unique=True)
    reason: str | None = Field(default=None, sa_type=Words)
    as_of: datetime = Field(sa_type=Instant)
    report_version: str = Field(sa_type=Words)
    report_hash: str = Field(sa_type=Words)
    language: str = Field(sa_type=Words)
    recorded_at: datetime = Field(sa_type=Instant)
    recorded_by: str | None = Field(default=None, sa_type=Words)


class FiledFile(SQLModel, table=True):
    """One file of a filing: the bytes that were rendered when it was filed, which are served from then on."""

    __tablename__ = "filed_file"
    __table_args__ = table(check("size", "size > 0"))

    filing_id: str = Field(primary_key=True, sa_type=Words, foreign_key="report_filing.id")
    name: str = Field(primary_key=True, sa_type=Words)
    media_type: str = Field(sa_type=Words)
    size: int = Field(sa_type=Int64)
    sha256: str = Field(sa_type=Words)
    content: bytes = Field(sa_type=Bytes)
