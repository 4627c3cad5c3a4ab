"""Use cut where prices and ceilings change: nothing is lost, and each day has its own price."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.ceiling import Ceiling, ChargingForm
from pricing.money import PriceBasis
from pricing.period import Month, Span
from pricing.segments import CeilingSpan, PriceVersion, cut_use
from pricing.tariff import Tariff
from pricing.tariff_models import PerUnit

MARCH = Month(2026, 3).span
DAYS = st.integers(0, 30).map(lambda number: date(2026, 3, 1) + timedelta(days=number))
USE = st.dictionaries(DAYS, st.integers(1, 10**9), max_size=31)


def priced(*starts: date) -> list[PriceVersion]:
    """Return tariff versions that begin on these days, each held until the next."""
    ends = [*starts[1:], None][: len(starts)]
    return [
        PriceVersion(Span(start, end), f"tariff-{start}", Tariff(PerUnit(Decimal(1)), PriceBasis.TAX_EXCLUSIVE))
        for start, end in zip(starts, ends, strict=True)
    ]


def capped(*starts: date) -> list[CeilingSpan]:
    """Return ceilings that begin on these days, each held until the next."""
    ends = [*starts[1:], None][: len(starts)]
    return [
        CeilingSpan(
            Span(start, end),
            Ceiling(f"c-{start}", "D", Decimal(1), 10**6, PriceBasis.TAX_EXCLUSIVE, ChargingForm.CALL, start),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


@settings(deadline=None)
@given(USE, st.lists(DAYS, unique=True, max_size=4), st.lists(DAYS, unique=True, max_size=4))
def test_no_use_is_lost_and_each_day_has_its_own_version(
    use: dict[date, int], prices: list[date], ceilings: list[date]
) -> None:
    versions, caps = priced(*sorted(prices)), capped(*sorted(ceilings))
    cut = cut_use(MARCH, versions, caps, use)
    assert sum(segment.quantity_micro for segment in cut.segments) + cut.unpriced_micro == sum(use.values())
    assert cut.unpriced_micro == sum(used for day, used in use.items() if not prices or day < min(prices))
    for segment in cut.segments:
        wanted = [version.id for version in versions if version.span.contains(segment.start)]
        assert [segment.tariff_id] == wanted
        held = [cap.ceiling.id for cap in caps if cap.span.contains(segment.start)]
        assert ([segment.ceiling.id] if segment.ceiling else []) == held


def test_a_month_without_use_keeps_its_last_segment_for_the_minimum() -> None:
    cut = cut_use(MARCH, priced(date(2026, 1, 1), date(2026, 3, 16)), [], {})
    assert [segment.start for segment in cut.segments] == [date(2026, 3, 16)]


def test_use_outside_the_period_widens_it() -> None:
    cut = cut_use(MARCH, priced(date(2026, 1, 1)), [], {date(2026, 4, 2): 5})
    assert [(segment.end, segment.quantity_micro) for segment in cut.segments] == [(date(2026, 4, 3), 5)]
