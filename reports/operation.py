"""The annual operating report (Price Notice 五, due on 31 March): operation, costs, revenue and profit of a year.

The same ``as_of`` and ``REPORT_VERSION`` give the same bytes. Revenue is the one of the compliance report, without tax.
A grantor is shown the products under its own authorisations, and costs and revenue of the operator as a whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import col

from metering.accounts import DELIVERED, FREE
from pricing.canonical import sha256_of
from pricing.explanation import PRICE_NOTICE
from pricing.law_values import MonthDay
from pricing.money import PriceBasis, format_money, format_quantity
from pricing.period import year_bounds
from registry.grant_reratings import RERATING
from registry.tables import Contract, Offering, Product
from reports.calendar import ANNUAL_REPORT_DUE
from reports.compliance import report_header
from reports.costs import COST_RULE, CostSum, ProductCosts, by_product, costs_of
from reports.frame import Frame, frame_of
from reports.price_register import Register, adjustment_rows, read_register
from reports.prior_years import prior_year_rows
from reports.reconciliation import book_sums, cost_checks, revenue_checks
from reports.revenue import Earned, determined_years, format_amounts, revenue_of, revenue_rows
from store.unit import Unit

REPORT_VERSION: Final = "1"
HEADS: Final = ("platform", "data_processing", "personnel", "data_acquisition", "period_expense")
_LEGAL_BASIS: Final = [f"{PRICE_NOTICE} 五", f"{PRICE_NOTICE} 四"]

_SETTINGS: Final = {
    "product_basis": PriceBasis.TAX_EXCLUSIVE.value,
    "cost_rule": COST_RULE,
    "cost_counted_by": "service_month",
}


@dataclass(frozen=True)
class _Year:
    """What a year came to: revenue by offering, costs, use by kind of account and offering, and the products."""

    frame: Frame
    earned: Mapping[str, Earned]
    costs: Sequence[CostSum]
    use: Mapping[tuple[str, str | None], int]
    products: Mapping[str, Product]
    product_of: Mapping[str, str]
    """The id of each offering's product."""

    @property
    def total(self) -> Earned:
        """The revenue of all offerings."""
        total = Earned()
        for earned in self.earned.values():
            total = total.plus(earned)
        return total

    def costs_by_product(self) -> dict[str | None, ProductCosts]:
        """The costs of each product by its code."""
        revenue: dict[str, int] = {product.code: 0 for product in self.products.values()}
        for offering_id, earned in self.earned.items():
            revenue[self.products[self.product_of[offering_id]].code] += earned.total.net
        named = [
            replace(cost, product_id=self.products[cost.product_id].code if cost.product_id else None)
            for cost in self.costs
        ]
        return by_product(named, revenue)


