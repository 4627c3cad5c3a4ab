"""The dated versions of ceilings and tariffs, and which of them holds on a day.

A version without an end of its own holds until the next one starts. One that states its end holds until then and not
longer: what held before it never comes back. Ends are half-open business days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.ceiling import Ceiling, ChargingForm, FixedCeiling
from pricing.errors import Refusal
from pricing.fees import FeePeriod
from pricing.money import MICRO_PER_UNIT, PriceBasis
from pricing.period import Span
from pricing.tariff import Tariff, tariff_from_document
from registry.tables import CeilingVersion, TariffVersion
from store.unit import Unit

Version = TypeVar("Version", CeilingVersion, TariffVersion)

PERIOD_FORMS = frozenset({ChargingForm.MONTH.value, ChargingForm.YEAR.value})
"""Charging forms for the part of a price that does not depend on use."""


class OverlappingVersion(Refusal):
    """Two versions of one thing that would hold on the same day by their own words."""

    code = "overlapping_version"


class GappedVersion(Refusal):
    """A version that would leave days without any between itself and its neighbour."""

    code = "gapped_version"


def ceilings_as_stated(unit: Unit, offering_id: str, charging_form: str) -> Sequence[CeilingVersion]:
    """Return the rows of an offering's ceilings in time order, each with the end that it states, if any."""
    rows: Sequence[CeilingVersion] = unit.session.execute(_ceilings(offering_id, charging_form)).scalars().all()
    return rows


def ceiling_on(unit: Unit, offering_id: str, charging_form: str, day: date) -> CeilingVersion | None:
    """Return the ceiling in force on a day, as it was recorded; None where there is none."""
    row = _newest_on(unit, _ceilings(offering_id, charging_form), CeilingVersion, day)
    if row is None or (row.effective_until is not None and row.effective_until <= day):
        return None
    return row


def fixed_ceilings_on(unit: Unit, offering_id: str, charging_form: str, day: date) -> list[CeilingVersion]:
    """Return the ceilings in force on a day that have a fixed part: of the product's own form, by month and by year."""
    forms = (charging_form, *sorted(PERIOD_FORMS))
    rows = [ceiling_on(unit, offering_id, form, day) for form in forms]
    return [row for row in rows if row is not None and fixed_ceiling_value(row) is not None]


def tariff_versions(unit: Unit, offering_id: str) -> list[TariffVersion]:
    """Return every tariff of an offering in time order; each holds until the next starts (see ``version_spans``)."""
    return list(unit.session.execute(_tariffs(offering_id)).scalars().all())


def tariff_on(unit: Unit, offering_id: str, day: date) -> TariffVersion | None:
    """Return the tariff in force on a day, None where there is none."""
    return _newest_on(unit, _tariffs(offering_id), TariffVersion, day)


def version_spans(versions: Sequence[CeilingVersion | TariffVersion]) -> list[Span]:
    """Return the days on which each of a series of versions holds; the series is in time order."""
    starts: list[date | None] = [version.effective_from for version in versions[1:]]
    return [
        Span(version.effective_from, _earlier(_stated_end(version), following))
        for version, following in zip(versions, [*starts, None], strict=False)
    ]


def span_of(unit: Unit, row: CeilingVersion | TariffVersion) -> Span:
    """Return the days on which one recorded version holds, as the versions stand now."""
    if isinstance(row, CeilingVersion):
        start = col(CeilingVersion.effective_from)
        later = _ceilings(row.offering_id, row.charging_form)
    else:
        start = col(TariffVersion.effective_from)
        later = _tariffs(row.offering_id)
    following = later.where(start > row.effective_from).limit(1).with_only_columns(start)
    return Span(row.effective_from, _earlier(_stated_end(row), unit.session.execute(following).scalar_one_or_none()))


def ceiling_value(row: CeilingVersion) -> Ceiling:
    """Return a ceiling as a value that prices are held against."""
    return Ceiling(
        id=row.id,
        decision_no=row.decision_no,
        unit_price=row.unit_price,
        per_quantity=row.per_quantity,
        price_basis=PriceBasis(row.price_basis),
        charging_form=ChargingForm(row.charging_form),
        effective_from=row.effective_from,
        effective_until=row.effective_until,
    )


