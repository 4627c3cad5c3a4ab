"""Working days of the People's Republic of China, counted from a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import chinese_calendar

_SATURDAY: Final = 5


@dataclass(frozen=True)
class WorkingDay:
    """A day found by counting working days.

    ``certain`` is False where the count ran through a year whose public holidays are not published (or not
    known to the calendar that is installed): there only weekends were left out, so the true day may be later.
    """

    day: date
    certain: bool


def add_working_days(start: date, count: int) -> WorkingDay:
    """Return the ``count``-th working day after ``start``; the day of the event itself is not counted.

    Weekends and public holidays are left out, and the weekend days worked in exchange for holidays are
    counted, as the State Council's yearly notice says. A count that runs out of the calendar ends uncertain on
    its last day. Raises ``ValueError`` for a count below 1.

    >>> add_working_days(date(2025, 9, 26), 3)
    WorkingDay(day=datetime.date(2025, 9, 30), certain=True)
    """
    if count < 1:
        message = f"{count} working days from {start} cannot be counted: at least one is needed"
        raise ValueError(message)
    day, left, certain = start, count, True
    while left and day < date.max:
        day += timedelta(days=1)
        published = _is_working_day(day)
        certain = certain and published is not None
        left -= day.weekday() < _SATURDAY if published is None else published
    return WorkingDay(day, certain and not left)


def _is_working_day(day: date) -> bool | None:
    """Whether a day is worked, or None where its year is not published."""
    try:
        # The package carries no types.
        return bool(chinese_calendar.is_workday(day))  # type: ignore[no-untyped-call]
    except NotImplementedError:
        return None
