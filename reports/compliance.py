"""The cap-compliance report to the price authority (Price Notice 三 to 五): whether prices and revenue kept their caps.

The report is a document in wire form, the same bytes for the same ``as_of`` and ``REPORT_VERSION`` however often it is
asked for and whatever was recorded since: every statement behind it is bounded by the moment, and nothing in it comes
from a clock. Its hash is that of its canonical JSON without the hash itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import or_, select
from sqlmodel import col

from pricing.canonical import sha256_of
from pricing.errors import PriceAboveCeiling
from pricing.explanation import PRICE_NOTICE
from pricing.law_values import Entry, LawValue, MonthDay, Rule
from pricing.money import PriceBasis, format_rate
from pricing.parameters import Parameter
from pricing.period import format_instant, instant_of
from pricing.revenue_cap import DEVIATION_LINE
from registry.cap_tables import PriceAuthorityAppointment
from registry.lookup import missing
from registry.spans import require_span
from registry.tables import Authorisation, Party
from reports.above_ceiling import above_ceiling_rows
from reports.breaches import breach_records, breaches, read_records
from reports.charged_anew import months_still_charged, taken_back
from reports.charges import charge_document, charge_page, charges_of
from reports.complaints import complaint_rows
from reports.duties import duty_rows
from reports.excess import excesses
from reports.frame import Frame, frame_of
from reports.free_use import free_use
from reports.price_register import (
    Register,
    adjustment_rows,
    ceiling_rows,
    offering_rows,
    price_rows,
    read_register,
)
from reports.price_tests import ceiling_tests, charged_months, offering_tests
from reports.prior_years import prior_year_rows
from reports.reconciliation import reconciliation
from reports.revenue import DeterminedYear, determined_years, revenue_of, revenue_rows
from store.tables import AuditEntry
from store.unit import Unit

REPORT_VERSION: Final = "2"
"""Raised with every change of what the report says or how it is reckoned."""

OPERATION_RULES: Final = "发改数据规〔2025〕27号"
OPINION: Final = "中办国办《关于加快公共数据资源开发利用的意见》"
_LEGAL_BASIS: Final = (f"{PRICE_NOTICE} 一至五", f"{OPINION} 六、七", OPERATION_RULES)


def compliance_report(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report on an operator and a period, with its hash.

    ``wanted`` has ``operator``, ``day_from``, ``day_until`` (the first day after it) and ``as_of``, a moment that the
    horizon covers. A grantor is shown the offerings under its own authorisations, and the revenue of the operator as a
    whole, to which the maximum belongs. Raises NotFound for an operator that the caller does not oversee,
    DatesReversed.
    """
    frame = _frame(unit, wanted)
    register = read_register(unit, frame)
    charged = charged_months(charges_of(unit, frame))
    months = months_still_charged(charged, taken_back(unit, frame))
    records = read_records(unit, frame)
    years, revenue = determined_years(unit, frame), revenue_of(unit, frame)
    checks = reconciliation(unit, frame)
    chargeable = {key for key, offered in frame.offerings.items() if register.chargeable_on(offered, frame.last_day)}
    report = {
        "report": "cap_compliance",
        **report_header(unit, frame, register, years),
        "offerings": offering_rows(unit, frame, register),
        "ceilings": ceiling_rows(frame, register),
        "prices": price_rows(unit, frame, register),
        "adjustments": adjustment_rows(frame, register),
        "price_summary": offering_tests(frame, months, chargeable),
        "price_tests": ceiling_tests(frame, months),
        "free_use": free_use(unit, frame),
        "revenue": revenue_rows(frame, revenue, years),
        "prior_year_lines": prior_year_rows(frame, revenue.prior_years, frame.period),
        "duties": duty_rows(unit, frame),
        "breaches": breaches(frame, excesses(unit, frame, charged), records),
        "breach_records": breach_records(unit, frame, records),
        "complaints": complaint_rows(unit, frame),
        "above_ceiling": above_ceiling_rows(unit, frame),
        "refused_attempts": _refused_attempts(unit, frame),
        "reconciliation": checks,
        "reconciled": all(check["agrees"] for check in checks),
        "parameters": _parameters(frame),
    }
    return {**report, "report_hash": sha256_of(report)}