def fixed_ceiling_value(row: CeilingVersion) -> FixedCeiling | None:
    """Return what a ceiling allows for the fixed part of prices; None where it has no fixed part."""
    if row.charging_form in PERIOD_FORMS:
        stated: Fraction | Decimal = Fraction(row.unit_price) * MICRO_PER_UNIT / row.per_quantity
        period = FeePeriod(row.charging_form)
    elif row.base_price is None or row.base_price_period is None:
        return None
    else:
        stated, period = row.base_price, FeePeriod(row.base_price_period)
    return FixedCeiling(row.id, row.decision_no, stated, period, PriceBasis(row.price_basis))


def tariff_value(row: TariffVersion) -> Tariff:
    """Return a tariff as a value that charges."""
    return tariff_from_document(row.tariff)


def require_no_overlap(versions: Sequence[CeilingVersion | TariffVersion], new: Span) -> None:
    """Refuse a version that would share a day with a recorded one by what both of them state.

    ``versions`` are rows as stated. Those that state no end make room by themselves, so only these overlap: the same
    start, a start inside a version with a stated end, and a stated end behind the start of a later version. Raises
    OverlappingVersion.
    """
    for version in versions:
        if not _clash(Span(version.effective_from, _stated_end(version)), new):
            continue
        until = _stated_end(version)
        held = f"from {version.effective_from}" + (f" until {until}" if until else " on")
        message = (
            f"there is a version {held} already, and one from {new.start}"
            f"{f' until {new.end}' if new.end else ''} would share days with it; choose other days"
        )
        raise OverlappingVersion(message, errors={"effective_from": [message]}, overlaps=version.id)


def require_no_gap(versions: Sequence[CeilingVersion], new: Span) -> None:
    """Refuse a ceiling that would leave days without one before the next: those that state an end must be followed on.

    ``versions`` are rows as stated, and none overlaps the new one. Raises GappedVersion, naming the days.
    """
    before = max((row for row in versions if row.effective_from < new.start), key=_start, default=None)
    after = min((row for row in versions if row.effective_from > new.start), key=_start, default=None)
    gaps = []
    if before is not None and before.effective_until is not None and before.effective_until < new.start:
        gaps.append(("effective_from", before.effective_until, new.start, before))
    if after is not None and new.end is not None and new.end < after.effective_from:
        gaps.append(("effective_until", new.end, after.effective_from, after))
    for name, start, end, neighbour in gaps:
        message = (
            f"no ceiling would be in force from {start} until {end}, between this version and the one of decision "
            f"{neighbour.decision_no}; let them meet"
        )
        raise GappedVersion(message, errors={name: [message]}, gap_from=str(start), gap_until=str(end))


def _start(row: CeilingVersion) -> date:
    return row.effective_from


def _clash(held: Span, new: Span) -> bool:
    if held.start == new.start:
        return True
    earlier, later = sorted((held, new), key=lambda span: span.start)
    return earlier.end is not None and later.start < earlier.end


def _ceilings(offering_id: str, charging_form: str) -> Select[Any]:
    query = select(CeilingVersion).where(
        col(CeilingVersion.offering_id) == offering_id, col(CeilingVersion.charging_form) == charging_form
    )
    return query.order_by(col(CeilingVersion.effective_from))


def _tariffs(offering_id: str) -> Select[Any]:
    query = select(TariffVersion).where(col(TariffVersion.offering_id) == offering_id)
    return query.order_by(col(TariffVersion.effective_from))


def _newest_on(unit: Unit, query: Select[Any], table: type[Version], day: date) -> Version | None:
    start = col(table.effective_from)
    newest = query.where(start <= day).order_by(None).order_by(start.desc()).limit(1)
    row: Version | None = unit.session.execute(newest).scalar_one_or_none()
    return row


def _stated_end(version: CeilingVersion | TariffVersion) -> date | None:
    return version.effective_until if isinstance(version, CeilingVersion) else None


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day is not None), default=None)
