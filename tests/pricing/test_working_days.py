from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.working_days import WorkingDay, add_working_days


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        pytest.param(date(2025, 3, 3), 1, date(2025, 3, 4), id="the next day of a week"),
        pytest.param(date(2025, 3, 7), 1, date(2025, 3, 10), id="a weekend lies between"),
        pytest.param(date(2025, 3, 8), 1, date(2025, 3, 10), id="an event on a weekend"),
        # National Day 2025: off from 1 to 8 October, worked on Sunday 28 September and Saturday 11 October.
        pytest.param(date(2025, 9, 27), 1, date(2025, 9, 28), id="a Sunday worked in exchange counts"),
        pytest.param(date(2025, 9, 30), 1, date(2025, 10, 9), id="a public holiday is left out"),
        pytest.param(date(2025, 9, 30), 3, date(2025, 10, 11), id="a Saturday worked in exchange counts"),
        # 2, 3, (4 April is off) 7 to 11, 14 to 18, 21 to 25, Sunday the 27th worked for May, 28, 29.
        pytest.param(date(2025, 4, 1), 20, date(2025, 4, 29), id="the deadline of a registration"),
    ],
)
def test_working_days_follow_the_published_calendar(start: date, count: int, expected: date) -> None:
    assert add_working_days(start, count) == WorkingDay(expected, certain=True)


def test_beyond_the_published_years_only_weekends_are_left_out_and_the_result_says_so() -> None:
    assert add_working_days(date(2099, 9, 30), 2) == WorkingDay(date(2099, 10, 2), certain=False)


def test_a_count_that_runs_into_an_unpublished_year_is_not_certain() -> None:
    assert not add_working_days(date(2026, 12, 1), 300).certain


def test_a_count_that_runs_out_of_the_calendar_ends_on_its_last_day() -> None:
    assert add_working_days(date(9999, 12, 20), 20) == WorkingDay(date.max, certain=False)
    assert add_working_days(date.max, 1) == WorkingDay(date.max, certain=False)


def test_fewer_than_one_working_day_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="at least one"):
        add_working_days(date(2025, 3, 3), 0)


@given(start=st.dates(date(2024, 1, 1), date(2026, 1, 31)), count=st.integers(1, 60))
def test_one_working_day_more_is_always_later(start: date, count: int) -> None:
    found = add_working_days(start, count)
    assert found.day >= start + timedelta(days=count)
    assert add_working_days(start, count + 1).day > found.day
    assert add_working_days(add_working_days(start, count).day, 1).day == add_working_days(start, count + 1).day