def list_charges(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of the charges behind the report, of one offering if named.

    Raises NotFound, DatesReversed, CursorInvalid.
    """
    frame = _narrowed(_frame(unit, wanted), wanted["offering"])
    items, following = charge_page(unit, frame, wanted["limit"], wanted["cursor"])
    return {"as_of": frame.as_of, "items": items, "next_cursor": following}


def all_charges(unit: Unit, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every charge behind the report, of one offering if named; raises NotFound, DatesReversed."""
    frame = _narrowed(_frame(unit, wanted), wanted["offering"])
    return [charge_document(frame, charge) for charge in charges_of(unit, frame)]


def _frame(unit: Unit, wanted: Mapping[str, Any]) -> Frame:
    span = require_span({"from": wanted["day_from"], "until": wanted["day_until"]}, "from", "until")
    return frame_of(unit, wanted["operator"], span, wanted["as_of"])


def _narrowed(frame: Frame, offering: str | None) -> Frame:
    if offering is None:
        return frame
    offerings = {
        offering_id: offered
        for offering_id, offered in frame.offerings.items()
        if offering in (offering_id, offered.code)
    }
    if not offerings:
        raise missing("offering", offering, "offering")
    return replace(frame, offerings=offerings)


def report_header(unit: Unit, frame: Frame, register: Register, years: Sequence[DeterminedYear]) -> dict[str, Any]:
    """Return what a report on an operator says of itself: parties, law, decisions, bounds, rules and settings."""
    law = unit.law
    authorisations = _authorisations(unit, frame)
    months = frame.months
    return {
        "report_version": REPORT_VERSION,
        "operator": _party(frame.operator),
        "grantor": _parties(unit, (row.grantor_id for row in authorisations)),
        "regulator": _parties(unit, [*(row.regulator_id for row in authorisations), *_appointed(unit, frame)]),
        "authorisations": [row.agreement_no for row in authorisations],
        "legal_basis": list(_LEGAL_BASIS),
        "decision_numbers": _decision_numbers(frame, register, years),
        "period": {"from": frame.period.start.isoformat(), "until": frame.until.isoformat()},
        "service_months": {"from": months.start.isoformat()[:7], "until": (months.end or frame.until).isoformat()[:7]},
        "zone": str(frame.zone),
        "as_of": format_instant(frame.as_of, frame.zone),
        "is_partial": frame.is_partial,
        "rule_set": {"jurisdiction": law.jurisdiction.code, "version": law.version, "hash": law.digest()},
        "currency": "CNY",
        "settings": _settings(unit, frame, years),
        "sandbox": unit.sandbox,
    }


def _settings(unit: Unit, frame: Frame, years: Sequence[DeterminedYear]) -> dict[str, str]:
    """What the law leaves open, as it is settled here (Price Notice 四 says neither)."""
    touched = [year for year in years if year.days.overlaps(frame.period)]
    bases = sorted({year.cap.revenue_basis for year in touched}) or [PriceBasis.TAX_EXCLUSIVE.value]
    line = unit.law.parameter(DEVIATION_LINE)
    return {
        "tax_basis": ", ".join(bases),
        "comparison": "annual_and_cycle",
        "deviation_sign": "both",
        "deviation_line_percent": format_rate(line.number(line.known_day(frame.last_day))),
        "operating_year": unit.settings.operating_year.value,
        "rounding": "half_up",
        "revenue_counted_by": "service_month",
        "accrual": "rated_as_billed",
        "late_items": "year_of_recording_once_filed",
        "price_compared_in": "basis_of_the_bill",
    }


def _decision_numbers(frame: Frame, register: Register, years: Sequence[DeterminedYear]) -> list[str]:
    """The decisions behind the report: of caps, ceilings and categories that reach into the period."""
    numbers = {year.cap.decision_no for year in years if year.days.overlaps(frame.period)}
    for offering_id in frame.offerings:
        numbers |= {held.row.decision_no for held in register.ceilings[offering_id] if held.days.overlaps(frame.period)}
        numbers |= {row.decision_no for row in register.decisions[offering_id] if row.effective_from < frame.until}
    return sorted(numbers)


def _authorisations(unit: Unit, frame: Frame) -> Sequence[Authorisation]:
    query = (
        select(Authorisation)
        .where(
            col(Authorisation.operator_id) == frame.operator.id,
            col(Authorisation.recorded_at) <= frame.as_of,
            col(Authorisation.effective_from) < frame.until,
            col(Authorisation.effective_until) > frame.period.start,
        )
        .order_by(col(Authorisation.id))
    )
    if frame.is_partial:
        query = query.where(col(Authorisation.grantor_id) == unit.principal.party)
    return unit.session.execute(query).scalars().all()


def _appointed(unit: Unit, frame: Frame) -> Sequence[str]:
    """The price authorities whose appointments to the operator reach into the period."""
    query = select(col(PriceAuthorityAppointment.regulator_id)).where(
        col(PriceAuthorityAppointment.operator_id) == frame.operator.id,
        col(PriceAuthorityAppointment.recorded_at) <= frame.as_of,
        col(PriceAuthorityAppointment.effective_from) < frame.until,
        or_(
            col(PriceAuthorityAppointment.effective_until).is_(None),
            col(PriceAuthorityAppointment.effective_until) > frame.period.start,
        ),
    )
    return unit.session.execute(query).scalars().all()


def _parties(unit: Unit, ids: Iterable[str]) -> list[dict[str, Any]]:
    found = unit.session.execute(select(Party).where(col(Party.id).in_(sorted(set(ids))))).scalars()
    return [_party(party) for party in sorted(found, key=lambda party: party.code)]


def _party(party: Party) -> dict[str, Any]:
    return {"code": party.code, "name": party.name, "credit_code": party.credit_code}


def _refused_attempts(unit: Unit, frame: Frame) -> list[dict[str, Any]]:
    """Return what was refused for being above a ceiling in the period: published, quoted or accepted."""
    query: Any = (
        select(AuditEntry, col(Party.code))
        .outerjoin(Party, col(Party.id) == col(AuditEntry.party_id))
        .where(
            col(AuditEntry.outcome) == "refused",
            col(AuditEntry.code) == PriceAboveCeiling.code,
            col(AuditEntry.recorded_at) <= frame.as_of,
            col(AuditEntry.recorded_at) >= instant_of(frame.period.start, frame.zone),
            col(AuditEntry.recorded_at) < instant_of(frame.until, frame.zone),
        )
        .order_by(col(AuditEntry.recorded_at), col(AuditEntry.id))
    )
    codes = {offered.code for offered in frame.offerings.values()}
    return [
        _attempt(frame, entry, party)
        for entry, party in unit.session.execute(query)
        if (entry.detail or {}).get("offering") in codes
    ]


def _attempt(frame: Frame, entry: AuditEntry, party: str | None) -> dict[str, Any]:
    said = entry.detail or {}
    return {
        "at": format_instant(entry.recorded_at, frame.zone),
        "by": party,
        "role": entry.role,
        "action": entry.action,
        **{name: said.get(name) for name in ("offering", "price", "ceiling", "unit", "per_quantity", "decision_no")},
        "detail": said.get("detail"),
        "links": {"log": frame.link("/audit-log", action=entry.action, outcome="refused")},
    }


def _parameters(frame: Frame) -> list[dict[str, Any]]:
    """Return every parameter of the rule set with its value on the period's last day, and whether it is confirmed."""
    law = frame.law
    return [_parameter(law.parameter(name), frame.last_day) for name in sorted(law.parameters)]


def _parameter(parameter: Parameter, day: date) -> dict[str, Any]:
    entry = parameter.entry_at(parameter.known_day(day))
    reference = entry.references[0] if entry.references else None
    return {
        "parameter": parameter.name,
        "value": _value(entry.value),
        "unit": parameter.unit,
        "source": reference.document if reference else None,
        "title": reference.title.zh if reference else None,
        "article": reference.article if reference else None,
        "effective_from": entry.effective_from.isoformat(),
        "origin": "law" if parameter.is_law else "platform",
        "verified": parameter.verified,
    }


def _value(value: LawValue) -> str:
    """A value of law in one line; of lists and rules the codes."""
    if isinstance(value, Decimal):
        return format_rate(value)
    if isinstance(value, MonthDay):
        return f"{value.month:02d}-{value.day:02d}"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {format_rate(rate)}" for name, rate in sorted(value.items()))
    if isinstance(value, tuple):
        return "; ".join(_code(item) for item in value)
    return str(value)


def _code(item: str | Entry | Rule) -> str:
    if isinstance(item, Entry):
        return item.code
    return item.rule if isinstance(item, Rule) else item
