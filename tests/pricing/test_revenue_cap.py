from __future__ import annotations

from dataclasses import fields
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.errors import Problem
from pricing.money import PriceBasis, format_money, format_rate, parse_money, parse_quantity, parse_unit_price
from pricing.parameters import load_law
from pricing.revenue_cap import (
    CapFigures,
    CapYear,
    Cost,
    PlannedSale,
    SpreadShare,
    YearFigures,
    ceilings_sum,
    check_cycle,
    check_spread,
    deviation,
    next_cycle_deduction,
    permitted_revenue,
)
from tests.pricing import case_files

DECIDED_ON = date(2025, 6, 1)
LAW = load_law()

fen = st.integers(0, 10**12)


def year_of(given_year: dict[str, Any]) -> YearFigures:
    return YearFigures(
        year=given_year["year"],
        costs=tuple(Cost(head, use, parse_money(amount)) for head, use, amount in given_year["costs"]),
        subsidies=parse_money(given_year.get("subsidies", "0.00")),
        vat=parse_money(given_year.get("vat", "0.00")),
        other_tax=parse_money(given_year.get("other", "0.00")),
    )


def figures_of(case: dict[str, Any]) -> CapFigures:
    return CapFigures(
        revenue_basis=PriceBasis(case["basis"]),
        bond_yield_percent=Decimal(case["bond_yield_percent"]),
        markup_points=Decimal(case["markup_points"]),
        years=tuple(year_of(each) for each in case["years"]),
        carry_in=parse_money(case.get("carry_in", "0.00")),
    )


def in_yuan(year: CapYear) -> dict[str, object]:
    """A year's figures as the cases write them."""
    shown: dict[str, object] = {each.name: getattr(year, each.name) for each in fields(year)}
    money = {name: format_money(value) for name, value in shown.items() if isinstance(value, int) and name != "year"}
    return shown | money | {"permitted_profit_rate_percent": format_rate(year.permitted_profit_rate_percent)}


@pytest.mark.parametrize("case", case_files.cases("permitted_revenue"))
def test_the_maximum_is_commercial_cost_and_profit_and_tax(case: dict[str, Any]) -> None:
    decided_on = case.get("decided_on", DECIDED_ON)
    if "refused" in case:
        with pytest.raises(Problem) as caught:
            permitted_revenue(figures_of(case), decided_on, LAW)
        assert caught.value.code == case["refused"]
        assert sorted(caught.value.errors) == case.get("fields", [])
        assert all(part in caught.value.detail for part in case.get("naming", []))
    else:
        cap = permitted_revenue(figures_of(case), decided_on, LAW)
        shown = [
            {name: in_yuan(year)[name] for name in want} for year, want in zip(cap.years, case["expect"], strict=True)
        ]
        assert shown == case["expect"]
        assert format_money(cap.carry_out) == case.get("carry_out", "0.00")


@pytest.mark.parametrize("case", case_files.cases("cycle"))
def test_a_cycle_is_at_most_three_years_in_principle(case: dict[str, Any]) -> None:
    def check() -> None:
        check_cycle(case["from"], case["until"], case["years"], case.get("reason"), LAW, DECIDED_ON)

    if "refused" in case:
        with pytest.raises(Problem) as caught:
            check()
        assert caught.value.code == case["refused"]
    else:
        check()


@pytest.mark.parametrize("case", case_files.cases("deviation"))
def test_more_than_ten_per_cent_adjusts_ceilings(case: dict[str, Any]) -> None:
    maximum = parse_money(case["maximum"])
    after_deduction = parse_money(case.get("after_deduction", case["maximum"]))
    found = deviation(parse_money(case["actual"]), maximum, after_deduction, DECIDED_ON, LAW)
    assert (found.percent or "none", found.duty) == (case["percent"], case["duty"])
    assert found.above_line == (case["duty"] == "adjust_ceilings")
    assert found.difference == parse_money(case["actual"]) - after_deduction


@pytest.mark.parametrize("case", case_files.cases("next_cycle"))
def test_revenue_above_the_maximum_is_deducted_from_the_next_cycle(case: dict[str, Any]) -> None:
    deduction = next_cycle_deduction(parse_money(case["actual"]), parse_money(case["maximum"]))
    assert format_money(deduction) == case["deduction"]


