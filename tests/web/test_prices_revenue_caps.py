"""Revenue caps through the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pricing import case_files
from tests.web.price_bodies import cap_body, cap_year, new_operator
from tests.world import World

DETERMINATIONS = "determination/a-price-authority-determines-the-maximum-of-each-year.yaml"
NOT_SENT = ("name", "expect", "refused", "facts", "fields", "carry_out", "years")


def sent(operator: str, case: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in case.items() if name not in NOT_SENT}
    years = [cap_year(year.pop("year"), year.pop("costs"), **year) for year in map(dict, case["years"])]
    return cap_body(operator, **given, years=years)


def test_the_maximum_is_reckoned_as_the_cases_say(world: World, subtests: pytest.Subtests) -> None:
    content = case_files.read(DETERMINATIONS)
    for number, case in enumerate(content["defaults"] | case for case in content["cases"]):
        with subtests.test(case["name"]):
            new_operator(world, f"operator-{number}")
            body = sent(f"operator-{number}", case)
            if "refused" in case:
                problem = world.regulator.refused("/revenue-caps", body, 422, case["refused"])
                assert problem.items() >= case.get("facts", {}).items()
                assert sorted(problem.get("errors", {})) == case.get("fields", [])
                continue
            made = world.regulator.made("/revenue-caps", body)
            for year, expected in zip(made["years"], case["expect"], strict=True):
                assert year.items() >= expected.items()
            assert made["carry_out"] == case.get("carry_out", "0.00")


def test_a_determination_comes_back_as_it_was_sent(world: World) -> None:
    body = cap_body("operator", bond_yield_percent="2.20", markup_points="6.00", cycle_reason=None, carry_in="0.00")
    made = world.regulator.made("/revenue-caps", body)
    years = [{name: year[name] for name in sent} for year, sent in zip(made["years"], body["years"], strict=True)]
    costs = [{"head": "platform", "use": "commercial", "amount": "1000000.00"}]
    assert years == [{**body["years"][0], "costs": costs}]
    assert made.items() >= {**body, "years": made["years"]}.items()
    assert (made["regulator"], made["currency"], made["sandbox"]) == ("regulator", "CNY", True)


def test_a_price_authority_determines_only_for_operators_that_it_is_appointed_to(world: World) -> None:
    other = world.other_regulator.refused("/revenue-caps", cap_body("operator"), 404, "not_found")
    assert list(other["errors"]) == ["operator"]
    world.regulator.refused("/revenue-caps", cap_body("rival"), 404, "not_found")
    world.regulator.refused("/revenue-caps", cap_body("buyer"), 404, "not_found")
    world.operator.refused("/revenue-caps", {"nonsense": True}, 403, "forbidden")


def test_two_cycles_of_one_operator_do_not_overlap(world: World) -> None:
    world.regulator.made("/revenue-caps", cap_body("operator"))
    same = world.regulator.refused("/revenue-caps", cap_body("operator"), 422, "overlapping_version")
    assert "C-1" in same["detail"]
    cost = [["platform", "commercial", "1"]]
    inside = {"cycle_from": "2025-12-31", "cycle_until": "2027-01-01", "years": [cap_year(2026, cost)]}
    world.regulator.refused("/revenue-caps", cap_body("operator", **inside), 422, "overlapping_version")
    world.regulator.made("/revenue-caps", cap_body("operator", **{**inside, "cycle_from": "2026-01-01"}))


def test_one_year_has_one_maximum_even_where_two_cycles_meet_within_it(world: World) -> None:
    cost = [["platform", "commercial", "1"]]
    first = {"cycle_from": "2025-03-01", "cycle_until": "2026-03-01", "years": [cap_year(2026, cost)]}
    next_one = {"cycle_from": "2026-03-01", "cycle_until": "2027-03-01", "years": [cap_year(2026, cost)]}
    world.regulator.made("/revenue-caps", cap_body("operator", **first))
    problem = world.regulator.refused("/revenue-caps", cap_body("operator", **next_one), 422, "overlapping_version")
    assert "2026" in problem["detail"]


def test_a_determination_is_read_by_those_whom_it_concerns(world: World) -> None:
    new_operator(world, "operator-2")
    made = world.regulator.made("/revenue-caps", cap_body("operator"))
    world.regulator.made("/revenue-caps", cap_body("operator-2"))
    for reader in (world.regulator, world.operator, world.grantor, world.auditor, world.admin):
        assert reader.seen(f"/revenue-caps/{made['id']}") == made
        assert made in reader.seen("/revenue-caps", operator="operator")["items"]
    assert [cap["operator"] for cap in world.operator.seen("/revenue-caps")["items"]] == ["operator"]
    assert len(world.regulator.seen("/revenue-caps")["items"]) == 2
    for stranger in (world.rival, world.other_grantor, world.other_regulator):
        assert stranger.get(f"/revenue-caps/{made['id']}").status_code == 404
        assert stranger.seen("/revenue-caps")["items"] == []
    assert world.buyer.get("/revenue-caps").status_code == 403
    assert world.regulator.get("/revenue-caps", colour="red").status_code == 400


def test_every_fault_of_the_figures_is_named_at_once(world: World) -> None:
    year = {
        "year": "2025",
        "costs": [{"head": "land", "use": "both", "amount": 5}],
        "subsidies": "-1",
        "tax": {"vat": "0"},
    }
    body = cap_body("operator", years=[year], bond_yield_percent=2.2, markup_points="-1", colour="red")
    problem = world.regulator.refused("/revenue-caps", body, 400, "malformed")
    assert sorted(problem["errors"]) == [
        "bond_yield_percent",
        "colour",
        "markup_points",
        "years.0.costs.0.amount",
        "years.0.costs.0.head",
        "years.0.costs.0.use",
        "years.0.subsidies",
        "years.0.tax.other",
        "years.0.year",
    ]


def test_days_at_the_end_of_the_calendar_are_refused_and_not_a_fault(world: World) -> None:
    body = cap_body("operator", cycle_from="9998-01-01", cycle_until="9999-12-31")
    world.regulator.refused("/revenue-caps", body, 422, "revenue_cap_invalid")


def test_a_cycle_beyond_the_calendar_is_refused_and_asked_about_without_a_fault(world: World) -> None:
    endless = cap_body("operator", cycle_until="9999-12-31", cycle_reason="long")
    world.regulator.refused("/revenue-caps", endless, 422, "revenue_cap_invalid")
    late = cap_body("operator", cycle_from="9999-01-01", cycle_until="9999-12-31", cycle_reason="long")
    assert world.regulator.post("/revenue-caps", late).status_code in (400, 422)
    answer = world.regulator.get("/reports/carry-in", operator="operator", cycle_from="9999-01-01")
    assert answer.status_code in (400, 422)


def test_a_decision_dated_ahead_makes_nothing_lawful_earlier(world: World) -> None:
    new_operator(world, "young", operating_since="2025-02-01")
    ahead = cap_body("young", decided_on="2027-01-01", cycle_from="2027-01-01", cycle_until="2028-01-01")
    ahead["years"][0]["year"] = 2027
    world.regulator.refused("/revenue-caps", ahead, 422, "operating_year_incomplete")
