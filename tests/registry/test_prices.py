from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.ceiling import ChargingForm
from pricing.money import PriceBasis
from pricing.period import Span
from registry.prices import OverlappingVersion, ceiling_value, require_no_overlap, version_spans
from registry.tables import CeilingVersion

DAY = date(2025, 3, 1)
starts = st.integers(0, 60).map(lambda days: DAY + timedelta(days=days))


def ceiling(effective_from: date, effective_until: date | None = None) -> CeilingVersion:
    return CeilingVersion(
        id=f"ceil_{effective_from}",
        offering_id="off",
        grantor_id="pty",
        price_basis="tax_exclusive",
        charging_form="call",
        unit_price=Decimal("0.80"),
        per_quantity=1_000_000_000,
        effective_from=effective_from,
        effective_until=effective_until,
        decision_no="D-1",
        factors={},
        report={},
        recorded_at=datetime(2025, 3, 1, tzinfo=UTC),
    )


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(starts)
    return Span(start, draw(st.none() | st.integers(1, 20).map(lambda days: start + timedelta(days=days))))


@given(st.lists(spans(), max_size=12))
def test_however_versions_come_in_each_day_has_one_at_most_and_a_stated_span_is_kept_whole(given: list[Span]) -> None:
    series: list[CeilingVersion] = []
    for span in given:
        try:
            require_no_overlap(series, span)
        except OverlappingVersion:
            assert any(span.overlaps(Span(row.effective_from, row.effective_until)) for row in series)
            continue
        series = sorted([*series, ceiling(span.start, span.end)], key=lambda row: row.effective_from)
    held = version_spans(series)
    for number, span in enumerate(held):
        assert not any(span.overlaps(other) for other in held[number + 1 :])
    stated = [row.effective_until for row in series]
    assert all(end is None or span.end == end for span, end in zip(held, stated, strict=True))


def test_an_open_version_ends_where_the_next_one_starts() -> None:
    series = [ceiling(DAY), ceiling(DAY + timedelta(days=15))]
    assert version_spans(series) == [Span(DAY, DAY + timedelta(days=15)), Span(DAY + timedelta(days=15))]


def test_what_held_before_a_version_with_an_end_does_not_come_back_after_it() -> None:
    series = [ceiling(DAY), ceiling(DAY + timedelta(days=10), DAY + timedelta(days=20))]
    assert [span.end for span in version_spans(series)] == [DAY + timedelta(days=10), DAY + timedelta(days=20)]


@pytest.mark.parametrize(
    ("start", "days", "refused"),
    [
        (DAY, None, True),
        (DAY + timedelta(days=9), None, True),
        (DAY + timedelta(days=10), None, False),
        (DAY - timedelta(days=5), 5, False),
        (DAY - timedelta(days=5), 6, True),
        (DAY - timedelta(days=5), None, False),
    ],
)
def test_a_version_beside_one_of_ten_days_is_refused_where_both_state_a_day(
    start: date, days: int | None, refused: bool
) -> None:
    held = [ceiling(DAY, DAY + timedelta(days=10))]
    new = Span(start, None if days is None else start + timedelta(days=days))
    if not refused:
        require_no_overlap(held, new)
        return
    with pytest.raises(OverlappingVersion, match=str(DAY)):
        require_no_overlap(held, new)


def test_a_row_becomes_a_value_that_prices_are_held_against() -> None:
    value = ceiling_value(ceiling(DAY))
    assert (value.price_basis, value.charging_form) == (PriceBasis.TAX_EXCLUSIVE, ChargingForm.CALL)
    assert value.allows(Decimal("0.0008"))
    assert not value.allows(Decimal("0.00081"))
