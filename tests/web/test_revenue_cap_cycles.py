"""From one cycle to the next: what is carried in, how it is spread, and years that are determined later."""

from __future__ import annotations

from typing import Any

from tests.web.price_bodies import cap_body, cap_year
from tests.world import World

CARRY_IN = "/reports/carry-in"


def year(number: int, maximum: str) -> dict[str, Any]:
    return cap_year(number, [["platform", "commercial", maximum]])


def cap(first: int, *maxima: str, years: int | None = None, **given: Any) -> dict[str, Any]:
    """A cap from a year on, for as many years as it has maxima, or more."""
    cycle = {"cycle_from": f"{first}-01-01", "cycle_until": f"{first + (years or len(maxima))}-01-01"}
    determined = [year(first + number, maximum) for number, maximum in enumerate(maxima)]
    return cap_body("operator", decision_no=f"C-{first}", years=determined, **cycle, **given)


def deductions(made: Any) -> list[str]:
    return [each["deduction"] for each in made["years"]]


def leaving(world: World, amount: str, **given: Any) -> Any:
    """Determine a cap for 2024, which is over, of 100.00 that bears nothing of what it carries in above that."""
    return world.regulator.made("/revenue-caps", cap(2024, "100.00", carry_in=amount, **given))


def test_what_the_closed_cycle_leaves_is_carried_in_or_a_reason_is_stated(world: World) -> None:
    before = leaving(world, "150.00")
    offered = world.operator.seen(CARRY_IN, operator="operator", cycle_from="2025-01-01")
    assert (offered["carry_in"], [each["revenue_cap"] for each in offered["cycles"]]) == ("50.00", [before["id"]])
    for stated in ("49.99", "50.01", "0.00"):
        problem = world.regulator.refused("/revenue-caps", cap(2025, "900", carry_in=stated), 422, "carry_in_differs")
        assert (problem["carry_in"], problem["closed_cycle_leaves"]) == (stated, "50.00")
        assert list(problem["errors"]) == ["carry_in"]
    reasoned = cap(2025, "900", carry_in="20.00", carry_in_reason="part of it was repaid to the buyers")
    made = world.regulator.made("/revenue-caps", reasoned)
    assert (made["carry_in"], made["closed_cycle_leaves"], deductions(made)) == ("20.00", "50.00", ["20.00"])
    assert (made["carried_from"], made["carry_in_reason"]) == ([before["id"]], reasoned["carry_in_reason"])


def test_the_same_amount_or_none_takes_over_what_is_left(world: World) -> None:
    leaving(world, "150.00")
    made = world.regulator.made("/revenue-caps", cap(2025, "900", carry_in="50.00"))
    assert (made["carry_in"], made["years"][0]["maximum_after_deduction"]) == ("50.00", "850.00")
    last = world.regulator.made("/revenue-caps", cap(2027, "900"))
    assert (last["carry_in"], last["closed_cycle_leaves"], last["carried_from"]) == ("0.00", None, [])


def test_revenue_above_the_maximum_counts_less_what_was_credited_and_a_shortfall_counts_nothing(world: World) -> None:
    world.regulator.made("/revenue-caps", cap(2025, "1000000.00"))
    world.priced(ceiling="1.00", unit_price="1.00")
    contract = world.contract()["id"]
    world.usage(contract, "offering", "1040000", "2025-03-01T00:00:00+08:00")
    world.clock("2025-04-01")
    bill = world.invoice(contract, "2025-03")["id"]
    world.clock("2026-01-02")
    asked = {"operator": "operator", "cycle_from": "2026-01-01"}
    assert world.regulator.seen(CARRY_IN, **asked)["carry_in"] == "40000.00"
    notes = f"/invoices/{bill}/credit-notes"
    world.operator.made(notes, {"amount": "2650.00", "reason": "allowance"})
    # R4: 1,037,500.00 of 1,000,000.00, and 1,050,000.00 in the next cycle
    made = world.regulator.made("/revenue-caps", cap(2026, "1050000.00"))
    assert (deductions(made), made["years"][0]["maximum_after_deduction"]) == (["37500.00"], "1012500.00")
    world.operator.made(notes, {"amount": "79500.00", "reason": "allowance"})
    assert world.regulator.seen(CARRY_IN, **asked)["carry_in"] == "0.00"


def test_a_cycle_that_still_runs_is_not_compared_and_comes_in_when_it_is_closed(world: World) -> None:
    running = world.regulator.made("/revenue-caps", cap(2025, "100.00", carry_in="150.00"))
    offered = world.regulator.seen(CARRY_IN, operator="operator", cycle_from="2026-01-01")
    assert (offered["carry_in"], offered["cycles"]) == ("0.00", [])
    next_one = world.regulator.made("/revenue-caps", cap(2026, "900"))
    assert (next_one["carry_in"], next_one["carried_from"]) == ("0.00", [])
    world.clock("2027-01-01")
    last = world.regulator.made("/revenue-caps", cap(2027, "900"))
    assert (last["carry_in"], last["carried_from"]) == ("50.00", [running["id"], next_one["id"]])


