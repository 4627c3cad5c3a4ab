"""Ceiling prices (上限收费标准): the grantor's dated decision on an offering, its report, and the test of their sum.

Price Notice 二 and 三. Whether the ceilings at their planned volumes stay inside the maximum permitted revenue is
computed once, when a ceiling is recorded, and kept with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.errors import Refusal
from pricing.money import PriceBasis, format_money, format_quantity, format_unit_price, within_money_limit
from pricing.parameters import load_law, vat_rate_percent
from pricing.period import Span
from pricing.revenue_cap import CapYear, CeilingsSum, PlannedSale, ceilings_sum
from registry.lookup import code_of, find, missing
from registry.price_rules import (
    UsedSince,
    hold_prices,
    require_chargeable,
    require_not_backdated,
    trial_required,
    trial_until,
)
from registry.prices import PERIOD_FORMS, ceiling_value, ceilings_as_stated, require_no_gap, require_no_overlap
from registry.relations import authorisation_of, product_of, require_grantor
from registry.revenue_caps import cap_on
from registry.spans import require_span
from registry.tables import Authorisation, CeilingVersion, Offering, Party, Product, RevenueCap
from store.ids import new_id
from store.unit import Unit

_HUNDRED_PERCENT = 100
_SENT = (
    "price_basis",
    "charging_form",
    "unit_price",
    "per_quantity",
    "effective_from",
    "effective_until",
    "decision_no",
    "base_price",
    "base_price_period",
    "planned_sales_volume",
    "above_maximum_reason",
    "backdate_reason",
)


class ReportMissing(Refusal):
    """A ceiling without the record that the grantor reported it in writing; the record is a rule of the platform."""

    code = "report_missing"


class ChargingFormMismatch(Refusal):
    """A ceiling that counts something else than its product is charged by."""

    code = "charging_form_mismatch"


class AboveMaximumNeedsReason(Refusal):
    """Ceilings that would bring more than the maximum permitted revenue, without a recorded reason."""

    code = "above_maximum_needs_reason"


def decide_ceiling(unit: Unit, given: Mapping[str, Any], used_since: UsedSince) -> CeilingVersion:
    """Record the calling grantor's ceiling of an offering, from a day on.

    Raises NotFound, OfferingNotChargeable, ChargingFormMismatch, ReportMissing, TrialRequired, OverlappingVersion,
    GappedVersion, Backdated, AboveMaximumNeedsReason, DatesReversed.
    """
    offering = find(unit, Offering, given["offering"], "offering")
    authorisation = authorisation_of(unit, offering.id)
    require_grantor(unit, authorisation, "offering", given["offering"], "offering")
    hold_prices(unit, offering.operator_id)
    span = require_span(given)
    require_chargeable(unit, offering, span.start)
    _require_form(product_of(unit, offering.id), given["charging_form"])
    _require_report(given)
    _require_formal(unit, authorisation, span.start)
    versions = ceilings_as_stated(unit, offering.id, given["charging_form"])
    require_no_overlap(versions, span)
    require_no_gap(versions, span)
    require_not_backdated(unit, offering, span.start, given["backdate_reason"], used_since)
    row = _version(unit, offering, given)
    row.ceilings_test = _tested(unit, offering, row)
    unit.session.add(row)
    unit.object_id = row.id
    return row


def visible_ceilings(unit: Unit, offering: str | None) -> Select[Any]:
    """Return the query of all ceilings, of one offering if named: they are published."""
    query: Select[Any] = select(CeilingVersion)
    if offering is not None:
        query = query.where(col(CeilingVersion.offering_id) == find(unit, Offering, offering, "offering").id)
    return query


def find_ceiling(unit: Unit, ceiling_id: str) -> CeilingVersion:
    """Return a ceiling; raises NotFound."""
    row = unit.session.get(CeilingVersion, ceiling_id)
    if row is None:
        raise missing("ceiling", ceiling_id)
    return row


def ceiling_document(unit: Unit, row: CeilingVersion) -> dict[str, Any]:
    """Return a ceiling as the wire says it, before formatting."""
    report = row.report
    return {
        **row.model_dump(exclude={"recorded_by", "grantor_id"}),
        "offering": code_of(unit, Offering, row.offering_id),
        "grantor": code_of(unit, Party, row.grantor_id),
        "unit": unit_counted(unit, row),
        "report": {**report, "reported_on": date.fromisoformat(report["reported_on"])},
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


def unit_counted(unit: Unit, row: CeilingVersion) -> str:
    """Return what a ceiling is a price for: the product's unit, or a month or year."""
    return row.charging_form if row.charging_form in PERIOD_FORMS else product_of(unit, row.offering_id).unit


def _require_form(product: Product, form: str) -> None:
    if form in PERIOD_FORMS or form == product.charging_basis:
        return
    message = (
        f"product {product.code} is charged by {product.charging_basis}: its ceiling counts that, or month or year for "
        f"the fixed part of a price, and not {form}"
    )
    raise ChargingFormMismatch(message, errors={"charging_form": [message]})


