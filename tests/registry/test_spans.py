from __future__ import annotations

from datetime import date

import pytest

from pricing.period import Span
from registry.spans import DatesReversed, require_span, years_after


def test_a_span_is_what_lies_between_two_fields_and_open_without_the_second() -> None:
    first, until = date(2025, 3, 1), date(2025, 3, 2)
    assert require_span({"effective_from": first, "effective_until": until}) == Span(first, until)
    assert require_span({"effective_from": first, "effective_until": None}) == Span(first, None)


def test_a_span_without_a_day_is_refused_by_the_field_that_ends_it() -> None:
    day = date(2025, 3, 1)
    with pytest.raises(DatesReversed) as caught:
        require_span({"registered_on": day, "expires_on": day}, "registered_on", "expires_on")
    assert list(caught.value.errors) == ["expires_on"]


def test_years_after_a_leap_day_end_on_the_last_of_february() -> None:
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)
    assert years_after(date(2024, 2, 29), 5) == date(2029, 2, 28)