def test_what_a_cycle_for_all_products_leaves_is_deducted_once_whichever_level_takes_it_over(world: World) -> None:
    everything = leaving(world, "150.00")
    asked = {"operator": "operator", "cycle_from": "2025-01-01"}
    for level in ("national", "local"):
        assert world.regulator.seen(CARRY_IN, **asked, registration_level=level)["carry_in"] == "50.00"
    local = world.regulator.made("/revenue-caps", cap(2025, "10.00", registration_level="local"))
    assert (local["carried_from"], local["carry_out"]) == ([everything["id"]], "40.00")
    assert world.regulator.seen(CARRY_IN, **asked, registration_level="national")["cycles"] == []
    world.clock("2026-01-01")
    for query in ({}, {"registration_level": "local"}):
        later = world.regulator.seen(CARRY_IN, operator="operator", cycle_from="2026-01-01", **query)
        assert (later["carry_in"], [each["revenue_cap"] for each in later["cycles"]]) == ("40.00", [local["id"]])


def test_a_large_excess_is_spread_by_a_recorded_decision_whose_parts_come_to_it(world: World) -> None:
    leaving(world, "400.00")
    parts = [{"year": 2025, "amount": "100.00"}, {"year": 2026, "amount": "200.00"}]
    decision = {"decision_no": "S-1", "reason": "too large for one year", "years": parts}
    body = cap(2025, "80.00", "900.00", deduction_spread=decision)
    made = world.regulator.made("/revenue-caps", body)
    assert (made["carry_in"], deductions(made), made["carry_out"]) == ("300.00", ["80.00", "220.00"], "0.00")
    assert made["deduction_spread"] == decision


def test_a_spread_that_is_not_the_whole_or_not_of_the_cycle_is_refused(world: World) -> None:
    leaving(world, "400.00")

    def spread(*parts: tuple[int, str]) -> dict[str, Any]:
        years = [{"year": number, "amount": amount} for number, amount in parts]
        return cap(2025, "900", deduction_spread={"decision_no": "S-1", "reason": "large", "years": years})

    problem = world.regulator.refused("/revenue-caps", spread((2025, "299.99")), 422, "deduction_spread_mismatch")
    assert (problem["spread"], problem["carry_in"]) == ("299.99", "300.00")
    world.regulator.refused("/revenue-caps", spread((2026, "300.00")), 422, "revenue_cap_invalid")
    twice = spread((2025, "100.00"), (2025, "200.00"))
    problem = world.regulator.refused("/revenue-caps", twice, 422, "revenue_cap_invalid")
    assert list(problem["errors"]) == ["deduction_spread.years.1.year"]
    assert list(world.regulator.refused("/revenue-caps", spread((2025, "-1.00")), 400, "malformed")["errors"]) == [
        "deduction_spread.years.0.amount"
    ]


def test_years_without_figures_are_determined_later_under_the_caps_own_rate(world: World) -> None:
    body = cap(2025, "100.00", years=3, carry_in="250.00", bond_yield_percent="2.20", markup_points="6.00")
    made = world.regulator.made("/revenue-caps", body)
    path = f"/revenue-caps/{made['id']}/years"
    later = {"decision_no": "C-2", "decided_on": "2025-03-01", "years": [year(2027, "100.00")]}
    added = world.regulator.made(path, later)
    assert [(each["year"], each["maximum_permitted_revenue"]) for each in added["years"]] == [
        (2025, "108.20"),
        (2027, "108.20"),
    ]
    assert (deductions(added), added["carry_out"]) == (["108.20", "108.20"], "33.60")
    problem = world.regulator.refused(path, later, 422, "overlapping_version")
    assert "2027" in problem["detail"]
    outside = {**later, "years": [year(2028, "1.00")]}
    world.regulator.refused(path, outside, 422, "revenue_cap_invalid")
    taxed = {**later, "years": [cap_year(2026, [["platform", "commercial", "1"]], vat="1.00")]}
    world.regulator.refused(path, taxed, 422, "tax_basis_mismatch")
    filled = world.regulator.made(path, {**later, "decision_no": "C-3", "years": [year(2026, "1000.00")]})
    assert (deductions(filled), filled["carry_out"]) == (["108.20", "33.60", "108.20"], "0.00")
    assert [(each["decision_no"], each["years"]) for each in filled["additions"]] == [("C-2", [2027]), ("C-3", [2026])]
    assert world.operator.seen(f"/revenue-caps/{made['id']}") == filled


def test_reports_of_an_earlier_moment_do_not_know_years_that_were_added_later(world: World) -> None:
    made = world.regulator.made("/revenue-caps", cap(2025, "100.00", years=2))
    asked = {"operator": "operator", "year": "2026"}
    before = world.regulator.seen("/reports/revenue-position", **asked)
    assert before["maximum_after_deduction"] is None
    later = {"decision_no": "C-2", "decided_on": "2025-03-01", "years": [year(2026, "300.00")]}
    world.regulator.made(f"/revenue-caps/{made['id']}/years", later)
    assert world.regulator.seen("/reports/revenue-position", **asked)["maximum_after_deduction"] == "300.00"
    assert world.regulator.seen("/reports/revenue-position", **asked, as_of=before["as_of"]) == before


def test_a_cycle_longer_than_three_years_needs_a_reason(world: World) -> None:
    long = cap(2025, "1", "1", "1", "1")
    world.regulator.refused("/revenue-caps", long, 422, "term_needs_reason")
    world.regulator.made("/revenue-caps", {**long, "cycle_reason": "the platform is built over four years"})