def _require_report(given: Mapping[str, Any]) -> None:
    if given["report"] is None:
        message = (
            "a ceiling takes effect only with the record of the grantor's written report: give report with report_no, "
            "reported_on and recipients"
        )
        raise ReportMissing(message, errors={"report": [message]})


def _require_formal(unit: Unit, authorisation: Authorisation, day: date) -> None:
    first = trial_until(unit, authorisation)
    if first is not None and day < first:
        way_out = "let the operator publish a trial tariff under the grantor's guidance, or start the ceiling then"
        raise trial_required(unit, authorisation, first, "effective_from", way_out)


def _version(unit: Unit, offering: Offering, given: Mapping[str, Any]) -> CeilingVersion:
    report = given["report"]
    return CeilingVersion(
        id=new_id("ceil"),
        offering_id=offering.id,
        grantor_id=unit.principal.party,
        factors=dict(given["factors"]),
        report={**report, "reported_on": report["reported_on"].isoformat()},
        **{name: given[name] for name in _SENT},
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )


def _tested(unit: Unit, offering: Offering, new: CeilingVersion) -> dict[str, object] | None:
    """Return the test of all ceilings × planned volumes against the maximum of the year in which the new one starts.

    Price Notice 三. None where no maximum is determined for that year. Raises AboveMaximumNeedsReason.
    """
    level = product_of(unit, offering.id).registration_level
    found = cap_on(unit, offering.operator_id, new.effective_from.year, level)
    if found is None:
        return None
    cap, year = found
    planned = [*_others_in_force(unit, cap, new), new]
    counted = [row for row in planned if row.planned_sales_volume is not None]
    total = ceilings_sum([_planned_sale(row, cap) for row in counted], year.maximum_permitted_revenue)
    within_money_limit(total.possible, "sum of ceilings at their planned volumes")
    if total.above_maximum and new.above_maximum_reason is None:
        raise _above_maximum(total, cap, year)
    return _test_document(unit, counted, total, cap, year)


def _others_in_force(unit: Unit, cap: RevenueCap, new: CeilingVersion) -> list[CeilingVersion]:
    """The ceilings of the cap's offerings on the day on which the new one starts, without what it succeeds."""
    query = (
        select(CeilingVersion)
        .join(Offering, col(Offering.id) == col(CeilingVersion.offering_id))
        .where(col(Offering.operator_id) == cap.operator_id, col(CeilingVersion.effective_from) <= new.effective_from)
        .order_by(col(CeilingVersion.effective_from), col(CeilingVersion.id))
    )
    if cap.registration_level is not None:
        of_level = select(col(Product.id)).where(col(Product.registration_level) == cap.registration_level)
        query = query.where(col(Offering.product_id).in_(of_level))
    newest = {(row.offering_id, row.charging_form): row for row in unit.session.execute(query).scalars()}
    newest.pop((new.offering_id, new.charging_form), None)
    return [
        row for row in newest.values() if Span(row.effective_from, row.effective_until).contains(new.effective_from)
    ]


def _planned_sale(row: CeilingVersion, cap: RevenueCap) -> PlannedSale:
    """The ceiling in the cap's own tax basis, and the volume that is planned at it."""
    ceiling = ceiling_value(row)
    if row.price_basis != cap.revenue_basis:
        vat_rate = vat_rate_percent(load_law(), row.effective_from) / _HUNDRED_PERCENT
        ceiling = ceiling.in_basis(PriceBasis(cap.revenue_basis), vat_rate)
    return PlannedSale(row.offering_id, ceiling.unit_price, ceiling.per_quantity, row.planned_sales_volume or 0)


def _above_maximum(total: CeilingsSum, cap: RevenueCap, year: CapYear) -> AboveMaximumNeedsReason:
    possible, maximum = format_money(total.possible), format_money(total.maximum)
    message = (
        f"the ceilings at their planned volumes come to {possible}, above the maximum permitted revenue {maximum} of "
        f"{year.year} by decision {cap.decision_no}: lower the ceiling or the plan, or state the above_maximum_reason"
    )
    return AboveMaximumNeedsReason(
        message,
        errors={"above_maximum_reason": [message]},
        possible_revenue=possible,
        maximum_permitted_revenue=maximum,
        year=year.year,
        decision_no=cap.decision_no,
    )


def _test_document(
    unit: Unit, counted: list[CeilingVersion], total: CeilingsSum, cap: RevenueCap, year: CapYear
) -> dict[str, object]:
    """The test as it was made, in wire form: what was counted, and what came out."""
    return {
        "year": year.year,
        "decision_no": cap.decision_no,
        "revenue_basis": cap.revenue_basis,
        "possible_revenue": format_money(total.possible),
        "maximum_permitted_revenue": format_money(total.maximum),
        "above_maximum": total.above_maximum,
        "ceilings": [
            {
                "offering": code_of(unit, Offering, row.offering_id),
                "charging_form": row.charging_form,
                "decision_no": row.decision_no,
                "price_basis": row.price_basis,
                "unit_price": format_unit_price(row.unit_price),
                "per_quantity": format_quantity(row.per_quantity),
                "planned_sales_volume": format_quantity(row.planned_sales_volume or 0),
            }
            for row in counted
        ],
    }
