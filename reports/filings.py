"""The filing of a report: rendered once as of one settled moment, kept with its hashes, and served as it was filed.

A report is filed once for its subject and period. A later filing names the one that it supersedes, and why; the earlier
one stays as it was. The rendering is the door's, for papers and reports do not know each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, insert, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from pricing.errors import Conflict, Forbidden, Malformed, Problem
from pricing.period import Span, year_bounds
from registry.lookup import code_of, missing, party_of_kind
from registry.relations import SEES_EVERYTHING, names_caller, operators_overseen
from registry.spans import require_span
from registry.tables import Authorisation, Party
from reports.tables import ANNUAL_OPERATION, CAP_COMPLIANCE, DISCLOSURE, FiledFile, ReportFiling
from store.horizon import HorizonBehind, reached
from store.ids import new_id
from store.unit import Unit

FILERS: Final[Mapping[str, frozenset[str]]] = {
    CAP_COMPLIANCE: frozenset({"operator", "regulator"}),
    ANNUAL_OPERATION: frozenset({"operator"}),
    DISCLOSURE: frozenset({"operator", "grantor"}),
}
"""Whose key may file which report: the operator its own, the price authority on compliance, a grantor its own table."""


class SubjectUnclear(Malformed):
    """A filing that names no subject, or two, or no period, or two."""

    code = "filing_unclear"


class PeriodNotEnded(Conflict):
    """A period that still runs, whose report would freeze what has not come yet."""

    code = "period_not_ended"


class AlreadyFiled(Conflict):
    """A report that was filed for this subject and period; another one has to supersede it."""

    code = "already_filed"


class FilingSuperseded(Conflict):
    """A filing that is not the newest of its report, subject and period any more."""

    code = "filing_superseded"


@dataclass(frozen=True)
class Rendered:
    """One file of a report."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Prepared:
    """A report and its files, computed on a snapshot before the transaction that files them."""

    as_of: datetime
    report: Mapping[str, Any]
    files: Sequence[Rendered]


@dataclass(frozen=True)
class Asked:
    """What is to be filed: which report, on whom, of which days."""

    report: str
    subject: Party
    subject_kind: str
    period: Span

    @property
    def until(self) -> date:
        """The first day after the period, which has an end."""
        return self.period.end or date.max

    def wanted(self, as_of: datetime) -> dict[str, Any]:
        """The query of the report that this files."""
        return {
            "operator": self.subject.id if self.subject_kind == "operator" else None,
            "grantor": self.subject.id if self.subject_kind == "grantor" else None,
            "day_from": self.period.start,
            "day_until": self.until,
            "year": self.period.start.year,
            "as_of": as_of,
        }


Render = Callable[[Unit, Asked, datetime, str], tuple[Mapping[str, Any], Sequence[Rendered]]]
"""How a door renders a report as of a moment, in a language: the document, and its files."""


def prepare_filing(unit: Unit, given: Mapping[str, Any], render: Render) -> Prepared | None:
    """Compute and render the report on a snapshot at the horizon; None where the filing will be refused."""
    try:
        asked = _asked(unit, given)
        _superseded(unit, asked, given)
    except Problem:
        return None
    as_of = reached(unit)
    report, files = render(unit, asked, as_of, given["lang"])
    return Prepared(as_of, report, files)