def plain_year(year: int, maximum: int) -> YearFigures:
    return YearFigures(year, (Cost("platform", "commercial", maximum),), subsidies=0, vat=0, other_tax=0)


@pytest.mark.parametrize("case", case_files.cases("deduction_spread"))
def test_a_large_excess_is_spread_over_the_years_of_the_next_cycle(case: dict[str, Any]) -> None:
    carry_in = parse_money(case["carry_in"])
    spread = tuple(SpreadShare(year, parse_money(amount)) for year, amount in case.get("spread", {}).items())
    if "refused" in case:
        with pytest.raises(Problem) as caught:
            check_spread(spread, carry_in, date(2027, 1, 1), date(2030, 1, 1))
        assert (caught.value.code, sorted(caught.value.errors)) == (case["refused"], case["fields"])
        return
    years = tuple(plain_year(2027 + number, parse_money(maximum)) for number, maximum in enumerate(case["maxima"]))
    figures = CapFigures(PriceBasis.TAX_EXCLUSIVE, Decimal(0), Decimal(0), years, carry_in, spread)
    cap = permitted_revenue(figures, DECIDED_ON, LAW)
    assert [format_money(year.deduction) for year in cap.years] == case["deductions"]
    assert format_money(cap.carry_out) == case["carry_out"]


@given(maxima=st.lists(fen, min_size=1, max_size=4), parts=st.lists(fen, min_size=1, max_size=4), cut=st.integers(0, 4))
def test_a_spread_comes_to_the_same_whether_its_years_are_determined_at_once_or_later(
    maxima: list[int], parts: list[int], cut: int
) -> None:
    years = [plain_year(2027 + number, maximum) for number, maximum in enumerate(maxima)]
    spread = tuple(SpreadShare(2027 + number, part) for number, part in enumerate(parts))

    def reckoned(some: list[YearFigures], deducted: int) -> list[CapYear]:
        figures = CapFigures(
            PriceBasis.TAX_EXCLUSIVE, Decimal(0), Decimal(0), tuple(some), sum(parts), spread, deducted
        )
        return list(permitted_revenue(figures, DECIDED_ON, LAW).years) if some else []

    first = reckoned(years[:cut], 0)
    later = reckoned(years[cut:], sum(year.deduction for year in first))
    assert first + later == reckoned(years, 0)


@pytest.mark.parametrize("case", case_files.cases("ceilings_sum"))
def test_ceilings_that_would_bring_more_than_the_maximum_need_a_reason(case: dict[str, Any]) -> None:
    sales = [
        PlannedSale("o", parse_unit_price(price), parse_quantity(per_quantity), parse_quantity(planned))
        for price, per_quantity, planned in case["sales"]
    ]
    found = ceilings_sum(sales, parse_money(case["maximum"]))
    assert (format_money(found.possible), found.above_maximum) == (case["possible"], case["above"])


def test_a_ceiling_per_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not more than 0"):
        ceilings_sum([PlannedSale("o", Decimal(1), 0, 1)], 0)


@given(costs=st.lists(fen, min_size=1, max_size=5), carry_in=fen)
def test_a_deduction_is_neither_lost_nor_made_and_no_year_falls_below_zero(costs: list[int], carry_in: int) -> None:
    years = tuple(
        YearFigures(2025 + index, (Cost("platform", "commercial", cost),), subsidies=0, vat=0, other_tax=0)
        for index, cost in enumerate(costs)
    )
    figures = CapFigures(PriceBasis.TAX_EXCLUSIVE, Decimal("1.9"), Decimal(6), years, carry_in)
    cap = permitted_revenue(figures, DECIDED_ON, LAW)
    assert sum(year.deduction for year in cap.years) + cap.carry_out == carry_in
    assert all(year.maximum_after_deduction >= 0 for year in cap.years)
    assert cap.carry_out == 0 or all(year.maximum_after_deduction == 0 for year in cap.years)


@given(actual=fen, maximum=st.integers(1, 10**12))
def test_the_line_is_crossed_exactly_where_ten_times_the_difference_exceeds_the_maximum(
    actual: int, maximum: int
) -> None:
    found = deviation(actual, maximum, maximum, DECIDED_ON, LAW)
    assert found.above_line == (10 * abs(actual - maximum) > maximum)
    assert found.exact == Fraction(actual - maximum, maximum)
