from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.errors import Malformed, PriceBasisMismatch
from pricing.money import MICRO_PER_UNIT, PriceBasis
from pricing.tariff import Relief, Tariff, TierPeriod, band_step, tariff_from_document
from pricing.tariff_models import TIERS_MAX, Graduated, Package, PerUnit, Tier, Volume
from tests.pricing import case_files
from tests.pricing.rating_cases import ceiling_from_case
from tests.pricing.tariff_strategies import ONE_YUAN, fees, plain, prices, quantities, tariffs, tiers


@pytest.mark.parametrize("case", case_files.cases("tariff"))
def test_every_fault_of_a_tariff_is_named(case: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as refusal:
        tariff_from_document(case["document"])
    assert sorted(refusal.value.errors) == case["fields"]
    for field in case["fields"]:
        assert field in refusal.value.detail


@pytest.mark.parametrize("number", [0, 1, 0.5, True, ["1"], {}])
def test_what_is_not_text_is_no_price_bound_or_option(number: Any) -> None:
    with pytest.raises(Malformed) as refusal:
        tariff_from_document(
            {
                "model": "graduated",
                "price_basis": number,
                "relief": number,
                "ground": number,
                "minimum_commitment": number,
                "tiers": [{"up_to": number, "unit_price": number, "flat_fee": number}, {"unit_price": "1"}],
            }
        )
    assert sorted(refusal.value.errors) == [
        "ground",
        "minimum_commitment",
        "price_basis",
        "relief",
        "tiers.0.flat_fee",
        "tiers.0.unit_price",
        "tiers.0.up_to",
    ]


def test_too_many_tiers_are_refused() -> None:
    tier = {"up_to": "1", "unit_price": "1"}
    with pytest.raises(Malformed) as refusal:
        tariff_from_document({"model": "volume", "price_basis": "tax_exclusive", "tiers": [tier] * (TIERS_MAX + 1)})
    assert list(refusal.value.errors) == ["tiers"]


@pytest.mark.parametrize(
    ("make", "fields"),
    [
        (lambda: PerUnit(Decimal("-0.01")), ["unit_price"]),
        (lambda: Graduated(()), ["tiers"]),
        (lambda: Volume((Tier(5, Decimal(1)), Tier(5, Decimal(1)))), ["tiers.1.up_to"]),
        (lambda: Volume((Tier(None, Decimal(-1), -1),)), ["tiers.0.unit_price", "tiers.0.flat_fee"]),
        (lambda: Package(0, -1), ["package_size", "package_price"]),
        (
            lambda: Tariff(ONE_YUAN.model, PriceBasis.TAX_EXCLUSIVE, minimum_commitment=-1),
            ["minimum_commitment"],
        ),
        (
            lambda: Tariff(ONE_YUAN.model, PriceBasis.TAX_EXCLUSIVE, relief=Relief.DISCOUNT),
            ["discount_percent"],
        ),
    ],
)
def test_a_tariff_cannot_be_made_with_a_fault(make: Any, fields: list[str]) -> None:
    with pytest.raises(Malformed) as refusal:
        make()
    assert list(refusal.value.errors) == fields


def test_options_that_are_not_given_have_their_defaults() -> None:
    tariff = tariff_from_document({"model": "per_unit", "unit_price": "1.00", "price_basis": "tax_exclusive"})
    assert tariff == ONE_YUAN
    assert (tariff.tier_period, tariff.relief) == (TierPeriod.MONTH, Relief.NONE)


def test_a_document_states_every_field() -> None:
    tariff = Tariff(
        Graduated((Tier(10 * MICRO_PER_UNIT, Decimal("0.1"), 200), Tier(None, Decimal("0.05")))),
        PriceBasis.TAX_INCLUSIVE,
        relief=Relief.DISCOUNT,
        discount_percent=Decimal("12.50"),
        ground="试点",
        minimum_commitment=10_000,
    )
    assert tariff.document() == {
        "model": "graduated",
        "tiers": [
            {"up_to": "10", "unit_price": "0.10", "flat_fee": "2.00"},
            {"up_to": None, "unit_price": "0.05", "flat_fee": "0.00"},
        ],
        "price_basis": "tax_inclusive",
        "tier_period": "month",
        "relief": "discount",
        "discount_percent": "12.5",
        "ground": "试点",
        "minimum_commitment": "100.00",
    }


@given(tariffs())
def test_a_tariff_is_read_as_it_was_written(tariff: Tariff) -> None:
    assert tariff_from_document(tariff.document()) == tariff


@given(tariffs(), quantities, quantities)
def test_a_charge_is_the_sum_of_its_parts(tariff: Tariff, first: int, second: int) -> None:
    parts = [*tariff.charge_between(0, first), *tariff.charge_between(first, first + second)]
    assert sum(part.amount for part in parts) == tariff.charge(first + second)
    assert sum(part.quantity_micro for part in parts) == first + second


@given(st.builds(Graduated, tiers()), quantities, quantities)
def test_more_use_never_costs_less_under_a_graduated_tariff(model: Graduated, less: int, more: int) -> None:
    less, more = sorted((less, more))
    assert plain(model).charge(less) <= plain(model).charge(more)


@given(tariffs())
def test_no_use_costs_nothing(tariff: Tariff) -> None:
    assert tariff.charge(0) == 0
    assert tariff.charge_between(0, 0) == []


@given(tariffs(), quantities)
def test_a_charge_is_an_exact_fraction(tariff: Tariff, quantity_micro: int) -> None:
    assert type(tariff.charge(quantity_micro)) is Fraction


@given(prices, quantities)
def test_one_open_tier_charges_like_one_price(price: Decimal, quantity_micro: int) -> None:
    tier = (Tier(None, price),)
    charge = plain(PerUnit(price)).charge(quantity_micro)
    assert plain(Graduated(tier)).charge(quantity_micro) == charge
    assert plain(Volume(tier)).charge(quantity_micro) == charge


@given(st.integers(1, 10**12), fees, quantities)
def test_packages_hold_the_use_and_the_last_one_is_begun(size: int, price: int, quantity_micro: int) -> None:
    [band] = Package(size, price).bands(quantity_micro)
    assert (band.packages - 1) * size < quantity_micro <= band.packages * size or quantity_micro == 0
    assert band.amount == band.packages * price


@given(st.builds(Graduated, tiers(fees=st.just(0))) | st.builds(PerUnit, prices), prices, quantities)
def test_a_clipped_charge_is_within_quantity_times_ceiling(
    model: Graduated | PerUnit, limit: Decimal, quantity_micro: int
) -> None:
    ceiling = ceiling_from_case({"unit_price": f"{limit:f}", "per_quantity": "3"})
    clipped = plain(model).clipped(ceiling)
    assert clipped.charge(quantity_micro) <= ceiling.at(quantity_micro)
    assert clipped.charge(quantity_micro) <= plain(model).charge(quantity_micro)
    assert all(ceiling.allows(price) for _, price in clipped.priced_fields())


@given(tariffs())
def test_a_high_ceiling_clips_nothing(tariff: Tariff) -> None:
    ceiling = ceiling_from_case({"unit_price": "99999999999"})
    assert tariff.clipped(ceiling) == tariff


def test_a_tariff_is_not_clipped_by_a_ceiling_of_another_tax_basis() -> None:
    with pytest.raises(PriceBasisMismatch):
        ONE_YUAN.clipped(ceiling_from_case({"unit_price": "1", "price_basis": "tax_inclusive"}))


@pytest.mark.parametrize("model", [PerUnit(Decimal(1)), Package(10, 100), Volume((Tier(None, Decimal(1)),))])
def test_a_clipped_tariff_is_never_published(model: PerUnit | Package | Volume) -> None:
    clipped = plain(model).clipped(ceiling_from_case({"unit_price": "0.01", "per_quantity": "3"}))
    with pytest.raises(TypeError, match="clipped to a ceiling"):
        clipped.document()


def test_the_price_of_a_package_is_price_by_size_exactly() -> None:
    [(_, price)] = plain(Package(3 * MICRO_PER_UNIT, 100)).priced_fields()
    assert price == Fraction(1, 3)


def test_each_band_is_explained_with_its_reckoning_in_both_languages() -> None:
    tariff = plain(Graduated((Tier(10 * MICRO_PER_UNIT, Decimal("0.1"), 200), Tier(None, Decimal("0.05")))))
    first, second = map(band_step, tariff.charge_between(0, 12 * MICRO_PER_UNIT))
    assert first.as_wire() == {
        "rule": "tariff.graduated_band",
        "text_en": "Band above 0 up to 10: 10 × 0.10 + flat fee 2.00 = 3.00",
        "text_zh": "0以上至10的档：10 × 0.10 + 固定费2.00 = 3.00",
        "inputs": {"quantity": "10", "unit_price": "0.10", "above": "0", "flat_fee": "2.00", "up_to": "10"},
        "amount": "3.00",
        "source": "福建省公共数据运营服务费收费标准（试行）",
        "article": "分档累加",
    }
    assert second.text_en == "Band above 10: 2 × 0.05 = 0.10"


@pytest.mark.parametrize(
    ("model", "text_en"),
    [
        (PerUnit(Decimal("0.067")), "55 × 0.067 = 3.685"),
        (
            Volume((Tier(None, Decimal("0.5"), 5000),)),
            "All use at the band above 0: 55 × 0.50 + flat fee 50.00 = 77.50",
        ),
        (Package(10 * MICRO_PER_UNIT, 100), "55 units, packages begun: 6 × 1.00 = 6.00"),
    ],
)
def test_the_other_models_are_explained(model: PerUnit | Volume | Package, text_en: str) -> None:
    [step] = map(band_step, plain(model).charge_between(0, 55 * MICRO_PER_UNIT))
    assert step.text_en == text_en