def file_report(unit: Unit, given: Mapping[str, Any], prepared: Prepared | None) -> ReportFiling:
    """File a report as it was prepared.

    Raises NotFound, Forbidden, SubjectUnclear, DatesReversed, PeriodNotEnded, AlreadyFiled, FilingSuperseded.
    """
    asked = _asked(unit, given)
    earlier = _superseded(unit, asked, given)
    if prepared is None:
        message = "what stood in the way of this filing has just gone; send it again"
        raise HorizonBehind(message)
    filing = ReportFiling(
        id=new_id("fil"),
        report=asked.report,
        subject_id=asked.subject.id,
        subject_kind=asked.subject_kind,
        period_from=asked.period.start,
        period_until=asked.until,
        generation=earlier.generation + 1 if earlier else 1,
        supersedes=earlier.id if earlier else None,
        reason=given["reason"],
        as_of=prepared.as_of,
        report_version=prepared.report["report_version"],
        report_hash=prepared.report["report_hash"],
        language=given["lang"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(filing)
    unit.session.flush()
    unit.connection.execute(insert(FiledFile), [_row(filing, file) for file in prepared.files])
    unit.object_id = filing.id
    return filing


def visible_filings(unit: Unit) -> Select[Any]:
    """Return the query of the filings that the caller may read.

    An overseer reads those on its operators, and its grantors' own tables; a grantor those on an operator that nobody
    else authorised then, for a whole report tells of all its offerings.
    """
    query = select(ReportFiling)
    if unit.principal.role in SEES_EVERYTHING:
        return query
    grantors = select(col(Authorisation.grantor_id)).where(names_caller(unit))
    disclosed = (col(ReportFiling.subject_kind) == "grantor") & col(ReportFiling.subject_id).in_(grantors)
    mine = or_(col(ReportFiling.subject_id) == unit.principal.party, disclosed)
    overseen = col(ReportFiling.subject_id).in_(operators_overseen(unit) or [])
    if unit.principal.role == "grantor":
        return query.where(or_(mine, overseen & ~_authorised_by_others(unit.principal.party)))
    return query.where(or_(mine, overseen))


def find_filing(unit: Unit, filing_id: str) -> ReportFiling:
    """Return a filing that the caller may read; raises NotFound."""
    query = visible_filings(unit).where(col(ReportFiling.id) == filing_id)
    filing: ReportFiling | None = unit.session.execute(query).scalar_one_or_none()
    if filing is None:
        raise missing("filing", filing_id)
    return filing


def find_filed_file(unit: Unit, filing_id: str, name: str) -> FiledFile:
    """Return a file of a filing that the caller may read, also for after the unit; raises NotFound."""
    filing = find_filing(unit, filing_id)
    file = unit.session.get(FiledFile, (filing.id, name))
    if file is None:
        raise missing("file", name)
    unit.session.expunge(file)
    return file


def filing_document(unit: Unit, filing: ReportFiling) -> dict[str, Any]:
    """Return a filing as the wire says it, before formatting, with the hash of each file."""
    files = (
        select(col(FiledFile.name), col(FiledFile.media_type), col(FiledFile.size), col(FiledFile.sha256))
        .where(col(FiledFile.filing_id) == filing.id)
        .order_by(col(FiledFile.name))
    )
    code = code_of(unit, Party, filing.subject_id)
    later = select(col(ReportFiling.id)).where(col(ReportFiling.supersedes) == filing.id)
    return {
        **filing.model_dump(include=_SAID),
        "operator": code if filing.subject_kind == "operator" else None,
        "grantor": code if filing.subject_kind == "grantor" else None,
        "from": filing.period_from,
        "until": filing.period_until,
        "lang": filing.language,
        "superseded_by": unit.connection.execute(later).scalar_one_or_none(),
        "filed_by": code_of(unit, Party, filing.recorded_by) if filing.recorded_by else None,
        "files": [
            {"name": name, "media_type": media_type, "bytes": size, "sha256": sha256}
            for name, media_type, size, sha256 in unit.connection.execute(files)
        ],
        "sandbox": unit.sandbox,
    }


_SAID: Final = {"id", "report", "supersedes", "reason", "as_of", "report_version", "report_hash", "recorded_at"}


def _asked(unit: Unit, given: Mapping[str, Any]) -> Asked:
    """Return what is to be filed, once it is clear, the caller's to file, and over."""
    kind, ref = _subject_ref(given)
    role = unit.principal.role
    if role not in FILERS[given["report"]]:
        allowed = " or ".join(sorted(FILERS[given["report"]]))
        raise Forbidden(f"{given['report']} is filed by the {allowed}; the key is {role}'s")
    subject = party_of_kind(unit, ref, kind, kind)
    _require_subject(unit, given, kind, subject)
    period = _period(given)
    asked = Asked(given["report"], subject, kind, period)
    if asked.until > unit.today:
        message = f"the period ends with the day before {period.end}, and it is {unit.today}; file it then"
        raise PeriodNotEnded(message, errors={"until" if given["year"] is None else "year": [message]})
    return asked


def _subject_ref(given: Mapping[str, Any]) -> tuple[str, str]:
    named = [kind for kind in ("operator", "grantor") if given[kind] is not None]
    if len(named) != 1:
        message = "name the operator that the report is on, or the grantor whose own table it is: one of the two"
        raise SubjectUnclear(message, errors={"operator": [message]})
    if named[0] == "grantor" and given["report"] != DISCLOSURE:
        message = f"{given['report']} is a report on an operator; a grantor has a disclosure table of its own"
        raise SubjectUnclear(message, errors={"grantor": [message]})
    return named[0], given[named[0]]


def _require_subject(unit: Unit, given: Mapping[str, Any], kind: str, subject: Party) -> None:
    """Require that the caller files its own report, or, as a regulator, one on an operator that it oversees."""
    role = unit.principal.role
    if role == "regulator":
        allowed = subject.id in (operators_overseen(unit) or [])
    else:
        allowed = role == kind and subject.id == unit.principal.party
    if not allowed:
        raise missing(kind, given[kind], kind)


def _period(given: Mapping[str, Any]) -> Span:
    days = [given["day_from"], given["day_until"]]
    if given["year"] is not None and days == [None, None]:
        return year_bounds(given["year"])
    if given["year"] is None and None not in days and given["report"] == CAP_COMPLIANCE:
        return require_span({"from": given["day_from"], "until": given["day_until"]}, "from", "until")
    message = "name the calendar year; of cap compliance alone, the days from and until instead"
    raise SubjectUnclear(message, errors={"year": [message]})


def _superseded(unit: Unit, asked: Asked, given: Mapping[str, Any]) -> ReportFiling | None:
    """Return the filing that this one supersedes, None for the first one."""
    if (given["supersedes"] is None) != (given["reason"] is None):
        message = "a filing that supersedes another says which one and the reason; the first one says neither"
        raise SubjectUnclear(message, errors={"reason": [message]})
    newest = _newest(unit, asked)
    named = given["supersedes"]
    if named is None:
        if newest is not None:
            message = f"this report was filed as {newest.id}; file again with supersedes and the reason"
            raise AlreadyFiled(message, errors={"supersedes": [message]}, filing=newest.id)
        return None
    earlier = unit.session.get(ReportFiling, named)
    if earlier is None or not _is_of(earlier, asked):
        raise missing("filing of this report, subject and period", named, "supersedes")
    if newest is not None and earlier.id != newest.id:
        message = f"{named} was superseded; the newest filing is {newest.id}"
        raise FilingSuperseded(message, errors={"supersedes": [message]}, filing=newest.id)
    return earlier


def _newest(unit: Unit, asked: Asked) -> ReportFiling | None:
    query = (
        select(ReportFiling)
        .where(
            col(ReportFiling.subject_id) == asked.subject.id,
            col(ReportFiling.report) == asked.report,
            col(ReportFiling.period_from) == asked.period.start,
            col(ReportFiling.period_until) == asked.until,
        )
        .order_by(col(ReportFiling.generation).desc())
        .limit(1)
    )
    newest: ReportFiling | None = unit.session.execute(query).scalar_one_or_none()
    return newest


def _is_of(filing: ReportFiling, asked: Asked) -> bool:
    same = (asked.report, asked.subject.id, asked.period.start, asked.until)
    return (filing.report, filing.subject_id, filing.period_from, filing.period_until) == same


def _authorised_by_others(grantor_id: str) -> ColumnElement[bool]:
    other = aliased(Authorisation)
    return (
        select(col(other.id))
        .where(
            col(other.operator_id) == col(ReportFiling.subject_id),
            col(other.grantor_id) != grantor_id,
            col(other.recorded_at) <= col(ReportFiling.as_of),
        )
        .exists()
    )


def _row(filing: ReportFiling, file: Rendered) -> dict[str, Any]:
    return {
        "filing_id": filing.id,
        "name": file.name,
        "media_type": file.media_type,
        "size": len(file.content),
        "sha256": hashlib.sha256(file.content).hexdigest(),
        "content": file.content,
    }
