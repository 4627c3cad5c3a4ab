from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.ceiling import Ceiling, FixedCeiling
from pricing.errors import AmountTooLarge, PriceBasisMismatch
from pricing.money import MICRO_PER_UNIT, PriceBasis, format_money, format_unit_price, parse_money, round_half_up
from pricing.period import Span
from pricing.rating import LineKind, Rating, Segment, correction, free_line, rate_period
from pricing.tariff import Relief, Tariff
from pricing.tariff_models import Graduated, PerUnit, Tier
from tests.pricing import case_files
from tests.pricing.rating_cases import ceiling_from_case, fixed_ceiling_from_case, segments_from_case
from tests.pricing.tariff_strategies import ONE_YUAN, plain, prices, quantities, tariffs, tiers

MARCH = date(2026, 3, 1)


def _unit_price_text(price: Decimal | Fraction | None) -> str | None:
    return None if price is None else format_unit_price(price)


def _band_amounts(rating: Rating) -> list[str | None]:
    bands = ("tariff.unit_price", "tariff.graduated_band", "tariff.volume_band", "tariff.package")
    return [step.amount for step in rating.explain() if step.rule in bands]


@pytest.mark.parametrize("case", case_files.cases("rating"))
def test_a_period_is_rated_as_the_case_says(case: dict[str, Any]) -> None:
    rating = rate_period(segments_from_case(case))
    shown = {
        "lines": [f"{line.kind} {format_money(line.amount)}" for line in rating.lines],
        "total": format_money(rating.total),
        "nominal_unit_price": _unit_price_text(rating.nominal_unit_price),
        "effective_unit_price": _unit_price_text(rating.effective_unit_price),
        "billed_unit_price": _unit_price_text(rating.billed_unit_price),
        "decisions": [line.ceiling.decision_no for line in rating.lines if line.ceiling],
        "bands": _band_amounts(rating),
        "correction": format_money(correction(rating, parse_money(case.get("charged_before", "0")))),
    }
    expected = {name: case[name] for name in shown if name in case}
    assert expected
    assert {name: shown[name] for name in expected} == expected


def segments_of(*uses: tuple[Tariff, Ceiling | None, int], fixed: FixedCeiling | None = None) -> list[Segment]:
    """Segments of seven days each, one after another, of a contract that runs since January."""
    return [
        Segment(
            start=MARCH + timedelta(days=7 * index),
            end=MARCH + timedelta(days=7 * index + 7),
            tariff_id=f"tf_{index}",
            tariff=tariff,
            ceiling=ceiling,
            quantity_micro=quantity_micro,
            fixed_ceiling=fixed,
            term=Span(date(2026, 1, 1)),
        )
        for index, (tariff, ceiling, quantity_micro) in enumerate(uses)
    ]


fixed_ceilings = st.builds(
    lambda price, period: fixed_ceiling_from_case({"price": f"{price:f}", "period": period}),
    prices,
    st.sampled_from(["month", "year"]),
)
ceilings = st.builds(
    lambda price, per: ceiling_from_case({"unit_price": f"{price:f}", "per_quantity": per}),
    prices,
    st.sampled_from(["1", "3", "1000"]),
)


@given(st.builds(Graduated, tiers()), st.lists(quantities, min_size=1, max_size=5))
def test_segments_of_equal_versions_cost_the_whole_to_within_their_roundings(
    model: Graduated, parts: list[int]
) -> None:
    tariff = plain(model)
    rating = rate_period(segments_of(*((tariff, None, part) for part in parts)))
    assert abs(rating.total - tariff.charge(sum(parts))) <= Fraction(len(parts), 2)


@given(st.lists(st.tuples(tariffs(), st.none() | ceilings, quantities), min_size=1, max_size=4))
def test_lines_sum_to_the_total_and_nothing_is_a_float(uses: list[tuple[Tariff, Ceiling | None, int]]) -> None:
    rating = rate_period(segments_of(*uses))
    assert sum(line.amount for line in rating.lines) == rating.total
    assert rating.quantity_micro == sum(quantity for _, _, quantity in uses)
    assert [line.kind for line in rating.lines[: len(uses)]] == [LineKind.USAGE] * len(uses)
    assert rating.fixed_fee == sum(line.amount for line in rating.lines if line.kind is LineKind.FIXED_FEE)
    assert all(type(line.amount) is int for line in rating.lines)
    for step in rating.explain():
        assert step.text_en
        assert step.text_zh
        assert all(isinstance(text, str) for text in (*step.inputs.values(), step.amount or ""))


def _fee_allowed(fixed: FixedCeiling, tariff: Tariff) -> Fraction:
    """Seven of the 31 days of March of a ceiling's fixed part, where the price has one."""
    return fixed.per_month * 7 / 31 if tariff.fixed else Fraction(0)


