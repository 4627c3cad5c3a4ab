"""Spans of days that a body states: from the first day until the first day that no longer belongs to them."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date
from typing import Any

from pricing.errors import Refusal
from pricing.period import Span


class DatesReversed(Refusal):
    """A span that ends before it has begun, so that no day lies in it."""

    code = "dates_reversed"


def require_span(given: Mapping[str, Any], first: str = "effective_from", until: str = "effective_until") -> Span:
    """Return the span between two fields of a body, open where ``until`` was not given; raises DatesReversed."""
    start, end = given[first], given[until]
    if end is not None and end <= start:
        message = f"{until} {end} is not after {first} {start}; it is the first day that no longer belongs to the term"
        raise DatesReversed(message, errors={until: [message]})
    return Span(start, end)


def years_after(day: date, years: int) -> date:
    """Return the same day some years later (29 February becomes 28 February), never after the calendar's last year.

    >>> years_after(date(2025, 3, 1), 5), years_after(date(2024, 2, 29), 3)
    (datetime.date(2030, 3, 1), datetime.date(2027, 2, 28))
    """
    year = min(day.year + years, date.max.year)
    return date(year, day.month, min(day.day, calendar.monthrange(year, day.month)[1]))


def months_after(day: date, months: int) -> date:
    """Return the same day some months later, or the last of its month where that is shorter.

    >>> months_after(date(2025, 1, 31), 1), months_after(date(2025, 11, 15), 3)
    (datetime.date(2025, 2, 28), datetime.date(2026, 2, 15))
    """
    years, month = divmod(day.month - 1 + months, 12)
    year = min(day.year + years, date.max.year)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