def operation_report(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report on an operator's calendar year, with its hash; ``wanted``: operator, year, as_of.

    Raises NotFound for an operator that the caller does not oversee.
    """
    frame = frame_of(unit, wanted["operator"], year_bounds(wanted["year"]), wanted["as_of"])
    register, revenue = read_register(unit, frame), revenue_of(unit, frame)
    years, year = determined_years(unit, frame), _read(unit, frame, revenue.by_offering(frame.period))
    checks = [*revenue_checks(unit, frame), *cost_checks(unit, frame)]
    rows, header = revenue_rows(frame, revenue, years), report_header(unit, frame, register, years)
    report = {
        "report": "annual_operation",
        **header,
        "report_version": REPORT_VERSION,
        "legal_basis": _LEGAL_BASIS,
        "year": wanted["year"],
        "due_on": due_on(unit, ANNUAL_REPORT_DUE, wanted["year"]).isoformat(),
        "settings": {**header["settings"], **_SETTINGS},
        "overview": _overview(unit, year, register),
        "costs": _cost_rows(year),
        "products": _product_rows(year),
        "public_interest": _public_interest_rows(year),
        "offerings": _offering_rows(year, register),
        "revenue": rows,
        "prior_year_lines": prior_year_rows(frame, revenue.prior_years, frame.period),
        "adjustments": adjustment_rows(frame, register),
        "reconciliation": checks,
        "reconciled": all(check["agrees"] for check in checks),
    }
    return {**report, "report_hash": sha256_of(report)}


def due_on(unit: Unit, parameter: str, year: int) -> date:
    """Return the day of the next year by which a report on a year is due, by the law of that day."""
    law = unit.law.parameter(parameter)
    day: MonthDay = law.month_day(law.known_day(date(year + 1, 1, 1)))
    return day.of(year + 1)


def _read(unit: Unit, frame: Frame, earned: Mapping[str, Earned]) -> _Year:
    """Read all of the operator's, whatever part of it the caller is shown: shares are divided among all products."""
    products = {
        row.id: row
        for row in unit.session.execute(
            select(Product).where(
                col(Product.operator_id) == frame.operator.id, col(Product.recorded_at) <= frame.as_of
            )
        ).scalars()
    }
    query = select(col(Offering.id), col(Offering.product_id)).where(
        col(Offering.operator_id) == frame.operator.id, col(Offering.recorded_at) <= frame.as_of
    )
    product_of = {row.id: row.product_id for row in unit.connection.execute(query)}
    costs = costs_of(unit, frame, product_of)
    use = book_sums(unit, frame, (DELIVERED, FREE), frame.months)
    return _Year(frame, earned, costs, use, products, product_of)


def _overview(unit: Unit, year: _Year, register: Register) -> dict[str, Any]:
    frame, net = year.frame, year.total.total.net
    chargeable = [register.chargeable_on(offered, frame.last_day) for offered in frame.offerings.values()]
    costs: dict[str, int] = defaultdict(int)
    for cost in year.costs:
        costs[cost.use] += cost.amount
    return {
        "products": len({offered.product.id for offered in frame.offerings.values()}),
        "offerings": len(chargeable),
        "commercial_offerings": sum(chargeable),
        "public_interest_offerings": len(chargeable) - sum(chargeable),
        **_contracts(unit, frame),
        **format_amounts(year.total.in_basis(PriceBasis.TAX_EXCLUSIVE.value)),
        "cost_commercial": format_money(costs["commercial"]),
        "cost_public_interest": format_money(costs["public_interest"]),
        "profit": format_money(net - costs["commercial"]),
        "links": {"costs": frame.link("/operating-costs", operator=frame.operator.code), "charges": frame.charges()},
    }


def _contracts(unit: Unit, frame: Frame) -> dict[str, int]:
    """How many contracts held in the year, with how many buyers, and how many of them are free-use grants."""
    query = select(
        func.count(), func.count(col(Contract.buyer_id).distinct()), func.count(col(Contract.grant_id))
    ).where(
        col(Contract.operator_id) == frame.operator.id,
        col(Contract.kind) != RERATING,
        col(Contract.accepted_at) <= frame.as_of,
        col(Contract.effective_from) < frame.until,
        (col(Contract.effective_until) > frame.period.start) | col(Contract.effective_until).is_(None),
    )
    contracts, buyers, grants = unit.connection.execute(query).one()
    return {"contracts": int(contracts) - int(grants), "buyers": int(buyers), "free_use_grants": int(grants)}


def _cost_rows(year: _Year) -> list[dict[str, Any]]:
    """Costs by the five heads, commercial and public-interest apart."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    items: dict[str, int] = defaultdict(int)
    for cost in year.costs:
        sums[cost.head, cost.use] += cost.amount
        items[cost.head] += cost.items
    return [
        {
            "head": head,
            "items": items[head],
            "commercial": format_money(sums[head, "commercial"]),
            "public_interest": format_money(sums[head, "public_interest"]),
            "total": format_money(sums[head, "commercial"] + sums[head, "public_interest"]),
            "links": {"costs": year.frame.link("/operating-costs", operator=year.frame.operator.code, head=head)},
        }
        for head in HEADS
    ]


def _product_rows(year: _Year) -> list[dict[str, Any]]:
    """Volume, revenue and profit by product: revenue less its own costs of commercial use and its share of the rest."""
    costs, by_code = year.costs_by_product(), {product.code: product for product in year.products.values()}
    shown = {offered.product.code for offered in year.frame.offerings.values()}
    rows = []
    for code, cost in costs.items():
        earned = _earned_by(year, code)
        if code in shown or (not year.frame.is_partial and (cost.own or cost.shared)):
            rows.append(_product_row(year, by_code.get(code or ""), earned, cost))
    return rows


def _product_row(year: _Year, product: Product | None, earned: Earned, cost: ProductCosts) -> dict[str, Any]:
    amounts = earned.in_basis(PriceBasis.TAX_EXCLUSIVE.value)
    offerings = [each for each, product_id in year.product_of.items() if product and product_id == product.id]
    return {
        "product": product.code if product else None,
        "product_name": product.name if product else None,
        "unit": product.unit if product else None,
        "quantity": format_quantity(-sum(year.use.get((DELIVERED, each), 0) for each in offerings)),
        "free_quantity": format_quantity(sum(year.use.get((FREE, each), 0) for each in offerings)),
        **format_amounts({name: fen for name, fen in amounts.items() if name != "actual"}),
        "revenue": format_money(amounts["actual"]),
        "cost_own": format_money(cost.own),
        "cost_shared": format_money(cost.shared),
        "profit": format_money(amounts["actual"] - cost.own - cost.shared),
        "links": {"costs": year.frame.link("/operating-costs", product=product.code)} if product else {},
    }


def _earned_by(year: _Year, code: str | None) -> Earned:
    total = Earned()
    for offering_id, earned in year.earned.items():
        if year.products[year.product_of[offering_id]].code == code:
            total = total.plus(earned)
    return total


def _public_interest_rows(year: _Year) -> list[dict[str, Any]]:
    """Costs of public-interest use by product, and those that name none."""
    by_code = {product.code: product for product in year.products.values()}
    shown = {offered.product.code for offered in year.frame.offerings.values()}
    return [
        {
            "product": code,
            "product_name": by_code[code].name if code else None,
            "cost": format_money(cost.public_interest),
        }
        for code, cost in year.costs_by_product().items()
        if cost.public_interest and (code in shown or not year.frame.is_partial)
    ]


def _offering_rows(year: _Year, register: Register) -> list[dict[str, Any]]:
    """Volume and revenue by offering, which is what is classified and priced."""
    frame = year.frame
    return [
        {
            "offering": offered.code,
            "offering_name": offered.name,
            "product": offered.product.code,
            "category": "commercial" if register.chargeable_on(offered, frame.last_day) else "public_interest",
            "unit": offered.product.unit,
            "quantity": format_quantity(-year.use.get((DELIVERED, offering_id), 0)),
            "free_quantity": format_quantity(year.use.get((FREE, offering_id), 0)),
            "revenue": format_money(year.earned.get(offering_id, Earned()).total.net),
            "links": {"charges": frame.charges(offered.code)},
        }
        for offering_id, offered in frame.offerings.items()
    ]