@given(st.lists(st.tuples(tariffs(), ceilings, quantities), min_size=1, max_size=4), st.none() | fixed_ceilings)
def test_no_total_is_more_than_the_ceilings_allow_but_for_the_rounding_of_its_lines(
    uses: list[tuple[Tariff, Ceiling, int]], fixed: FixedCeiling | None
) -> None:
    rating = rate_period(segments_of(*uses, fixed=fixed))
    allowed = sum(ceiling.at(quantity) for _, ceiling, quantity in uses)
    if fixed is not None:
        fees = (_fee_allowed(fixed, tariff) for tariff, _, _ in uses)
        allowed += sum(fees, Fraction(0))
    assert rating.total <= allowed + Fraction(len(uses), 2) + (len(uses) if any(use[0].fixed for use in uses) else 0)
    if any(line.kind is LineKind.CEILING_RELIEF for line in rating.lines):
        assert rating.total <= round_half_up(allowed)


@given(tariffs(), ceilings, quantities)
def test_use_in_one_segment_costs_at_most_quantity_times_ceiling_rounded(
    tariff: Tariff, ceiling: Ceiling, quantity_micro: int
) -> None:
    rating = rate_period(segments_of((tariff, ceiling, quantity_micro)))
    # Use and a fixed fee are lines of their own, each rounded once.
    rounding = 1 if tariff.fixed and rating.total == rating.charge else 0
    assert 0 <= rating.total <= round_half_up(ceiling.at(quantity_micro)) + rounding


@given(tariffs(), tariffs(), tariffs(), ceilings, st.tuples(quantities, quantities))
def test_a_segment_costs_the_same_whatever_price_held_before_it(
    one: Tariff, other: Tariff, last: Tariff, ceiling: Ceiling, used: tuple[int, int]
) -> None:
    after_one = rate_period(segments_of((one, None, used[0]), (last, ceiling, used[1])))
    after_other = rate_period(segments_of((other, ceiling, used[0]), (last, ceiling, used[1])))
    assert after_one.lines[1] == after_other.lines[1]


@given(tariffs(), st.none() | ceilings, quantities)
def test_what_is_not_collected_is_due_at_nothing(tariff: Tariff, ceiling: Ceiling | None, quantity_micro: int) -> None:
    uncollected = Tariff(
        tariff.model,
        tariff.price_basis,
        relief=Relief.CALCULATED_NOT_COLLECTED,
        minimum_commitment=tariff.minimum_commitment,
    )
    assert rate_period(segments_of((uncollected, ceiling, quantity_micro))).total == 0


@given(tariffs(), quantities)
def test_late_use_is_corrected_to_what_all_use_costs(tariff: Tariff, quantity_micro: int) -> None:
    billed = rate_period(segments_of((tariff, None, quantity_micro)))
    again = rate_period(segments_of((tariff, None, quantity_micro + MICRO_PER_UNIT)))
    assert billed.total + correction(again, billed.total) == again.total
    assert correction(billed, billed.total) == 0


def test_every_cap_minimum_and_relief_says_why() -> None:
    tariff = Tariff(
        Graduated((Tier(10 * MICRO_PER_UNIT, Decimal("1.00")), Tier(None, Decimal("0.50")))),
        PriceBasis.TAX_EXCLUSIVE,
        minimum_commitment=5000,
    )
    first = ceiling_from_case({"unit_price": "1.00", "decision_no": "价费1号"})
    second = ceiling_from_case({"unit_price": "0.80", "decision_no": "价费2号"})
    rating = rate_period(segments_of((tariff, first, 6 * MICRO_PER_UNIT), (tariff, second, 6 * MICRO_PER_UNIT)))
    assert [(step.rule, step.amount) for step in rating.explain()] == [
        ("tariff.graduated_band", "6.00"),
        ("ceiling.within", "6.00"),
        ("rounding.half_up", "6.00"),
        ("tariff.accumulation", None),
        ("tariff.graduated_band", "4.00"),
        ("ceiling.cap", "3.20"),
        ("tariff.graduated_band", "1.00"),
        ("ceiling.within", "1.00"),
        ("rounding.half_up", "4.20"),
        ("tariff.minimum_commitment", "39.80"),
        ("ceiling.allowance", "6.00"),
        ("ceiling.allowance", "4.80"),
        ("ceiling.relief", "-39.20"),
    ]
    cap = rating.lines[1].steps[2]
    assert cap.text_en == "1.00 is above the ceiling of 0.80 per 1 (decision 价费2号): 3.20 is billed"
    assert cap.text_zh == "1.00高于上限每1单位0.80（价费2号），按上限计费：3.20"
    assert cap.inputs == {
        "nominal_unit_price": "1.00",
        "ceiling_unit_price": "0.80",
        "ceiling_per_quantity": "1",
        "decision_no": "价费2号",
    }
    assert (cap.source, cap.article) == ("发改价格〔2025〕65号", "三")


