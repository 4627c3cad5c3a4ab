"""Days, months and spans of the business calendar, and the instants of the wire.

A day is a day of the platform's zone (Asia/Shanghai unless set otherwise); spans and months are half-open, so
that an instant belongs to exactly one of them.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from pricing.errors import InstantWithoutOffset, MalformedDate, MalformedInstant, shown

BUSINESS_TIMEZONE_DEFAULT: Final = "Asia/Shanghai"
YEAR_MIN: Final = 1970
"""The first year read: no agreement is older, and from here on the offsets of zones are whole minutes."""
YEAR_MAX: Final = 9998
"""The last year of months and instants; the days of 9999 are read, as a way to say "for ever"."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{2})")
_INSTANT: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]+))?(?P<offset>[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
_MONTHS: Final = 12
_FRACTION_PLACES_MAX: Final = 6
_INSTANT_EXAMPLE: Final = "2026-03-31T16:00:00+08:00"


def _match(pattern: re.Pattern[str], text: object) -> re.Match[str] | None:
    """The match of the whole text; none of what is not text, which the wire can carry too."""
    return pattern.fullmatch(text) if isinstance(text, str) else None


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The business day on which an instant falls. Raises ``InstantWithoutOffset`` for a naive one.

    >>> day_of(datetime(2026, 1, 31, 16, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
    datetime.date(2026, 2, 1)
    """
    if instant.utcoffset() is None:
        raise InstantWithoutOffset(_without_offset(instant.isoformat()))
    return instant.astimezone(zone).date()


def instant_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in ``zone``, in UTC.

    >>> instant_of(date(2026, 2, 1), ZoneInfo("Asia/Shanghai"))
    datetime.datetime(2026, 1, 31, 16, 0, tzinfo=datetime.timezone.utc)
    """
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def parse_day(text: str) -> date:
    """Read a day such as ``2026-03-31``. Raises ``MalformedDate``.

    >>> parse_day("2026-03-31")
    datetime.date(2026, 3, 31)
    """
    if _match(_DAY, text):
        try:
            day = date.fromisoformat(text)
        except ValueError as fault:
            raise MalformedDate(f'{text!r} is not a day: {fault}. Write one such as "2026-03-31".') from fault
        if day.year >= YEAR_MIN:
            return day
    raise MalformedDate(f'{shown(text)} is not a day from {YEAR_MIN} on. Write one such as "2026-03-31".')


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month; months are ordered by time.

    >>> Month.parse("2026-12").next, Month(2026, 2).days, str(Month(2026, 3))
    (Month(year=2027, month=1), 28, '2026-03')
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (YEAR_MIN <= self.year <= YEAR_MAX and 1 <= self.month <= _MONTHS):
            raise MalformedDate(
                f'{self} is not a month between {YEAR_MIN}-01 and {YEAR_MAX}-12. Write one such as "2026-03".'
            )

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read a month such as ``2026-03``. Raises ``MalformedDate``."""
        if (match := _match(_MONTH, text)) is None:
            raise MalformedDate(f'{shown(text)} is not a month. Write one such as "2026-03".')
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def from_date(cls, day: date) -> Month:
        """The month in which a day lies."""
        return cls(day.year, day.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def first_day(self) -> date:
        """The first day of the month."""
        return date(self.year, self.month, 1)

    @property
    def until(self) -> date:
        """The first day after the month."""
        return date(self.year + self.month // _MONTHS, self.month % _MONTHS + 1, 1)

    @property
    def next(self) -> Month:
        """The month that follows."""
        return Month.from_date(self.until)

    @property
    def previous(self) -> Month:
        """The month before."""
        return Month(self.year - (self.month == 1), (self.month - 2) % _MONTHS + 1)

    @property
    def days(self) -> int:
        """How many days the month has."""
        return calendar.monthrange(self.year, self.month)[1]

    @property
    def span(self) -> Span:
        """The month as a span of days."""
        return Span(self.first_day, self.until)

    def contains(self, day: date) -> bool:
        """Whether a day lies in the month."""
        return (day.year, day.month) == (self.year, self.month)


def month_of(instant: datetime, zone: ZoneInfo) -> Month:
    """The service month of an instant. Raises ``InstantWithoutOffset`` for a naive one.

    >>> month_of(datetime(2026, 1, 31, 16, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
    Month(year=2026, month=2)
    """
    return Month.from_date(day_of(instant, zone))


@dataclass(frozen=True)
class Span:
    """Days from ``start`` to before ``end``; open without an end. Raises ``MalformedDate`` when empty.

    >>> Span(date(2026, 3, 1), date(2026, 3, 16)).intersect(Span(date(2026, 3, 10), None))
    Span(start=datetime.date(2026, 3, 10), end=datetime.date(2026, 3, 16))
    """

    start: date
    end: date | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.start:
            raise MalformedDate(
                f"A span from {self.start} until {self.end} holds no day: the end is the first day that no "
                "longer belongs to it, and must come after the start."
            )

    def contains(self, day: date) -> bool:
        """Whether a day lies in the span."""
        return self.start <= day and (self.end is None or day < self.end)

    def intersect(self, other: Span) -> Span | None:
        """The days that both spans hold, or None."""
        start = max(self.start, other.start)
        end = min((end for end in (self.end, other.end) if end is not None), default=None)
        return None if end is not None and end <= start else Span(start, end)

    def overlaps(self, other: Span) -> bool:
        """Whether both spans hold a day in common."""
        return self.intersect(other) is not None


def year_bounds(year: int) -> Span:
    """A calendar year as a span, from 1 January to before the next one. Raises ``MalformedDate``.

    >>> year_bounds(2026)
    Span(start=datetime.date(2026, 1, 1), end=datetime.date(2027, 1, 1))
    """
    return Span(Month(year, 1).first_day, Month(year, 12).until)


def _without_offset(text: str) -> str:
    return f'{text} names no offset, so it could be many moments. Write one such as "{_INSTANT_EXAMPLE}".'


def parse_instant(text: str) -> datetime:
    """Read an instant by RFC 3339, at most six places of a second, and answer it in UTC.

    Raises ``InstantWithoutOffset`` where the offset is missing and ``MalformedInstant`` for anything else
    that is not an instant, leap seconds and finer fractions included: they cannot be kept, and are not
    rounded in silence.

    >>> parse_instant("2026-01-31t23:59:59.5+08:00")
    datetime.datetime(2026, 1, 31, 15, 59, 59, 500000, tzinfo=datetime.timezone.utc)
    """
    match = _match(_INSTANT, text)
    if match is None:
        problem = "it is not written by RFC 3339"
    elif match["offset"] is None:
        raise InstantWithoutOffset(_without_offset(shown(text)))
    elif match["fraction"] and len(match["fraction"]) > _FRACTION_PLACES_MAX:
        problem = f"seconds are kept to {_FRACTION_PLACES_MAX} places"
    elif match["time"].endswith("60"):
        problem = "leap seconds are not kept; send the second before or after"
    elif not YEAR_MIN <= int(match["day"][:4]) <= YEAR_MAX:
        problem = f"years from {YEAR_MIN} to {YEAR_MAX} are read"
    else:
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except ValueError as fault:
            problem = f"there is no such day or time ({fault})"
    raise MalformedInstant(f'{shown(text)} is not an instant: {problem}. Write one such as "{_INSTANT_EXAMPLE}".')


def format_instant(instant: datetime, zone: ZoneInfo) -> str:
    """Write an instant with the offset of ``zone``; parts of a second only where there are some.

    >>> format_instant(datetime(2026, 1, 31, 16, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
    '2026-02-01T00:00:00+08:00'
    """
    if instant.utcoffset() is None:
        raise InstantWithoutOffset(_without_offset(instant.isoformat()))
    return instant.astimezone(zone).isoformat()
