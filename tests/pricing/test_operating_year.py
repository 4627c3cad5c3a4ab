from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.operating_year import OperatingYear, first_year_complete_on
from pricing.period import year_bounds

days = st.dates(date(1970, 1, 1), date(9996, 12, 31))


@given(days)
def test_the_first_complete_calendar_year_lies_wholly_after_the_start_and_no_earlier_one_does(since: date) -> None:
    first = first_year_complete_on(since, OperatingYear.CALENDAR_YEAR)
    assert (first.month, first.day) == (1, 1)
    assert year_bounds(first.year - 1).start >= since
    assert year_bounds(first.year - 2).start < since


@given(days)
def test_twelve_months_pass_no_later_than_a_calendar_year(since: date) -> None:
    twelve = first_year_complete_on(since, OperatingYear.TWELVE_MONTHS)
    assert 365 <= (twelve - since).days <= 366
    assert twelve <= first_year_complete_on(since, OperatingYear.CALENDAR_YEAR)


@pytest.mark.parametrize("counted_by", OperatingYear)
def test_an_operation_that_starts_when_the_calendar_ends_has_no_complete_year_before_its_last_day(
    counted_by: OperatingYear,
) -> None:
    assert first_year_complete_on(date.max, counted_by) == date.max