def test_a_discount_and_a_trial_segment_say_why() -> None:
    tariff = Tariff(
        PerUnit(Decimal("1.00")),
        PriceBasis.TAX_EXCLUSIVE,
        relief=Relief.DISCOUNT,
        discount_percent=Decimal(10),
        ground="试点场景",
        minimum_commitment=10_000,
    )
    ceiling = ceiling_from_case({"unit_price": "1.00"})
    rating = rate_period(segments_of((tariff, None, MICRO_PER_UNIT), (tariff, ceiling, MICRO_PER_UNIT)))
    texts = [step.text_en for step in rating.explain()]
    assert "Discount of 10 % (试点场景): 1.00 becomes 0.90" in texts
    assert "No ceiling is in force for 1 used: it counts with its own charge of 0.90" in texts
    assert rating.total == 190


def test_period_lines_stand_for_the_whole_period_under_its_last_version() -> None:
    last = ceiling_from_case({"unit_price": "0.10"})
    with_minimum = Tariff(ONE_YUAN.model, PriceBasis.TAX_EXCLUSIVE, minimum_commitment=100)
    rating = rate_period(segments_of((ONE_YUAN, None, 0), (with_minimum, last, 0)))
    for line in rating.lines[2:]:
        assert (line.start, line.end) == (MARCH, date(2026, 3, 15))
        assert (line.tariff_id, line.ceiling, line.quantity_micro) == ("tf_1", last, 0)


def test_versions_of_different_tax_bases_make_no_period() -> None:
    inclusive = Tariff(ONE_YUAN.model, PriceBasis.TAX_INCLUSIVE)
    with pytest.raises(PriceBasisMismatch, match="tf_0 tax_exclusive, tf_1 tax_inclusive"):
        rate_period(segments_of((ONE_YUAN, None, 1), (inclusive, None, 1)))


def test_a_ceiling_of_another_tax_basis_is_no_ceiling_of_this_tariff() -> None:
    ceiling = ceiling_from_case({"unit_price": "1", "price_basis": "tax_inclusive"})
    with pytest.raises(PriceBasisMismatch):
        rate_period(segments_of((ONE_YUAN, ceiling, 1)))


def test_a_charge_that_the_books_cannot_hold_is_refused() -> None:
    dear = plain(PerUnit(Decimal("99999999999.99999999")))
    with pytest.raises(AmountTooLarge):
        rate_period(segments_of((dear, None, 10 * MICRO_PER_UNIT)))


def test_segments_must_be_given_in_order_of_time() -> None:
    first, second = segments_of((ONE_YUAN, None, 1), (ONE_YUAN, None, 1))
    with pytest.raises(ValueError, match="begins before"):
        rate_period([second, first])
    with pytest.raises(ValueError, match="at least one segment"):
        rate_period([])


@pytest.mark.parametrize(("days", "quantity_micro"), [(0, 1), (-1, 1), (1, -1)])
def test_a_segment_has_days_and_no_negative_use(days: int, quantity_micro: int) -> None:
    with pytest.raises(ValueError, match=r"holds no day|never negative"):
        Segment(MARCH, MARCH + timedelta(days=days), "tf_1", ONE_YUAN, None, quantity_micro)


def test_500_free_calls_cost_nothing_and_forgo_400_at_the_reference_price() -> None:
    reference = plain(PerUnit(Decimal("0.80")))
    line = free_line(MARCH, date(2026, 4, 1), 500 * MICRO_PER_UNIT, reference)
    assert (line.kind, line.amount, line.value_forgone) == (LineKind.FREE, 0, 40_000)
    assert [(step.rule, step.amount) for step in line.steps] == [
        ("free_use", "0.00"),
        ("free_use.value_forgone", None),
    ]
    assert line.steps[0].article == "一"


def test_free_use_without_a_reference_forgoes_an_unknown_value() -> None:
    line = free_line(MARCH, date(2026, 4, 1), 500 * MICRO_PER_UNIT)
    assert (line.amount, line.value_forgone) == (0, None)
    assert [step.rule for step in line.steps] == ["free_use"]


def test_value_forgone_is_capped_and_goes_on_where_the_tiers_stand() -> None:
    tariff = plain(Graduated((Tier(10 * MICRO_PER_UNIT, Decimal("1.00")), Tier(None, Decimal("0.50")))))
    ceiling = ceiling_from_case({"unit_price": "0.80"})
    line = free_line(MARCH, date(2026, 4, 1), 6 * MICRO_PER_UNIT, tariff, ceiling, used_before_micro=6 * MICRO_PER_UNIT)
    assert line.value_forgone == 420


def test_no_module_of_the_arithmetic_names_a_float() -> None:
    pricing = Path(__file__).parent.parent.parent / "pricing"
    for name in ("money", "words", "tariff", "tariff_models", "ceiling", "fees", "inversions", "rating"):
        source = (pricing / f"{name}.py").read_text(encoding="utf-8")
        assert "float" not in source.replace("no float", ""), name
