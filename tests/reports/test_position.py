"""The live position of a year against its maximum: what is used, where it goes, month by month, and its chart."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.reports.story import Story
from tests.web.price_bodies import cap_body, cap_year
from tests.world import World

POSITION = "/reports/revenue-position"
NS = "{http://www.w3.org/2000/svg}"


def position(story: Story, **query: Any) -> Any:
    return story.world.regulator.seen(POSITION, operator="operator", year="2025", as_of=story.as_of, **query)


def test_what_is_billed_unbilled_and_credited_is_held_against_the_maximum(story: Story) -> None:
    found = position(story)
    names = ("billed", "credited", "accrued", "actual", "billed_in_advance")
    assert [found[name] for name in names] == ["2920.00", "100.00", "80.00", "2900.00", "0.00"]
    compared = ("maximum_permitted_revenue", "maximum_after_deduction", "percent_used", "headroom")
    assert [found[name] for name in compared] == ["2000.00", "1900.00", "152.63", "-1000.00"]
    assert {each["offering"]: each["actual"] for each in found["offerings"]} == {
        "bundles": "80.00",
        "checks": "2500.00",
        "scores": "320.00",
    }
    assert position(story) == found


def test_the_months_that_are_over_are_projected_to_the_end_of_the_year(story: Story) -> None:
    # 2,900.00 from January to April: × 12 ÷ 4
    assert position(story)["projection"] == {
        "method": "complete_months_pro_rata",
        "months_observed": 4,
        "months_held": 12,
        "months_not_begun": 7,
        "amount": "8700.00",
        "percent_of_maximum": "457.89",
        "exceeds": True,
    }


def test_each_month_has_its_revenue_the_sum_so_far_and_the_maximums_share(story: Story) -> None:
    months = {each.pop("month"): each for each in position(story)["months"]}
    assert len(months) == 12
    assert months["2025-03"] == {"actual": "2820.00", "cumulative": "2820.00", "maximum_share": "475.00"}
    assert months["2025-05"] == {"actual": "0.00", "cumulative": "2900.00", "maximum_share": "791.67"}
    assert months["2025-06"] == {"actual": None, "cumulative": None, "maximum_share": "950.00"}
    assert months["2025-12"]["maximum_share"] == "1900.00"


def test_a_year_that_a_cycle_holds_in_part_is_projected_to_the_months_it_holds(world: World) -> None:
    days = {"cycle_from": "2025-03-01", "cycle_until": "2026-03-01"}
    maxima = [cap_year(number, [["platform", "commercial", "1000.00"]]) for number in (2025, 2026)]
    world.regulator.made("/revenue-caps", cap_body("operator", years=maxima, **days))
    world.priced()
    contract = world.contract()["id"]
    world.usage(contract, "offering", "333", "2025-03-01T00:00:00+08:00")
    asked = {"operator": "operator", "year": "2025"}
    world.clock("2025-03-31T23:59:59+08:00")
    early = world.regulator.seen(POSITION, **asked)
    assert (early["projection"], early["actual"], len(early["months"])) == (None, "166.50", 10)
    world.clock("2025-04-01")
    projection = world.regulator.seen(POSITION, **asked)["projection"]
    assert (projection["months_observed"], projection["months_held"], projection["amount"]) == (1, 10, "1665.00")
    world.usage(contract, "offering", "1", "2025-04-01T00:00:00+08:00")
    world.clock("2025-06-01")
    # 167.00 in three months: × 10 ÷ 3 = 556.666…
    projection = world.regulator.seen(POSITION, **asked)["projection"]
    assert (projection["amount"], projection["percent_of_maximum"], projection["exceeds"]) == ("556.67", "55.67", False)


def test_without_a_maximum_the_year_is_told_and_nothing_is_compared(world: World) -> None:
    world.clock("2025-04-01")
    found = world.regulator.seen(POSITION, operator="operator", year="2025")
    assert (found["maximum_after_deduction"], found["percent_used"], found["headroom"]) == (None, None, None)
    assert (found["projection"]["exceeds"], found["projection"]["percent_of_maximum"]) == (None, None)
    assert {month["maximum_share"] for month in found["months"]} == {None}
    chart = world.regulator.get(f"{POSITION}.svg", operator="operator", year="2025")
    assert "未核定" in chart.text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_chart_is_the_same_picture_for_the_same_moment_and_speaks_both_languages(story: Story, lang: str) -> None:
    asked = {"operator": "operator", "year": "2025", "as_of": story.as_of, "lang": lang}
    answer = story.world.regulator.get(f"{POSITION}.svg", **asked)
    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    assert story.world.auditor.get(f"{POSITION}.svg", **asked).data == answer.data
    picture = ET.fromstring(answer.data)  # noqa: S314 - our own picture
    for name in ("title", "desc"):
        spoken = [each.text or "" for each in picture.findall(f"{NS}{name}")]
        assert len(spoken) == 2
    assert "实际收入2900.00元" in answer.text
    assert "actual revenue 2900.00 CNY" in answer.text
    assert ("沙盒" if lang == "zh" else "SANDBOX") in answer.text
