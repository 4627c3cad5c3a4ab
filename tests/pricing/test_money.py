from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pricing.errors import AmountTooLarge, MalformedAmount
from pricing.money import (
    MONEY_LIMIT,
    QUANTITY_LIMIT,
    PriceBasis,
    Tax,
    format_exact,
    format_money,
    format_quantity,
    format_rate,
    format_unit_price,
    parse_money,
    parse_quantity,
    parse_rate,
    parse_unit_price,
    percent_of,
    round_half_up,
    spread,
    tax_in_gross,
    tax_of_document,
    tax_on_net,
    within_money_limit,
)
from tests.pricing import case_files

TAX = case_files.read("tax/tax-is-computed-once-per-document.yaml")

money = st.integers(-MONEY_LIMIT + 1, MONEY_LIMIT - 1)
rates = st.decimals(0, "0.99", places=4)
NOT_DECIMAL_TEXT = [
    "",
    " ",
    "1 ",
    " 1",
    "1\n",
    "1e3",
    "1E-2",
    "NaN",
    "Infinity",
    "-",
    ".5",
    "1.",
    "1,000.00",
    "1_000",
    "0x10",
    "１０",
    "--1",
    "十",
    1,
    1.5,
    True,
    None,
    Decimal(1),
    ["1"],
]


@pytest.mark.parametrize("parse", [parse_money, parse_quantity, parse_unit_price, parse_rate])
@pytest.mark.parametrize("text", NOT_DECIMAL_TEXT, ids=repr)
def test_only_text_in_plain_decimal_notation_is_read(parse: Any, text: Any) -> None:
    with pytest.raises(MalformedAmount, match="decimal string"):
        parse(text)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_money, "1.005"),
        (parse_money, "100000000000.00"),
        (parse_money, "-100000000000"),
        (parse_money, "9" * 60),
        (parse_quantity, "0.0000001"),
        (parse_quantity, "1000000000"),
        (parse_quantity, "-1"),
        (parse_quantity, "+1"),
        (parse_unit_price, "0.000000001"),
        (parse_unit_price, "-0.01"),
        (parse_unit_price, "100000000000"),
        (parse_rate, "-1"),
        (parse_rate, "1000000"),
    ],
)
def test_places_signs_and_limits_are_held(parse: Any, text: str) -> None:
    with pytest.raises(MalformedAmount):
        parse(text)


def test_the_message_names_the_value_and_the_way_out() -> None:
    with pytest.raises(MalformedAmount) as refusal:
        parse_money("1.005")
    assert "'1.005'" in refusal.value.detail
    assert "3 decimal places and at most 2" in refusal.value.detail
    assert '"10.00"' in refusal.value.detail
    assert refusal.value.code == "malformed_amount"


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(MalformedAmount) as refusal:
        parse_money("9" * 10_000)
    assert len(refusal.value.detail) < 300


def test_amounts_just_below_the_limits_are_read() -> None:
    assert parse_money("99999999999.99") == MONEY_LIMIT - 1
    assert parse_money("-99999999999.99") == -(MONEY_LIMIT - 1)
    assert parse_quantity("999999999.999999") == QUANTITY_LIMIT - 1
    assert parse_unit_price("99999999999.99999999") == Decimal("99999999999.99999999")


@given(money)
def test_money_is_read_as_it_was_written(fen: int) -> None:
    assert parse_money(format_money(fen)) == fen


@given(st.integers(0, QUANTITY_LIMIT - 1))
def test_a_quantity_is_read_as_it_was_written(micro: int) -> None:
    assert parse_quantity(format_quantity(micro)) == micro


@given(st.decimals(0, 10**11 - 1, places=8))
def test_a_unit_price_is_read_as_it_was_written(price: Decimal) -> None:
    assert parse_unit_price(format_unit_price(price)) == price


@given(st.decimals(0, 10**6 - 1, places=8))
def test_a_rate_is_read_as_it_was_written(rate: Decimal) -> None:
    assert parse_rate(format_rate(rate)) == rate


@given(st.integers(0, QUANTITY_LIMIT - 1))
def test_a_quantity_has_one_canonical_form(micro: int) -> None:
    text = format_quantity(micro)
    assert "." not in text or not text.endswith(("0", "."))


@pytest.mark.parametrize(
    ("price", "text"),
    [("1", "1.00"), ("0.1", "0.10"), ("0.00000001", "0.00000001"), ("1E+2", "100.00"), ("0E-8", "0.00")],
)
def test_a_unit_price_is_written_with_at_least_two_places(price: str, text: str) -> None:
    assert format_unit_price(Decimal(price)) == text


def test_an_amount_before_rounding_is_written_with_all_its_places() -> None:
    assert format_exact(Fraction(parse_quantity("0.000001")) * Fraction("0.00000001") / 10**4) == ("0.00000000000001")


@given(st.fractions())
def test_rounding_is_to_the_nearest_and_a_half_goes_away_from_zero(value: Fraction) -> None:
    rounded = round_half_up(value)
    assert abs(rounded - value) <= Fraction(1, 2)
    assert round_half_up(-value) == -rounded
    if abs(rounded - value) == Fraction(1, 2):
        assert abs(rounded) > abs(value)


