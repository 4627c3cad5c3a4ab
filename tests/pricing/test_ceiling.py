from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.ceiling import Ceiling, ChargingForm, require_within
from pricing.errors import Malformed, PriceAboveCeiling, PriceBasisMismatch
from pricing.money import MICRO_PER_UNIT, PriceBasis
from pricing.tariff import Tariff, tariff_from_document
from pricing.tariff_models import PerUnit
from tests.pricing import case_files
from tests.pricing.rating_cases import ceiling_from_case

prices = st.decimals(0, 10_000, places=8)
quantities = st.integers(1, 10**15)


def ceiling_of(unit_price: str, per_quantity: int = MICRO_PER_UNIT) -> Ceiling:
    return Ceiling(
        id="cl_1",
        decision_no="D-1",
        unit_price=Decimal(unit_price),
        per_quantity=per_quantity,
        price_basis=PriceBasis.TAX_EXCLUSIVE,
        charging_form=ChargingForm.CALL,
        effective_from=date(2026, 1, 1),
    )


@pytest.mark.parametrize("case", case_files.cases("ceiling"))
def test_a_price_above_the_ceiling_is_refused(case: dict[str, Any]) -> None:
    tariff, ceiling = tariff_from_document(case["tariff"]), ceiling_from_case(case["ceiling"])
    if "facts" not in case:
        require_within(tariff, ceiling)
        return
    with pytest.raises(PriceAboveCeiling) as refusal:
        require_within(tariff, ceiling)
    assert refusal.value.facts == case["facts"]
    assert list(refusal.value.errors) == case["fields"]
    for words in (*case.get("says", ()), case["facts"]["price"], case["facts"]["decision_no"]):
        assert words in refusal.value.detail


def test_the_refusal_names_the_unit_of_the_product() -> None:
    with pytest.raises(PriceAboveCeiling, match=r"0\.51 per 千次 .* ceiling of 0\.50 per 1 千次") as refusal:
        require_within(Tariff(PerUnit(Decimal("0.51")), PriceBasis.TAX_EXCLUSIVE), ceiling_of("0.50"), unit="千次")
    assert refusal.value.facts["unit"] == "千次"


def test_prices_of_another_tax_basis_are_not_compared() -> None:
    with pytest.raises(PriceBasisMismatch, match=r"tax_inclusive .* tax_exclusive") as refusal:
        require_within(Tariff(PerUnit(Decimal("0.10")), PriceBasis.TAX_INCLUSIVE), ceiling_of("0.50"))
    assert refusal.value.code == "price_basis_mismatch"
    assert list(refusal.value.errors) == ["price_basis"]


@given(prices, quantities, prices)
def test_a_price_is_allowed_exactly_when_no_quantity_costs_more_than_the_ceiling(
    limit: Decimal, per_quantity: int, price: Decimal
) -> None:
    ceiling = ceiling_of(str(limit), per_quantity)
    cost = Fraction(price) * 100 * per_quantity / MICRO_PER_UNIT
    assert ceiling.allows(price) == (cost <= ceiling.at(per_quantity))
    assert ceiling.allows(ceiling.per_unit)


def test_a_ceiling_that_cannot_be_is_refused_with_both_faults() -> None:
    with pytest.raises(Malformed) as refusal:
        ceiling_of("-0.01", 0)
    assert list(refusal.value.errors) == ["unit_price", "per_quantity"]


def test_a_ceiling_is_named_by_price_quantity_and_decision() -> None:
    ceiling = ceiling_of("0.8", 1000 * MICRO_PER_UNIT)
    assert ceiling.as_wire() == {"unit_price": "0.80", "per_quantity": "1000", "decision_no": "D-1"}
    assert str(ceiling) == "0.80 per 1000"
