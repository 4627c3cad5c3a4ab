"""The chart of a revenue position, drawn from values alone."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.position_chart import position_svg
from pricing.money import format_money

NS = "{http://www.w3.org/2000/svg}"
BAR, SUM, MAXIMUM = "#8fb3d9", "#1f4e79", "#b3261e"


def drawn(revenue: list[int], held: int = 12, maximum: int | None = 120_000, **given: Any) -> ET.Element:
    """The chart of a year of so many months with the revenue of its first ones, in fen."""
    months, cumulative = [], 0
    for number in range(held):
        has_begun = number < len(revenue)
        cumulative += revenue[number] if has_begun else 0
        months.append(
            {
                "month": f"2025-{number + 1:02}",
                "actual": format_money(revenue[number]) if has_begun else None,
                "cumulative": format_money(cumulative) if has_begun else None,
                "maximum_share": None,
            }
        )
    position = {
        "operator_name": "<b>运营 & Co</b>",
        "year": 2025,
        "as_of": "2025-05-02T00:00:00+08:00",
        "actual": format_money(cumulative),
        "maximum_after_deduction": None if maximum is None else format_money(maximum),
        "percent_used": "1.00",
        "projection": {"amount": format_money(3 * cumulative)} if revenue else None,
        "months": months,
        "sandbox": False,
        **given,
    }
    return ET.fromstring(position_svg(position, "en"))  # noqa: S314 - our own picture


def bars(picture: ET.Element) -> list[ET.Element]:
    return [each for each in picture.findall(f"{NS}rect") if each.find(f"{NS}title") is not None]


def lines(picture: ET.Element, colour: str) -> list[list[tuple[float, float]]]:
    found = [each for each in picture.findall(f"{NS}polyline") if each.get("stroke") == colour]
    return [[tuple(map(float, place.split(","))) for place in each.get("points", "").split()] for each in found]  # type: ignore[misc]


def test_a_bar_is_as_high_as_its_months_revenue() -> None:
    found = bars(drawn([10_000, 20_000]))
    heights = [float(bar.get("height", "0")) for bar in found]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    assert [bar.findtext(f"{NS}title") for bar in found] == ["2025-01: 100.00", "2025-02: 200.00"]


def test_the_sum_so_far_meets_the_maximum_where_it_is_used_up() -> None:
    picture = drawn([60_000, 60_000])
    so_far, projected = lines(picture, SUM)
    assert so_far[-1][1] == lines(picture, MAXIMUM)[0][0][1]
    assert projected[0] == so_far[-1]
    assert projected[1][1] < so_far[-1][1]


def test_names_are_text_and_nothing_else() -> None:
    assert (drawn([]).findtext(f"{NS}title") or "").startswith("<b>运营 & Co</b>")


@given(
    revenue=st.lists(st.integers(-(10**12), 10**12), max_size=12),
    maximum=st.none() | st.integers(0, 10**13),
)
def test_everything_lies_within_the_picture_whatever_the_amounts(revenue: list[int], maximum: int | None) -> None:
    picture = drawn(revenue, maximum=maximum)
    for colour in (SUM, MAXIMUM):
        for x, y in (place for line in lines(picture, colour) for place in line):
            assert 140 <= x <= 930
            assert 90 <= y <= 410
    assert all(float(bar.get("height", "-1")) >= 0 for bar in bars(picture))
    assert len(bars(picture)) == len(revenue)