def test_a_percentage_is_exact() -> None:
    assert percent_of(1, Decimal("33.33333333")) == Fraction("0.3333333333")


def test_an_amount_that_the_books_cannot_hold_is_refused() -> None:
    assert within_money_limit(-(MONEY_LIMIT - 1), "line") == -(MONEY_LIMIT - 1)
    with pytest.raises(AmountTooLarge, match=r"line comes to 100000000000\.00"):
        within_money_limit(MONEY_LIMIT, "line")


@pytest.mark.parametrize("row", TAX["inclusive"], ids=lambda row: f"{row['gross']} at {row['rate']}")
def test_tax_in_a_gross_amount(row: dict[str, str]) -> None:
    expected = Tax(parse_money(row["net"]), parse_money(row["tax"]), parse_money(row["gross"]))
    assert tax_in_gross(parse_money(row["gross"]), Decimal(row["rate"])) == expected


@pytest.mark.parametrize("row", TAX["exclusive"], ids=lambda row: f"{row['net']} at {row['rate']}")
def test_tax_on_a_net_amount(row: dict[str, str]) -> None:
    expected = Tax(parse_money(row["net"]), parse_money(row["tax"]), parse_money(row["gross"]))
    assert tax_on_net(parse_money(row["net"]), Decimal(row["rate"])) == expected


@pytest.mark.parametrize("case", TAX["documents"], ids=lambda case: str(case["name"]))
def test_tax_of_a_document_and_its_lines(case: dict[str, Any]) -> None:
    document, lines = tax_of_document(
        [parse_money(amount) for amount in case["amounts"]], PriceBasis(case["basis"]), Decimal(case["rate"])
    )
    assert format_money(document.tax) == case["tax"]
    assert [format_money(line.tax) for line in lines] == case["line_taxes"]


@pytest.mark.parametrize("rate", ["6", "1", "-0.06"])
@pytest.mark.parametrize("tax_of", [tax_on_net, tax_in_gross])
def test_a_percentage_given_as_a_tax_rate_is_refused(tax_of: Any, rate: str) -> None:
    with pytest.raises(ValueError, match=r"fraction such as 0\.06"):
        tax_of(100, Decimal(rate))


@given(money, rates)
def test_net_and_tax_make_the_gross_on_either_basis(amount: int, rate: Decimal) -> None:
    for tax in (tax_on_net(amount, rate), tax_in_gross(amount, rate)):
        assert tax.net + tax.tax == tax.gross
    assert tax_on_net(-amount, rate).tax == -tax_on_net(amount, rate).tax
    assert tax_in_gross(-amount, rate).net == -tax_in_gross(amount, rate).net


@given(st.lists(money, max_size=30), st.sampled_from(PriceBasis), rates)
def test_lines_of_a_document_sum_to_its_tax(amounts: list[int], basis: PriceBasis, rate: Decimal) -> None:
    document, lines = tax_of_document(amounts, basis, rate)
    assert sum(line.net for line in lines) == document.net
    assert sum(line.tax for line in lines) == document.tax
    assert all(line.net + line.tax == line.gross for line in lines)
    assert all(abs(line.tax - tax_on_net(line.net, rate).tax) <= 2 for line in lines)


@given(st.lists(money, max_size=30), st.sampled_from(PriceBasis), rates)
def test_a_credit_of_all_lines_mirrors_the_document(amounts: list[int], basis: PriceBasis, rate: Decimal) -> None:
    _, lines = tax_of_document(amounts, basis, rate)
    _, mirrored = tax_of_document([-amount for amount in amounts], basis, rate)
    assert [(-line.net, -line.tax) for line in mirrored] == [(line.net, line.tax) for line in lines]


weights = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30)


@given(money, weights)
@example(1, [0])
@example(7, [1, -1, 0])
def test_parts_sum_to_the_total(total: int, parts_weights: list[int]) -> None:
    assert sum(spread(total, parts_weights)) == total


@given(money, st.lists(st.integers(0, 10**9), min_size=1, max_size=30).filter(any))
def test_each_part_is_within_one_fen_of_its_share(total: int, parts_weights: list[int]) -> None:
    for part, weight in zip(spread(total, parts_weights), parts_weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(parts_weights))) < 1


@given(money, weights.filter(sum))
def test_a_negative_total_mirrors_the_positive(total: int, parts_weights: list[int]) -> None:
    mirrored = [-part for part in spread(-total, parts_weights)]
    assert mirrored == spread(total, parts_weights)
    assert spread(total, [-weight for weight in parts_weights]) == spread(total, parts_weights)


@given(money, weights.filter(sum))
def test_a_weight_of_zero_takes_nothing(total: int, parts_weights: list[int]) -> None:
    assert spread(total, [*parts_weights, 0])[-1] == 0


def test_ties_go_by_position() -> None:
    assert spread(1, [1, 1, 1]) == [1, 0, 0]
    assert spread(5, [1, 1, 1]) == [2, 2, 1]
    assert spread(10_000, [1, 2, 3]) == [1667, 3333, 5000]


def test_weights_that_cancel_out_count_by_their_size() -> None:
    assert spread(6, [1, -1]) == [3, 3]


def test_nothing_is_spread_over_nobody() -> None:
    assert spread(0, []) == []
    with pytest.raises(ValueError, match="nothing to spread"):
        spread(1, [])
