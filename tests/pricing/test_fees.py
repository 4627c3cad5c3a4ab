from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pricing.fees import FeePeriod, Proration, contract_year, fee_of, year_beginning_in
from pricing.money import PriceBasis, round_half_up
from pricing.period import Month, Span
from pricing.rating import LineKind, Segment, rate_period
from pricing.tariff import Tariff
from pricing.tariff_models import FlatPeriod
from tests.pricing.tariff_strategies import fee_periods, prorations

starts = st.dates(date(2024, 1, 1), date(2032, 12, 31))
prices = st.integers(0, 10**9)


def months_of(year: Span) -> list[Span]:
    """The days of a contract year, month by month."""
    month, spans = Month.from_date(year.start), []
    while year.end is not None and month.first_day < year.end:
        held = month.span.intersect(year)
        spans += [held] if held else []
        month = month.next
    return spans


@given(starts, st.integers(0, 5), prices)
def test_the_months_of_a_contract_year_come_to_its_price_to_the_fen(start: date, number: int, price: int) -> None:
    year = contract_year(start, number)
    fees = [fee_of(price, FeePeriod.YEAR, Proration.BY_DAY, days, Span(start)) for days in months_of(year)]
    assert sum(fee.share for fee in fees) == price
    assert sum(fee.exact for fee in fees) == price
    assert all(fee.share.denominator == 1 and abs(fee.share - fee.exact) < 1 for fee in fees)


@given(st.integers(2024, 2032), st.integers(1, 12), prices)
def test_a_contract_that_ends_within_a_year_has_never_paid_a_fen_too_much(year: int, month: int, price: int) -> None:
    start = date(year, month, 1)
    fees = [
        fee_of(price, FeePeriod.YEAR, Proration.BY_DAY, days, Span(start)).share
        for days in months_of(contract_year(start, 0))
    ]
    assert len(fees) == 12
    assert max(fees) - min(fees) <= 1
    assert [sum(fees[:months]) for months in range(1, 13)] == [
        round_half_up(Fraction(price * months, 12)) for months in range(1, 13)
    ]


@given(starts, st.integers(1, 364), prices)
def test_a_year_charged_whole_costs_its_price_however_short_the_contract(start: date, length: int, price: int) -> None:
    term = Span(start, start + timedelta(days=length))
    fees = [fee_of(price, FeePeriod.YEAR, Proration.FULL, days, term) for days in months_of(term)]
    assert sum(fee.share for fee in fees) == price


@given(starts, prices, fee_periods, prorations, st.lists(st.integers(2, 28), max_size=4, unique=True))
def test_a_month_costs_the_same_however_often_versions_of_one_price_cut_it(
    start: date, price: int, period: FeePeriod, proration: Proration, cuts: list[int]
) -> None:
    month = Month.from_date(start).next
    term, tariff = Span(start), Tariff(FlatPeriod(period, price, proration), PriceBasis.TAX_EXCLUSIVE)
    bounds = [month.first_day, *(month.first_day.replace(day=day) for day in sorted(cuts)), month.until]
    segments = [Segment(begin, end, f"tf_{begin}", tariff, None, 0, term=term) for begin, end in pairwise(bounds)]
    whole = fee_of(price, period, proration, month.span, term)
    rating = rate_period(segments)
    assert rating.total == round_half_up(whole.share)
    assert [line.kind for line in rating.lines].count(LineKind.FIXED_FEE) == len(segments)
    assert (
        sum(
            (fee_of(price, period, proration, Span(each.start, each.end), term).exact for each in segments), Fraction(0)
        )
        == whole.exact
    )


def test_a_contract_year_begins_with_the_contract_and_on_each_anniversary() -> None:
    term = Span(date(2028, 2, 29), date(2031, 6, 1))
    assert year_beginning_in(term, Month(2028, 2)) == Span(date(2028, 2, 29), date(2029, 2, 28))
    assert year_beginning_in(term, Month(2031, 2)) == Span(date(2031, 2, 28), date(2031, 6, 1))
    assert year_beginning_in(term, Month(2029, 3)) is None
    assert year_beginning_in(term, Month(2028, 1)) is None
    assert year_beginning_in(term, Month(2032, 2)) is None
    assert year_beginning_in(term, Month(2027, 2)) is None


def test_no_days_bear_no_fee() -> None:
    assert fee_of(100, FeePeriod.YEAR, Proration.BY_DAY, None, None).share == 0
