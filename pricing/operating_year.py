"""When an operator has one complete operating year behind it: until then there are trial prices only.

Price Notice 二 and 三: without a complete operating year there is no maximum permitted revenue and no formal ceiling;
the operator sets a trial price (试行收费标准) under the grantor's guidance. The text does not say how to count a year,
so that this is a setting.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pricing.period import YEAR_MAX


class OperatingYear(StrEnum):
    """What counts as a complete operating year: a calendar year, or any twelve months from the start."""

    CALENDAR_YEAR = "calendar_year"
    TWELVE_MONTHS = "twelve_months"


def first_year_complete_on(operating_since: date, counted_by: OperatingYear) -> date:
    """Return the first day on which a complete operating year lies in the past, the last of all days at the latest.

    >>> first_year_complete_on(date(2025, 3, 1), OperatingYear.CALENDAR_YEAR)
    datetime.date(2027, 1, 1)
    >>> first_year_complete_on(date(2025, 1, 1), OperatingYear.CALENDAR_YEAR)
    datetime.date(2026, 1, 1)
    >>> first_year_complete_on(date(2024, 2, 29), OperatingYear.TWELVE_MONTHS)
    datetime.date(2025, 3, 1)
    """
    if operating_since.year > YEAR_MAX - 2:
        return date.max
    if counted_by is OperatingYear.CALENDAR_YEAR:
        begins_with_year = (operating_since.month, operating_since.day) == (1, 1)
        return date(operating_since.year + (1 if begins_with_year else 2), 1, 1)
    try:
        return operating_since.replace(year=operating_since.year + 1)
    except ValueError:
        # twelve months from 29 February have passed when February has
        return date(operating_since.year + 1, 3, 1)
