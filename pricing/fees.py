"""The fixed part of a price: what of a monthly or yearly fee falls to the days of one service month.

A month's fee falls to the days of its calendar month. A year's fee is that of a contract year, which begins with the
contract or on an anniversary of it, and falls to its service months: a twelfth to each, and where the contract does not
begin on the first of a month, a part of a twelfth to the first month and the rest of that twelfth to the last. In fen
the months' shares are rounded cumulatively: they sum to the year's price, and a contract that ends within the year has
never paid more than half a fen beyond its months.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final

from pricing.money import round_half_up
from pricing.period import Month, Span

_MONTHS: Final = 12
_DAY: Final = timedelta(days=1)


class FeePeriod(StrEnum):
    """The period that a fee, or the fixed part of a ceiling, is for."""

    MONTH = "month"
    YEAR = "year"

    @property
    def months(self) -> int:
        """How many months it has."""
        return _MONTHS if self is FeePeriod.YEAR else 1


class Proration(StrEnum):
    """What a period costs of which only a part is in force.

    ``by_day``: its days in force by all its days. ``full``: the whole fee once the period has begun; where several
    versions share it, each bears the part of its days.
    """

    BY_DAY = "by_day"
    FULL = "full"


@dataclass(frozen=True)
class FixedPrice:
    """The fixed part of a tariff: ``price`` in fen for a period, and the field that states it."""

    field: str
    price: int
    period: FeePeriod
    proration: Proration


@dataclass(frozen=True)
class Fee:
    """What falls to some days, in fen: ``exact`` by proportion, ``share`` as the fen of a year fall to its months.

    The two differ by less than a fen a service month; over a whole contract year both come to the price.
    """

    exact: Fraction
    share: Fraction


@dataclass(frozen=True)
class _Slice:
    """The days of one contract year in one service month, and the year's months by weight."""

    days: Span
    weights: tuple[Fraction, ...]
    index: int


def fee_of(price: int | Fraction, period: FeePeriod, proration: Proration, days: Span | None, term: Span | None) -> Fee:
    """Return what of a fee (fen for the period) falls to some days of one service month under a contract's term.

    Without a term it is one whole service month, the first of its year.

    >>> start = Span(date(2026, 3, 1))
    >>> fee_of(120_000, FeePeriod.YEAR, Proration.BY_DAY, Span(date(2026, 5, 1), date(2026, 6, 1)), start).share
    Fraction(10000, 1)
    """
    if days is None:
        return Fee(Fraction(0), Fraction(0))
    if period is FeePeriod.MONTH:
        exact = price * _part_of_month(days, term, proration)
        return Fee(exact, exact)
    exact, share = Fraction(0), Fraction(0)
    for piece in _slices(days, term, proration):
        held = piece.days.intersect(days)
        if held is not None:
            part = Fraction(_length(held), _length(piece.days))
            exact += price * piece.weights[piece.index] / sum(piece.weights) * part
            share += _shares(round_half_up(price), piece.weights)[piece.index] * part
    return Fee(exact, share)


def contract_year(start: date, number: int) -> Span:
    """Return a year of a contract that began on ``start``, counted from 0.

    >>> contract_year(date(2028, 2, 29), 1)
    Span(start=datetime.date(2029, 2, 28), end=datetime.date(2030, 2, 28))
    """
    return Span(_anniversary(start, number), _anniversary(start, number + 1))


def year_beginning_in(term: Span, month: Month) -> Span | None:
    """Return the contract year that begins in a month while the contract holds, as far as it is in force.

    >>> year_beginning_in(Span(date(2026, 3, 16), date(2027, 9, 1)), Month(2027, 3))
    Span(start=datetime.date(2027, 3, 16), end=datetime.date(2027, 9, 1))
    """
    number = month.year - term.start.year
    if number < 0:
        return None
    year = contract_year(term.start, number)
    return year.intersect(term) if month.contains(year.start) else None


def _part_of_month(days: Span, term: Span | None, proration: Proration) -> Fraction:
    if term is None:
        return Fraction(1)
    month = Month.from_date(days.start)
    held = days.intersect(term)
    whole = month.span.intersect(term) if proration is Proration.FULL else month.span
    return Fraction(0) if held is None or whole is None else Fraction(_length(held), _length(whole))


def _slices(days: Span, term: Span | None, proration: Proration) -> Iterator[_Slice]:
    """Give the contract years in the service month of some days; with ``full``, as far as they are in force."""
    if term is None:
        yield _Slice(days, (Fraction(1),) * _MONTHS, 0)
        return
    month = Month.from_date(days.start)
    first = max(month.year - term.start.year - 1, 0)
    for number in range(first, first + 2):
        year = contract_year(term.start, number)
        in_month = month.span.intersect(year)
        if in_month is None or in_month.intersect(term) is None:
            continue
        index = (month.year - year.start.year) * _MONTHS + month.month - year.start.month
        if proration is Proration.BY_DAY:
            yield _Slice(in_month, _year_weights(year.start), index)
        else:
            yield _Slice(in_month.intersect(term) or in_month, _weights_in_force(term, year), index)


@lru_cache(maxsize=1024)
def _year_weights(start: date) -> tuple[Fraction, ...]:
    """How many months each service month of a contract year counts for: twelve together."""
    if start.day == 1:
        return (Fraction(1),) * _MONTHS
    days = calendar.monthrange(start.year, start.month)[1]
    opening = Fraction(days - start.day + 1, days)
    return (opening, *(Fraction(1),) * (_MONTHS - 1), 1 - opening)


@lru_cache(maxsize=1024)
def _weights_in_force(term: Span, year: Span) -> tuple[Fraction, ...]:
    """The weights of a contract year whose fee is charged whole: of its days in force alone."""
    weights = []
    month = Month.from_date(year.start)
    for weight in _year_weights(year.start):
        in_month = month.span.intersect(year)
        held = None if in_month is None else in_month.intersect(term)
        weights.append(Fraction(0) if held is None or in_month is None else weight * _length(held) / _length(in_month))
        month = month.next
    return tuple(weights)


@lru_cache(maxsize=4096)
def _shares(price: int, weights: tuple[Fraction, ...]) -> tuple[int, ...]:
    ends = [round_half_up(price * part / sum(weights)) for part in accumulate(weights)]
    return tuple(end - before for before, end in pairwise([0, *ends]))


def _anniversary(start: date, number: int) -> date:
    year = start.year + number
    return start.replace(year=year, day=min(start.day, calendar.monthrange(year, start.month)[1]))


def _length(span: Span) -> int:
    return ((span.end or date.max) - span.start) // _DAY
