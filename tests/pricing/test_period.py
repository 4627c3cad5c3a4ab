from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.errors import InstantWithoutOffset, MalformedDate, MalformedInstant
from pricing.period import (
    BUSINESS_TIMEZONE_DEFAULT,
    Month,
    Span,
    day_of,
    format_instant,
    instant_of,
    month_of,
    parse_day,
    parse_instant,
    year_bounds,
)
from tests.pricing import case_files

SHANGHAI = ZoneInfo(BUSINESS_TIMEZONE_DEFAULT)
INSTANTS = case_files.read("period/an-instant-belongs-to-its-month-in-shanghai.yaml")

days = st.dates(date(1970, 1, 2), date(9998, 11, 30))
months = st.builds(Month, st.integers(1971, 9997), st.integers(1, 12))


@pytest.mark.parametrize("row", INSTANTS["months"], ids=lambda row: str(row["instant"]))
def test_an_instant_belongs_to_its_month_in_shanghai(row: dict[str, str]) -> None:
    instant = parse_instant(row["instant"])
    assert instant.tzinfo is UTC
    assert str(month_of(instant, SHANGHAI)) == row["month"]
    assert format_instant(instant, SHANGHAI) == row["written"]


@pytest.mark.parametrize("text", INSTANTS["without_offset"])
def test_an_instant_without_offset_is_refused_as_such(text: str) -> None:
    with pytest.raises(InstantWithoutOffset, match="names no offset") as refusal:
        parse_instant(text)
    assert refusal.value.code == "instant_without_offset"


@pytest.mark.parametrize("text", [*INSTANTS["malformed"], 20260131, None])
def test_what_is_no_instant_is_refused(text: Any) -> None:
    with pytest.raises(MalformedInstant, match="is not an instant") as refusal:
        parse_instant(text)
    assert not isinstance(refusal.value, InstantWithoutOffset)


def test_a_naive_datetime_is_refused_wherever_it_comes_from() -> None:
    naive = datetime(2026, 1, 31)  # noqa: DTZ001  # the fault under test
    for use in (day_of, month_of, format_instant):
        with pytest.raises(InstantWithoutOffset):
            use(naive, SHANGHAI)


@given(st.datetimes(datetime(1970, 1, 2), datetime(9998, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001  # bounds
def test_an_instant_is_read_as_it_was_written(instant: datetime) -> None:
    assert parse_instant(format_instant(instant, SHANGHAI)) == instant


@given(days, st.sampled_from(["Asia/Shanghai", "America/Sao_Paulo", "Pacific/Apia", "UTC"]))
def test_the_first_moment_of_a_day_is_in_it_and_the_moment_before_is_not(day: date, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    start = instant_of(day, zone)
    skipped = zone_name == "Pacific/Apia" and day == date(2011, 12, 30)
    assert skipped or day_of(start, zone) == day
    assert day_of(start - timedelta(microseconds=1), zone) < day


@given(days)
def test_a_day_is_read_as_it_was_written(day: date) -> None:
    assert parse_day(day.isoformat()) == day


def test_a_day_can_stand_for_ever() -> None:
    assert parse_day("9999-12-31") == date(9999, 12, 31)


@pytest.mark.parametrize(
    "text", ["2026-02-30", "2026-1-1", "20260101", "2026-W01-1", "1969-12-31", "0000-01-01", "", 20260101, None]
)
def test_what_is_no_day_is_refused(text: Any) -> None:
    with pytest.raises(MalformedDate):
        parse_day(text)


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "202601", "1969-12", "9999-01", "2026-03-01", 202603])
def test_what_is_no_month_is_refused(text: Any) -> None:
    with pytest.raises(MalformedDate):
        Month.parse(text)


@given(months)
def test_months_follow_one_another_without_gap(month: Month) -> None:
    assert Month.parse(str(month)) == month
    assert month.next.first_day == month.until
    assert month.next.previous == month
    assert month < month.next
    assert (month.until - month.first_day).days == month.days
    assert month.span == Span(month.first_day, month.until)


@given(days)
def test_a_day_lies_in_its_own_month_only(day: date) -> None:
    month = Month.from_date(day)
    assert month.contains(day)
    assert not month.next.contains(day)
    assert month.span.contains(day)


def test_a_span_holds_its_start_and_not_its_end() -> None:
    span = Span(date(2026, 3, 1), date(2026, 3, 16))
    assert span.contains(date(2026, 3, 1))
    assert span.contains(date(2026, 3, 15))
    assert not span.contains(date(2026, 3, 16))
    assert not span.contains(date(2026, 2, 28))


def test_an_open_span_never_ends() -> None:
    assert Span(date(2026, 3, 1)).contains(date(9999, 12, 31))
    assert Span(date(2026, 3, 1)).intersect(Span(date(2027, 1, 1))) == Span(date(2027, 1, 1))


@pytest.mark.parametrize("end", [date(2026, 3, 1), date(2026, 2, 1)])
def test_a_span_without_a_day_is_refused(end: date) -> None:
    with pytest.raises(MalformedDate, match="holds no day"):
        Span(date(2026, 3, 1), end)


def test_spans_that_only_touch_do_not_overlap() -> None:
    first, second = Span(date(2026, 3, 1), date(2026, 3, 16)), Span(date(2026, 3, 16), None)
    assert not first.overlaps(second)
    assert not second.overlaps(first)
    assert first.overlaps(Span(date(2026, 3, 15), date(2026, 3, 17)))


spans = st.builds(
    lambda start, length: Span(start, start + timedelta(days=length)),
    st.dates(date(2026, 1, 1), date(2026, 2, 1)),
    st.integers(1, 40),
)


@given(spans, spans, st.dates(date(2026, 1, 1), date(2026, 4, 1)))
def test_the_intersection_holds_exactly_the_days_of_both(first: Span, second: Span, day: date) -> None:
    both = first.intersect(second)
    assert (both is not None and both.contains(day)) == (first.contains(day) and second.contains(day))


def test_a_year_is_bounded_by_its_januaries() -> None:
    assert year_bounds(2026) == Span(date(2026, 1, 1), date(2027, 1, 1))
