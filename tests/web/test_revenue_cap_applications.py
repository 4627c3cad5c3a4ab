"""The way from trial prices to a formal maximum."""

from __future__ import annotations

from typing import Any

from tests.client import Client
from tests.web.price_bodies import application_body, cap_body, cap_year, new_operator
from tests.world import World

APPLICATIONS = "/revenue-cap-applications"
ACCEPTED = {"outcome": "accepted", "finding": "reasonable"}
LOWER = [cap_year(2026, [["platform", "commercial", "450000.00"]], subsidies="10.00")]


def applied(client: Client, **given: Any) -> str:
    return str(client.made(APPLICATIONS, application_body(**given))["id"])


def evaluated(world: World, application: str, **given: Any) -> Any:
    return world.regulator.made(f"{APPLICATIONS}/{application}/evaluate", {**ACCEPTED, **given}, 200)


def cap_2026(application: str | None, **given: Any) -> dict[str, Any]:
    cycle = {"cycle_from": "2026-01-01", "cycle_until": "2027-01-01"}
    return cap_body("operator", application=application, years=LOWER, **cycle, **given)


def test_there_is_no_maximum_and_no_application_before_a_complete_operating_year(world: World) -> None:
    young = new_operator(world, "young", operating_since="2024-06-01")
    problem = young.refused(APPLICATIONS, application_body(), 422, "operating_year_incomplete")
    assert (problem["complete_on"], list(problem["errors"])) == ("2026-01-01", ["cost_survey_year"])
    body = cap_body("young", decided_on="2025-12-31")
    problem = world.regulator.refused("/revenue-caps", body, 422, "operating_year_incomplete")
    assert list(problem["errors"]) == ["decided_on"]
    world.clock("2025-12-31T23:59:59+08:00")
    young.refused(APPLICATIONS, application_body(), 422, "operating_year_incomplete")
    world.clock("2026-01-01")
    assert applied(young)
    world.regulator.made("/revenue-caps", {**body, "decided_on": "2026-01-01"})


def test_an_operator_whose_start_is_not_known_is_not_judged(world: World) -> None:
    assert applied(new_operator(world, "unknown", operating_since=None))


def test_an_application_is_accepted_with_other_figures_for_reasons_and_determined(world: World) -> None:
    application = applied(world.operator)
    changed = {"accepted_years": LOWER}
    refused = world.regulator.refused(
        f"{APPLICATIONS}/{application}/evaluate", {**ACCEPTED, **changed}, 422, "evaluation_needs_reasons"
    )
    assert "costs.platform.commercial of 2026" in refused["detail"]
    found = evaluated(world, application, **changed, reasons=["not of authorised operation"])
    differences = found["evaluation"]["differences"]
    assert [(each["item"], each["difference"]) for each in differences] == [
        ("costs.platform.commercial", "-50000.00"),
        ("subsidies", "10.00"),
    ]
    cap = world.regulator.made("/revenue-caps", cap_2026(application))
    assert (cap["application"], cap["application_differences"]) == (application, differences)
    assert cap["years"][0]["operating_cost"] == "449990.00"
    shown = world.operator.seen(f"{APPLICATIONS}/{application}")
    assert (shown["status"], shown["revenue_cap"]) == ("determined", cap["id"])
    again = cap_2026(application) | {"cycle_from": "2027-01-01", "cycle_until": "2028-01-01"}
    again["years"] = [cap_year(2027, [["platform", "commercial", "1"]])]
    world.regulator.refused("/revenue-caps", again, 409, "application_used")


def test_a_determination_rests_on_an_application_that_was_accepted_for_the_same_products(world: World) -> None:
    application = applied(world.operator, registration_level="local")
    waiting = world.regulator.refused(
        "/revenue-caps", cap_2026(application, registration_level="local"), 422, "application_not_accepted"
    )
    assert waiting["status_of_application"] == "submitted"
    evaluated(world, application)
    world.regulator.refused("/revenue-caps", cap_2026(application), 422, "application_not_accepted")
    world.regulator.refused("/revenue-caps", cap_2026("rca_unknown"), 404, "not_found")
    rival = new_operator(world, "second")
    others = applied(rival)
    world.regulator.refused("/revenue-caps", cap_2026(others), 404, "not_found")


def test_an_application_is_evaluated_once_and_one_that_is_returned_is_made_anew(world: World) -> None:
    application = applied(world.operator)
    pending = world.operator.refused(APPLICATIONS, application_body(), 409, "application_pending")
    assert pending["application"] == application
    assert evaluated(world, application, outcome="returned", finding="no accounts")["status"] == "returned"
    path = f"{APPLICATIONS}/{application}/evaluate"
    world.regulator.refused(path, ACCEPTED, 409, "application_evaluated")
    again = applied(world.operator)
    assert evaluated(world, again)["evaluation"]["differences"] == []
    world.operator.refused(APPLICATIONS, application_body(), 409, "application_pending")
    assert len(world.regulator.seen(APPLICATIONS, operator="operator")["items"]) == 2


def test_an_application_goes_to_the_operators_own_price_authority(world: World) -> None:
    problem = world.operator.refused(APPLICATIONS, application_body(regulator="other-regulator"), 404, "not_found")
    assert list(problem["errors"]) == ["regulator"]
    national = application_body(registration_level="national")
    world.operator.refused(APPLICATIONS, national, 422, "not_price_authority")


def test_figures_that_no_cap_could_be_determined_from_are_refused_at_once(world: World) -> None:
    taxed = application_body(years=[cap_year(2026, [["platform", "commercial", "1"]], vat="1.00")])
    world.operator.refused(APPLICATIONS, taxed, 422, "tax_basis_mismatch")
    subsidised = application_body(years=[cap_year(2026, [["platform", "commercial", "1"]], subsidies="2.00")])
    world.operator.refused(APPLICATIONS, subsidised, 422, "revenue_cap_invalid")
    negative = application_body(years=[cap_year(2026, [["platform", "commercial", "-1"]])])
    assert list(world.operator.refused(APPLICATIONS, negative, 400, "malformed")["errors"]) == [
        "years.0.costs.0.amount"
    ]
    body = {"outcome": "returned", "finding": "no", "accepted_years": LOWER}
    path = f"{APPLICATIONS}/{applied(world.operator)}/evaluate"
    assert list(world.regulator.refused(path, body, 400, "malformed")["errors"]) == ["accepted_years"]
