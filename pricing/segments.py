"""Cutting the use of a period where a tariff version or a ceiling changes, so that each part is charged by its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from pricing.ceiling import Ceiling, FixedCeiling, strictest
from pricing.period import Span
from pricing.rating import Segment
from pricing.tariff import Tariff


@dataclass(frozen=True)
class PriceVersion:
    """A tariff version and the business days on which it holds."""

    span: Span
    id: str
    tariff: Tariff
    trial: bool = False


@dataclass(frozen=True)
class CeilingSpan:
    """A ceiling and the business days on which it really holds: until its end or its successor."""

    span: Span
    ceiling: Ceiling


@dataclass(frozen=True)
class FixedSpan:
    """A ceiling of the fixed part of prices and the business days on which it really holds."""

    span: Span
    ceiling: FixedCeiling


@dataclass(frozen=True)
class CutUse:
    """Segments in order of time, and the use (millionths) of days on which no price was published."""

    segments: tuple[Segment, ...]
    unpriced_micro: int


def cut_use(
    period: Span,
    prices: Sequence[PriceVersion],
    ceilings: Sequence[CeilingSpan],
    use_by_day: Mapping[date, int],
    fixed: Sequence[FixedSpan] = (),
    term: Span | None = None,
) -> CutUse:
    """Cut the use of a period (which ends) into segments of one tariff version and at most one ceiling.

    Segments without use or a fixed price are left out, but the last one stays: its version's minimum holds (see
    ``rating.rate_period``). Days of use outside the period widen it: use that was accepted is never dropped. ``fixed``
    are the ceilings of fixed prices, and ``term`` the days on which the contract bears them.

    >>> from decimal import Decimal
    >>> from pricing.money import PriceBasis
    >>> from pricing.tariff_models import PerUnit
    >>> price = Tariff(PerUnit(Decimal("0.50")), PriceBasis.TAX_EXCLUSIVE)
    >>> cut = cut_use(
    ...     Span(date(2026, 3, 1), date(2026, 4, 1)),
    ...     [PriceVersion(Span(date(2026, 3, 16)), "tariff-1", price)],
    ...     [],
    ...     {date(2026, 3, 2): 5, date(2026, 3, 20): 7},
    ... )
    >>> [segment.quantity_micro for segment in cut.segments], cut.unpriced_micro
    ([7], 5)
    """
    bearing = period if term is None else period.intersect(term)
    period = _widened(period, use_by_day)
    cutting = [*(price.span for price in prices), *(held.span for held in ceilings)]
    if any(price.tariff.fixed for price in prices):
        cutting += [*(held.span for held in fixed), *([bearing] if bearing else [])]
    segments: list[Segment] = []
    unpriced = 0
    for span in _pieces(period, cutting):
        quantity = sum(used for day, used in use_by_day.items() if span.contains(day))
        price = next((version for version in prices if version.span.contains(span.start)), None)
        if price is None:
            unpriced += quantity
            continue
        ceiling = next((held.ceiling for held in ceilings if held.span.contains(span.start)), None)
        limit = strictest(held.ceiling for held in fixed if held.span.contains(span.start))
        bears = bearing is not None and bearing.contains(span.start)
        segments.append(
            Segment(span.start, _end(span), price.id, price.tariff, ceiling, quantity, limit, term, bears_fee=bears)
        )
    kept = [segment for segment in segments[:-1] if segment.quantity_micro or segment.tariff.fixed] + segments[-1:]
    return CutUse(tuple(kept), unpriced)


def _widened(period: Span, days: Iterable[date]) -> Span:
    known = list(days)
    if not known:
        return period
    return Span(min(period.start, *known), max(_end(period), max(known) + timedelta(days=1)))


def _pieces(period: Span, spans: Iterable[Span]) -> list[Span]:
    """Cut a period at every day on which one of the spans begins or ends."""
    inside = {day for span in spans for day in (span.start, span.end) if day is not None and period.contains(day)}
    cuts = sorted(inside | {period.start, _end(period)})
    return [Span(start, end) for start, end in pairwise(cuts)]


def _end(span: Span) -> date:
    if span.end is None:
        message = f"a period that is charged ends, and the one from {span.start} does not"
        raise ValueError(message)
    return span.end
