"""The business month in which something was recorded, as the small number by which the largest tables are divided.

On PostgreSQL entries and events lie in partitions by that number; on SQLite it is a column like any other. It follows
from the instant of recording, so a seal need not attest it, and it never falls while time goes on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from pricing.period import YEAR_MIN, Month, day_of

NUMBER_MAX: Final = 32_767
"""The number of 4700-08, and of every month after it: what two bytes hold."""
_MONTHS: Final = 12


def number_of(month: Month) -> int:
    """Return the number of a month: how many months after January 1970 it is.

    >>> number_of(Month(1970, 1)), number_of(Month(2025, 3)), number_of(Month(9998, 12))
    (0, 662, 32767)
    """
    return _number(month.year, month.month)


def month_numbered(number: int) -> Month:
    """Return the month of a number.

    >>> str(month_numbered(662))
    '2025-03'
    """
    return Month(YEAR_MIN + number // _MONTHS, number % _MONTHS + 1)


def recorded_month(instant: datetime, zone: ZoneInfo) -> int:
    """Return the number of the business month of an instant.

    >>> recorded_month(datetime.fromisoformat("2025-02-28T16:00:00Z"), ZoneInfo("Asia/Shanghai"))
    662
    """
    day = day_of(instant, zone)
    return _number(day.year, day.month)


def _number(year: int, month: int) -> int:
    return min(max((year - YEAR_MIN) * _MONTHS + month - 1, 0), NUMBER_MAX)
